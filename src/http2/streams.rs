//! Something for each stream that is open: a short list, searched in turn, while there are few, and a map beyond that.
//!
//! Most connections have one or two streams open at once, where a list costs less time and less memory.

use std::collections::HashMap;

use super::frame::StreamId;

/// Values by stream.
#[derive(Debug)]
pub struct Streams<T> {
    few: Vec<(StreamId, T)>,
    /// All of them, once there were more than a few; it stays a map until it is empty.
    many: HashMap<StreamId, T, foldhash::fast::RandomState>,
}

/// Streams up to which a list is searched.
const FEW: usize = 8;

impl<T> Streams<T> {
    /// The value of a stream.
    #[must_use]
    pub fn get(&self, stream: StreamId) -> Option<&T> {
        match self.few.iter().find(|(id, _)| *id == stream) {
            Some((_, value)) => Some(value),
            None if self.many.is_empty() => None,
            None => self.many.get(&stream),
        }
    }

    /// The value of a stream, to be changed.
    #[must_use]
    pub fn get_mut(&mut self, stream: StreamId) -> Option<&mut T> {
        match self.few.iter_mut().find(|(id, _)| *id == stream) {
            Some((_, value)) => Some(value),
            None if self.many.is_empty() => None,
            None => self.many.get_mut(&stream),
        }
    }

    /// Whether there is a value for a stream.
    #[must_use]
    pub fn contains(&self, stream: StreamId) -> bool {
        self.get(stream).is_some()
    }

    /// Sets the value of a stream.
    pub fn insert(&mut self, stream: StreamId, value: T) {
        if let Some(place) = self.get_mut(stream) {
            *place = value;
        } else if self.many.is_empty() && self.few.len() < FEW {
            self.few.push((stream, value));
        } else {
            self.many.extend(self.few.drain(..));
            self.many.insert(stream, value);
        }
    }

    /// Takes the value of a stream out.
    pub fn remove(&mut self, stream: StreamId) -> Option<T> {
        if let Some(place) = self.few.iter().position(|(id, _)| *id == stream) {
            return Some(self.few.swap_remove(place).1);
        }
        if self.many.is_empty() { None } else { self.many.remove(&stream) }
    }

    /// How many streams have a value.
    #[must_use]
    pub fn len(&self) -> usize {
        self.few.len().saturating_add(self.many.len())
    }

    /// Whether no stream has one.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Streams and values, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (StreamId, &T)> {
        let few = self.few.iter().map(|(id, value)| (*id, value));
        few.chain(self.many.iter().map(|(id, value)| (*id, value)))
    }

    /// Streams and values to be changed, in no order.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (StreamId, &mut T)> {
        let few = self.few.iter_mut().map(|(id, value)| (*id, value));
        few.chain(self.many.iter_mut().map(|(id, value)| (*id, value)))
    }

    /// All values, in no order.
    pub fn into_values(self) -> impl Iterator<Item = T> {
        self.few.into_iter().map(|(_, value)| value).chain(self.many.into_values())
    }

    /// Octets of memory held, without what the values themselves point to.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.few.capacity().saturating_add(self.many.capacity()).saturating_mul(size_of::<(StreamId, T)>())
    }
}

impl<T> Default for Streams<T> {
    fn default() -> Self {
        Self { few: Vec::new(), many: HashMap::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_whether_few_streams_are_open_or_many() {
        let mut streams = Streams::default();
        for id in 0..100 {
            streams.insert(StreamId(id), id);
        }
        assert_eq!(streams.len(), 100);
        assert!((0..100).all(|id| streams.get(StreamId(id)) == Some(&id)));
        for id in 0..99 {
            assert_eq!(streams.remove(StreamId(id)), Some(id));
        }
        streams.insert(StreamId(99), 7);
        streams.insert(StreamId(101), 8);
        assert_eq!((streams.get(StreamId(99)), streams.get(StreamId(101)), streams.len()), (Some(&7), Some(&8), 2));
    }
}
