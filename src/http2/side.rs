//! What belongs to one direction of a connection, and to the side that sends in it.

use super::blocks::OpenBlock;
use super::frame::StreamId;
use super::hpack;
use super::settings::{Setting, Values};
use super::unanswered::Unanswered;
use crate::time::Timestamp;

/// The connection window both sides begin with (RFC 9113 §6.9.2).
const INITIAL_WINDOW: i64 = 65_535;

/// What belongs to one direction, and to the side that sends in it.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) hpack: hpack::Decoder,
    pub(super) block: Option<OpenBlock>,
    /// Whether the sender's connection preface is still to come; `None` where it may have been missed.
    pub(super) before_preface: Option<bool>,
    /// Whether frames of this direction are seen at all.
    pub(super) followed: bool,
    /// What the sender asked for, as far as the other side has accepted it.
    pub(super) values: Values,
    /// How often what it asked for changed the initial window.
    pub(super) initial_changes: u32,
    pub(super) unanswered_settings: Unanswered<Vec<Setting>>,
    pub(super) unanswered_pings: Unanswered<[u8; 8]>,
    /// The connection window left for octets of this direction.
    pub(super) window: Option<i64>,
    /// Flow-controlled octets that no WINDOW_UPDATE for the connection has given back; `None` once some were not captured.
    pub(super) used: Option<u64>,
    pub(super) used_by: UsedBy,
    /// When DATA used the connection window up.
    pub(super) used_up: Option<Timestamp>,
    /// Octets of padding of the DATA frame that is being read in parts.
    pub(super) large_padding: u8,
    /// The highest stream whose beginning was seen.
    pub(super) highest: u32,
}

/// Whose octets have not been given back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum UsedBy {
    Nobody,
    One(StreamId),
    Many,
}

impl Side {
    pub(super) fn new(known: bool, both: bool) -> Self {
        let start = if known { hpack::Start::Known } else { hpack::Start::Late };
        Self {
            hpack: hpack::Decoder::new(start, hpack::Limits::default()),
            block: None,
            before_preface: known.then_some(true),
            followed: known,
            initial_changes: 0,
            // What was accepted stands in what the other side sent.
            values: if both { Values::DEFAULT } else { Values::UNKNOWN },
            unanswered_settings: Unanswered::default(),
            unanswered_pings: Unanswered::default(),
            window: both.then_some(INITIAL_WINDOW),
            used: both.then_some(0),
            used_by: UsedBy::Nobody,
            used_up: None,
            large_padding: 0,
            highest: 0,
        }
    }

    /// Frames of the other side were lost: acknowledgements of what this one sent may be among them.
    pub(super) fn lose_answers(&mut self) {
        self.forget_unanswered();
        self.unanswered_settings.lose_answers();
        self.unanswered_pings.lose_answers();
    }

    /// Whether SETTINGS that were not seen accepted hold is not known any more.
    pub(super) fn forget_unanswered(&mut self) {
        for setting in self.unanswered_settings.iter().flatten() {
            self.values.forget(setting.id);
        }
    }
}
