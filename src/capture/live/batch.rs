//! Packets taken from the kernel in one go: their octets in one buffer, used again for the next go.

use pcap::{Active, Capture};

use crate::time::Timestamp;

/// Packets that wait to be handed out.
pub(super) struct Batch {
    octets: Vec<u8>,
    records: Vec<Record>,
    /// Records handed out.
    used: usize,
    /// Where the octets of the next one begin.
    at: usize,
    /// Nanoseconds of a fraction of a second as libpcap counts them.
    fraction: i64,
    total: u64,
}

struct Record {
    time: Timestamp,
    length: usize,
    original_length: u32,
}

/// A packet of the batch.
pub(super) struct Taken<'a> {
    pub(super) time: Timestamp,
    pub(super) data: &'a [u8],
    pub(super) original_length: u32,
}

impl Batch {
    /// `is_nano` says what `tv_usec` counts: with nanoseconds asked for and given, it is those.
    pub(super) fn new(is_nano: bool) -> Self {
        let fraction = if is_nano { 1 } else { 1000 };
        Self { octets: Vec::new(), records: Vec::new(), used: 0, at: 0, fraction, total: 0 }
    }

    /// Whether everything was handed out.
    pub(super) fn is_used_up(&self) -> bool {
        self.used >= self.records.len()
    }

    /// Octets taken so far.
    pub(super) fn octets(&self) -> u64 {
        self.total
    }

    /// Takes what has arrived, without waiting; says how many packets.
    pub(super) fn take(&mut self, capture: &mut Capture<Active>) -> Result<usize, pcap::Error> {
        self.octets.clear();
        self.octets.shrink_to(KEPT_OCTETS);
        self.records.clear();
        (self.used, self.at) = (0, 0);
        let Self { octets, records, fraction, .. } = self;
        let taken = capture.dispatch(Some(PACKETS), |packet| {
            octets.extend_from_slice(packet.data);
            records.push(Record {
                time: time(packet.header.ts, *fraction),
                length: packet.data.len(),
                original_length: packet.header.len,
            });
        });
        self.total = self.total.saturating_add(u64::try_from(self.octets.len()).unwrap_or(u64::MAX));
        taken
    }

    /// The next packet.
    pub(super) fn next(&mut self) -> Option<Taken<'_>> {
        let record = self.records.get(self.used)?;
        let end = self.at.saturating_add(record.length);
        let data = self.octets.get(self.at..end).unwrap_or_default();
        self.used = self.used.saturating_add(1);
        self.at = end;
        Some(Taken { time: record.time, data, original_length: record.original_length })
    }
}

/// `fraction` is the number of nanoseconds that `tv_usec` counts.
#[allow(clippy::useless_conversion, reason = "the fields of timeval are not 64 bits wide everywhere")]
fn time(ts: libc::timeval, fraction: i64) -> Timestamp {
    let seconds = i64::from(ts.tv_sec).saturating_mul(1_000_000_000);
    Timestamp::from_nanos(seconds.saturating_add(i64::from(ts.tv_usec).saturating_mul(fraction)))
}

/// Packets of a batch: at the longest, 16 MiB.
const PACKETS: usize = 64;
/// Room that stays for the next batch.
const KEPT_OCTETS: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fraction_counts_what_libpcap_was_asked_for() {
        let ts = libc::timeval { tv_sec: 1, tv_usec: 123_456 };
        assert_eq!(time(ts, 1).as_nanos(), 1_000_123_456);
        assert_eq!(time(ts, 1000).as_nanos(), 1_123_456_000);
    }
}
