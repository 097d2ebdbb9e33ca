//! Every bound framescope keeps, in one place: nothing read from a capture takes memory beyond these.
//!
//! A limit that is reached is always an event with counts, never a silent drop.

/// Bounds on what is held in memory. All sizes are octets unless the field says otherwise.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// TCP flows followed at once; beyond it the flow idle longest is given up.
    pub flows: usize,
    /// VLANs and tunnels in which one pair of addresses and ports is met at once; beyond it the one met longest ago is forgotten.
    pub contexts: usize,
    /// Octets of one flow (both directions) kept while earlier octets are missing; beyond it the hole is skipped.
    pub flow_waiting: usize,
    /// Octets of all flows kept while earlier octets are missing.
    pub total_waiting: usize,
    /// Octets kept of one direction while no protocol has been recognised, or while frames are searched for after a gap.
    pub search: usize,
    /// The largest HTTP/2 frame kept whole; a larger DATA frame is read in parts, any other is skipped.
    pub frame: usize,
    /// The largest header block (HEADERS and its CONTINUATION frames) that is decoded.
    pub header_block: usize,
    /// Frames one header block may be spread over.
    pub header_block_frames: usize,
    /// Streams open at once in one connection that are followed.
    pub streams: usize,
    /// The largest gRPC message kept whole; of a larger one the length is told but not the content.
    pub message: usize,
    /// Octets of unfinished gRPC messages kept over all calls.
    pub total_messages: usize,
    /// The largest size a compressed message may unpack to.
    pub decompressed: usize,
    /// Octets of metadata kept for one call.
    pub call_metadata: usize,
    /// Octets of metadata kept over all calls that have not ended.
    pub total_metadata: usize,
    /// Octets of header tables kept over all connections; beyond it the larger ones are given up, and what refers to them is unknown.
    pub total_tables: usize,
    /// Octets kept over all flows whose protocol has not been recognised; beyond it they are taken for unknown.
    pub total_unrecognised: usize,
    /// IP datagrams whose fragments are being collected.
    pub fragments: usize,
    /// Octets of unfinished frames and header blocks kept over all connections; beyond it the larger ones are read in parts, or left out.
    pub total_frames: usize,
    /// PINGs and SETTINGS of one connection that wait for their acknowledgement.
    pub unanswered: usize,
    /// Octets forwarded by a relay that wait to be decoded and recorded; beyond it they are forwarded but not recorded.
    pub relay_waiting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            flows: 65_536,
            contexts: 16,
            flow_waiting: 4 << 20,
            total_waiting: 32 << 20,
            search: 64 << 10,
            frame: 1 << 20,
            header_block: 1 << 20,
            header_block_frames: 1024,
            streams: 65_536,
            message: 8 << 20,
            total_messages: 32 << 20,
            decompressed: 16 << 20,
            call_metadata: 256 << 10,
            total_metadata: 64 << 20,
            total_tables: 64 << 20,
            total_unrecognised: 32 << 20,
            fragments: 256,
            total_frames: 64 << 20,
            unanswered: 64,
            relay_waiting: 64 << 20,
        }
    }
}

impl Limits {
    /// Every bound by name, to be looked at or changed, with what it bounds.
    pub fn fields(&mut self) -> Vec<(&'static str, &mut usize, &'static str)> {
        vec![
            ("flows", &mut self.flows, "TCP flows followed at once"),
            (
                "contexts",
                &mut self.contexts,
                "VLANs and tunnels in which one pair of addresses and ports is met at once",
            ),
            (
                "flow_waiting",
                &mut self.flow_waiting,
                "Octets of one flow (both directions) kept while earlier octets are missing",
            ),
            ("total_waiting", &mut self.total_waiting, "Octets of all flows kept while earlier octets are missing"),
            (
                "search",
                &mut self.search,
                "Octets kept of one direction while no protocol has been recognised, or while frames are searched for after a gap",
            ),
            ("frame", &mut self.frame, "The largest HTTP/2 frame kept whole"),
            (
                "header_block",
                &mut self.header_block,
                "The largest header block (HEADERS and its CONTINUATION frames) that is decoded",
            ),
            ("header_block_frames", &mut self.header_block_frames, "Frames one header block may be spread over"),
            ("streams", &mut self.streams, "Streams open at once in one connection that are followed"),
            ("message", &mut self.message, "The largest gRPC message kept whole"),
            ("total_messages", &mut self.total_messages, "Octets of unfinished gRPC messages kept over all calls"),
            ("decompressed", &mut self.decompressed, "The largest size a compressed message may unpack to"),
            ("call_metadata", &mut self.call_metadata, "Octets of metadata kept for one call"),
            ("total_metadata", &mut self.total_metadata, "Octets of metadata kept over all calls that have not ended"),
            ("total_tables", &mut self.total_tables, "Octets of header tables kept over all connections"),
            (
                "total_unrecognised",
                &mut self.total_unrecognised,
                "Octets kept over all flows whose protocol has not been recognised",
            ),
            ("fragments", &mut self.fragments, "IP datagrams whose fragments are being collected"),
            (
                "total_frames",
                &mut self.total_frames,
                "Octets of unfinished frames and header blocks kept over all connections",
            ),
            (
                "unanswered",
                &mut self.unanswered,
                "PINGs and SETTINGS of one connection that wait for their acknowledgement",
            ),
            (
                "relay_waiting",
                &mut self.relay_waiting,
                "Octets forwarded by a relay that wait to be decoded and recorded; more is forwarded but not recorded",
            ),
        ]
    }
}
