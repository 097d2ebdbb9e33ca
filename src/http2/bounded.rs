//! What a connection holds and counts against limits, and what it gives up when one is reached.

use super::hpack;
use super::seen::{Notice, Sink};
use super::state::{State, Step};
use super::streams::Streams;
use crate::direction::Direction;

/// Octets of header table still kept of a direction whose table was given up.
const GIVEN_UP_TABLE: u32 = 4096;

impl State {
    /// Takes note that a limit was reached, which may happen with every frame: told at once the first time, and the rest together at the end.
    #[cold]
    pub(super) fn limit(&mut self, what: &'static str, step: &mut Step<'_, impl Sink>) {
        let known = self.again.iter_mut().find(|(known, _)| *known == what || known.is_empty());
        match known {
            Some((known, again)) if *known == what => *again = again.saturating_add(1),
            known => {
                if let Some(place) = known {
                    *place = (what, 0);
                }
                step.notice(Notice::Limit { what, count: 1 });
            }
        }
    }

    pub(super) fn close(&mut self, step: &mut Step<'_, impl Sink>) {
        for (what, count) in std::mem::take(&mut self.again) {
            if count > 0 {
                step.notice(Notice::Limit { what, count });
            }
        }
        let shared = &mut *step.shared;
        shared.open_streams = shared.open_streams.saturating_sub(self.streams.len());
        self.streams = Streams::default();
        shared.tables = shared.tables.saturating_sub(self.charged);
        shared.connections = shared.connections.saturating_sub(usize::from(self.charged > 0));
        self.charged = 0;
    }

    /// Counts what the header tables hold, and gives one up that holds more than its share where all of them hold too much.
    pub(super) fn charge_tables(&mut self, step: &mut Step<'_, impl Sink>) {
        let held = self.sides.to_server.hpack.held_bytes().saturating_add(self.sides.to_client.hpack.held_bytes());
        if held == self.charged {
            return;
        }
        let shared = &mut *step.shared;
        shared.connections = shared.connections.saturating_add(usize::from(self.charged == 0));
        shared.tables = shared.tables.saturating_sub(self.charged).saturating_add(held);
        self.charged = held;
        let share = shared.limits.total_tables.checked_div(shared.connections).unwrap_or(0);
        if shared.tables <= shared.limits.total_tables || held <= share {
            return;
        }
        let given_up = &mut self.sides[step.direction].hpack;
        let limits = hpack::Limits {
            table_octets: GIVEN_UP_TABLE,
            uncertain_table_octets: GIVEN_UP_TABLE,
            ..hpack::Limits::default()
        };
        let mut fresh = hpack::Decoder::new(hpack::Start::Late, limits);
        if let Some(limit) = given_up.size_limit() {
            fresh.set_size_limit(limit);
        }
        let freed = given_up.held_bytes().saturating_sub(fresh.held_bytes());
        *given_up = fresh;
        self.charged = self.charged.saturating_sub(freed);
        shared.tables = shared.tables.saturating_sub(freed);
        step.notice(Notice::Limit { what: "octets of header tables", count: freed as u64 });
    }

    pub(super) fn held_bytes(&self) -> usize {
        Direction::BOTH.into_iter().fold(self.streams.held_bytes(), |sum, direction| {
            let side = &self.sides[direction];
            let block = side.block.as_ref().map_or(0, |block| block.fragment.capacity());
            sum.saturating_add(side.hpack.held_bytes()).saturating_add(block)
        })
    }
}
