//! Reading the vectors of the presentation language (RFC 8446 §3.4) from octets of a stranger; never reads past its end.

use std::fmt;

/// Where and why a hello does not parse.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Malformed {
    /// The part that does not parse, in words, such as "the cipher suites".
    pub what: &'static str,
    /// Octets from the start of the message body to that part.
    pub offset: u32,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at octet {}", self.what, self.offset)
    }
}

/// A place in a message, with what remains of the vector around it.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    offset: u32,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets, offset: 0 }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The fault of something at this place.
    pub(super) const fn fault(&self, what: &'static str) -> Malformed {
        let offset = self.offset;
        Malformed { what, offset }
    }

    /// Nothing may remain.
    pub(super) const fn end(&self, what: &'static str) -> Result<(), Malformed> {
        match self.is_empty() {
            true => Ok(()),
            false => Err(self.fault(what)),
        }
    }

    pub(super) fn take(&mut self, count: usize, what: &'static str) -> Result<Self, Malformed> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(self.fault(what))?;
        let taken = Self { rest: head, offset: self.offset };
        self.rest = rest;
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.offset = self.offset.saturating_add(count);
        Ok(taken)
    }

    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8, Malformed> {
        match self.take(1, what)?.rest {
            [octet] => Ok(*octet),
            _ => Err(self.fault(what)),
        }
    }

    pub(super) fn u16(&mut self, what: &'static str) -> Result<u16, Malformed> {
        match self.take(2, what)?.rest {
            [high, low] => Ok(u16::from_be_bytes([*high, *low])),
            _ => Err(self.fault(what)),
        }
    }

    /// A vector behind a length of one octet.
    pub(super) fn vector8(&mut self, what: &'static str) -> Result<Self, Malformed> {
        let length = self.u8(what)?;
        self.take(usize::from(length), what)
    }

    /// A vector behind a length of two octets.
    pub(super) fn vector16(&mut self, what: &'static str) -> Result<Self, Malformed> {
        let length = self.u16(what)?;
        self.take(usize::from(length), what)
    }
}
