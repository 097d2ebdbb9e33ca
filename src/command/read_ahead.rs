//! Reads the input on a thread of its own, a little ahead of the dissector. What arrives is handed on as it arrives.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// Octets asked for at once.
const PIECE: usize = 1 << 20;
/// Pieces read ahead.
const AHEAD: usize = 2;

/// The octets of another reader, in the same order and with the same errors.
#[derive(Debug)]
pub(super) struct ReadAhead {
    pieces: Receiver<io::Result<Piece>>,
    used: Sender<Vec<u8>>,
    current: Piece,
    taken: usize,
}

/// The octets one read gave.
#[derive(Debug, Default)]
struct Piece {
    buffer: Vec<u8>,
    length: usize,
}

impl ReadAhead {
    /// Starts reading. The thread ends with its input, with an error, or when nobody takes what it reads.
    pub(super) fn new(input: impl Read + Send + 'static) -> io::Result<Self> {
        let (to_reader, pieces) = sync_channel(AHEAD);
        let (used, from_reader) = channel();
        thread::Builder::new().name("read-ahead".into()).spawn(move || read(input, &to_reader, &from_reader))?;
        Ok(Self { pieces, used, current: Piece::default(), taken: 0 })
    }
}

fn read(mut input: impl Read, pieces: &SyncSender<io::Result<Piece>>, used: &Receiver<Vec<u8>>) {
    loop {
        let mut buffer = used.try_recv().unwrap_or_else(|_| vec![0; PIECE]);
        match input.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => {
                if pieces.send(Ok(Piece { buffer, length })).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let _ = pieces.send(Err(error));
                return;
            }
        }
    }
}

impl Read for ReadAhead {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.taken >= self.current.length {
            // The reader has ended when it no longer holds its end of the channel.
            let Ok(next) = self.pieces.recv() else { return Ok(0) };
            let piece = std::mem::replace(&mut self.current, next?);
            self.taken = 0;
            if !piece.buffer.is_empty() {
                let _ = self.used.send(piece.buffer);
            }
        }
        let rest = self.current.buffer.get(self.taken..self.current.length).unwrap_or_default();
        let length = rest.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..length), rest.get(..length)) {
            to.copy_from_slice(from);
        }
        self.taken = self.taken.saturating_add(length);
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one octet, then fails.
    struct Failing(bool);

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("gone"));
            }
            buffer[0] = 7;
            Ok(1)
        }
    }

    #[test]
    fn octets_come_in_order_and_end_where_the_input_ends() {
        let octets: Vec<u8> = (0..1_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut read = Vec::new();
        ReadAhead::new(io::Cursor::new(octets.clone())).expect("a thread").read_to_end(&mut read).expect("no error");
        assert_eq!(read, octets);
    }

    #[test]
    fn an_error_comes_after_the_octets_before_it() {
        let mut reader = ReadAhead::new(Failing(false)).expect("a thread");
        let mut octet = [0];
        assert_eq!(reader.read(&mut octet).expect("an octet"), 1);
        assert_eq!(reader.read(&mut octet).map_err(|error| error.to_string()), Err("gone".into()));
    }
}
