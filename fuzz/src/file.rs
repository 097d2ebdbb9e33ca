//! Capture files.

use framescope::capture::{CaptureFile, Limits, Source};

/// Reads all packets, and everything there is to know about each.
pub fn run(data: &[u8]) {
    let limits = Limits { record_octets: 1 << 20, zstd_window_octets: 1 << 20, ..Limits::default() };
    let mut source = match CaptureFile::with_limits(data, limits) {
        Ok(source) => source,
        Err(error) => {
            assert!(error.to_string().len() > 10);
            return;
        }
    };
    let mut number = 0;
    for _ in 0..10_000 {
        match source.next_packet() {
            Ok(Some(packet)) => {
                assert!(packet.number > number, "packets are numbered in order");
                number = packet.number;
                let _ = (packet.comments().count(), packet.flags(), packet.is_cut(), packet.time.rfc3339().to_string());
                assert!(packet.options.count() <= data.len().max(1 << 20));
            }
            Ok(None) => break,
            Err(error) => {
                let _ = error.to_string();
                // An error stays one.
                assert!(source.next_packet().is_err());
                break;
            }
        }
        assert!(source.held_bytes() < 32 << 20);
    }
    let _ = format!("{:?}", source.facts());
}
