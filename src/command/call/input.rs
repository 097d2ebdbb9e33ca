//! The messages to send: JSON from the command line, a file, or the standard input as it arrives.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;
use std::thread;

use tokio::sync::mpsc;

use super::Types;
use crate::command::{Failure, drive, shown};
use crate::protobuf::encode::{Encoder, JsonError};

/// What is sent.
pub(super) enum Input<'a> {
    /// All of it is known.
    Known(Vec<Vec<u8>>),
    /// One JSON value after another comes from the standard input.
    Arriving(Arriving<'a>),
}

impl<'a> Input<'a> {
    /// Reads `-d`. Without it a method that takes one message is sent an empty one, any other none.
    pub(super) fn new(data: Option<&str>, types: Types, encoder: &'a Encoder) -> Result<Self, Failure> {
        let (source, text) = match data {
            None if types.takes_many => return Ok(Self::Known(Vec::new())),
            None => ("", "{}".to_owned()),
            Some("@-") if types.takes_many => return Ok(Self::Arriving(Arriving::new(types, encoder)?)),
            Some("@-") => {
                let text = io::read_to_string(io::stdin().lock());
                ("the standard input: ", text.map_err(|error| unreadable("the standard input", &error))?)
            }
            Some(data) => match data.strip_prefix('@') {
                Some(path) => {
                    let text = std::fs::read_to_string(path).map_err(|error| unreadable(&shown(path), &error))?;
                    (path, text)
                }
                None => ("-d: ", data.to_owned()),
            },
        };
        let source = if source.is_empty() || source.ends_with(": ") {
            source.to_owned()
        } else {
            format!("{}: ", shown(source))
        };
        let messages = if types.takes_many {
            encoder.encode_each(&types.input, &text)
        } else {
            encoder.encode(&types.input, &text).map(|message| vec![message])
        };
        messages.map(Self::Known).map_err(|error| misfit(&source, &types, &error))
    }
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure::new(
        Failure::INPUT,
        format!("-d: cannot read {name}: {}; check the name and the permissions", drive::words(error)),
    )
}

fn misfit(source: &str, types: &Types, error: &JsonError) -> Failure {
    let code = if error.is_of_schema { Failure::SCHEMA } else { Failure::USAGE };
    let Types { input, .. } = types;
    Failure::new(code, format!("{source}the JSON does not fit {}: {}", shown(input), shown(&error.to_string())))
}

/// JSON values on their way from the standard input.
pub(super) struct Arriving<'a> {
    types: Types,
    encoder: &'a Encoder,
    values: mpsc::Receiver<Result<String, String>>,
    count: u64,
}

impl<'a> Arriving<'a> {
    fn new(types: Types, encoder: &'a Encoder) -> Result<Self, Failure> {
        let (sender, values) = mpsc::channel(AHEAD);
        let reading = move || {
            split(io::stdin().lock(), |value| sender.blocking_send(value).is_ok());
        };
        // Whoever types slowly must not hold up the connection. The thread ends with the program.
        thread::Builder::new()
            .name("standard input".into())
            .spawn(reading)
            .map_err(|error| unreadable("the standard input", &error))?;
        Ok(Self { types, encoder, values, count: 0 })
    }

    /// The next message; `None` when there are no more.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let Some(value) = self.values.recv().await else { return Ok(None) };
        self.count = self.count.saturating_add(1);
        let source = format!("the standard input, message {}: ", self.count);
        let value = value.map_err(|why| Failure::new(Failure::USAGE, format!("{source}{}", shown(&why))))?;
        let message = self.encoder.encode(&self.types.input, &value);
        message.map(Some).map_err(|error| misfit(&source, &self.types, &error))
    }
}

/// Values that are read ahead.
const AHEAD: usize = 16;

/// Hands on the text of each JSON value as soon as it is whole, until one is none or nobody takes them any more.
fn split(input: impl Read, mut hand_on: impl FnMut(Result<String, String>) -> bool) {
    let text = Rc::<RefCell<Vec<u8>>>::default();
    let copying = Copying { input, text: Rc::clone(&text) };
    let mut values = serde_json::Deserializer::from_reader(copying).into_iter::<serde_json::Value>();
    let mut taken = 0;
    while let Some(value) = values.next() {
        // What has been read beyond the value belongs to the next one.
        let length = values.byte_offset().saturating_sub(taken);
        taken = values.byte_offset();
        let mut text = text.borrow_mut();
        let length = length.min(text.len());
        let value = value
            .map_err(|error| format!("no JSON: {error}"))
            .map(|_| String::from_utf8_lossy(text.drain(..length).as_slice()).into_owned());
        let is_last = value.is_err();
        if !hand_on(value) || is_last {
            return;
        }
    }
}

/// Keeps a copy of what is read.
struct Copying<R> {
    input: R,
    text: Rc<RefCell<Vec<u8>>>,
}

impl<R: Read> Read for Copying<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.input.read(buffer)?;
        self.text.borrow_mut().extend_from_slice(buffer.get(..length).unwrap_or_default());
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<Result<String, String>> {
        let mut all = Vec::new();
        split(text.as_bytes(), |value| {
            all.push(value.map(|text| text.trim().to_owned()));
            true
        });
        all
    }

    #[test]
    fn values_may_stand_on_lines_of_their_own_or_side_by_side() {
        let expected: Vec<_> = [r#"{"a":1}"#, r#"{"b":"}"}"#, "7", "[]"].map(|value| Ok(value.to_owned())).into();
        assert_eq!(pieces("{\"a\":1}\n{\"b\":\"}\"} 7\n[]\n"), expected);
        assert_eq!(pieces("  \n"), []);
    }

    #[test]
    fn what_is_no_json_ends_it() {
        let all = pieces("{} nonsense {}");
        assert_eq!(all.len(), 2);
        assert!(all[1].is_err());
    }

    #[test]
    fn a_value_is_handed_on_before_the_next_one_has_begun() {
        /// Octets, and how many values must have been handed on when each is asked for.
        struct OneByOne(std::vec::IntoIter<(u8, usize)>, Rc<RefCell<usize>>);
        impl Read for OneByOne {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let Some((octet, expected)) = self.0.next() else { return Ok(0) };
                assert_eq!(*self.1.borrow(), expected);
                buffer[0] = octet;
                Ok(1)
            }
        }
        let count = Rc::<RefCell<usize>>::default();
        let octets = vec![(b'{', 0), (b'}', 0), (b'\n', 1), (b'[', 1), (b']', 1), (b' ', 2)];
        split(OneByOne(octets.into_iter(), Rc::clone(&count)), |_| {
            *count.borrow_mut() += 1;
            true
        });
        assert_eq!(*count.borrow(), 2);
    }
}
