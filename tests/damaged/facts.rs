//! What a damaged capture says about itself: gaps, conflicts, flows, times, and where it was cut.

use std::collections::BTreeMap;

use super::support::SeenGap;
use super::{Case, direction, each};
use framescope::capture::Error;
use framescope::direction::Direction;
use framescope::tcp::{Close, GapReason, Opened};

#[test]
fn gaps_have_the_size_and_the_direction_of_what_was_lost() {
    each(|case, complain| {
        let lost = |one: Direction| {
            case.trace.gaps.iter().filter(|gap| gap.direction == one).map(|gap| gap.octets).sum::<u64>()
        };
        let expect = &case.expect;
        if let Some(octets) = expect["gap_bytes"].as_u64() {
            let one = direction(&expect["gap_direction"]);
            if (case.trace.gaps.len(), lost(one), lost(one.opposite())) != (1, octets, 0) {
                complain(format!("{:?} where one gap of {octets} octets {} is true", case.trace.gaps, one.name()));
            }
        }
        if let Some(octets) = expect["gap_bytes_at_most"].as_u64() {
            let one = direction(&expect["gap_direction"]);
            if lost(one) == 0 || lost(one) > octets || lost(one.opposite()) > 0 {
                complain(format!("{:?} where at most {octets} octets {} are true", case.trace.gaps, one.name()));
            }
        }
        for one in Direction::BOTH {
            if let Some(octets) = expect[format!("gap_bytes_{}", one.name())].as_u64() {
                let reason = |gap: &SeenGap| gap.reason == GapReason::Cut;
                if lost(one) != octets || !case.trace.gaps.iter().all(reason) {
                    complain(format!(
                        "{} octets {} where {octets} are true: {:?}",
                        lost(one),
                        one.name(),
                        case.trace.gaps
                    ));
                }
            }
        }
    });
}

#[test]
fn conflicts_are_events_where_octets_differ_and_nowhere_else() {
    each(|case, complain| {
        let expected = case.expect.get("conflict").is_some();
        if expected != (case.trace.conflicts > 0) {
            complain(format!("{} conflicts", case.trace.conflicts));
        }
    });
}

#[test]
fn flows_are_as_many_and_begin_and_end_as_the_capture_shows() {
    each(|case, complain| {
        let expect = &case.expect;
        let flows = usize::try_from(expect["flows"].as_u64().unwrap_or(1)).unwrap();
        if case.trace.flows.len() != flows || case.trace.totals.flows != flows as u64 {
            complain(format!("{} flows where {flows} are true", case.trace.flows.len()));
        }
        for (facts, protocol, close) in case.trace.flows.values() {
            if *protocol != "http2" {
                complain(format!("protocol {protocol}"));
            }
            let (base, _, _) = &case.base.flows[&0];
            if facts.client.port() != base.client.port() || facts.server.port() != base.server.port() {
                complain(format!(
                    "{} -> {} where {} -> {} is true",
                    facts.client, facts.server, base.client, base.server
                ));
            }
            match expect["opened"].as_str() {
                Some("mid") if facts.opened != Opened::Mid => complain(format!("opened {:?}", facts.opened)),
                Some("syn") if facts.opened != Opened::Syn => complain(format!("opened {:?}", facts.opened)),
                _ => {}
            }
            if expect["closed"] == "rst" && !matches!(close, Some(Close::Reset(_))) {
                complain(format!("closed {close:?}"));
            }
        }
    });
}

#[test]
fn keep_alives_are_counted_as_such() {
    each(|case, complain| {
        let expected = case.expect["keep_alives"].as_u64().unwrap_or(0);
        let seen: u64 = case.trace.flows.values().map(|(facts, _, _)| facts.keep_alives).sum();
        if seen != expected {
            complain(format!("{seen} keep-alives where {expected} are true"));
        }
    });
}

#[test]
fn a_cut_file_says_where_it_was_cut_after_all_that_precedes_it() {
    each(|case, complain| {
        let exit = case.expect["exit"].as_u64();
        match (&case.trace.error, exit) {
            (None, None) => {}
            (Some(error), Some(6)) if error.is_truncation() => {
                let offset = case.expect["offset"].as_u64();
                if offset.is_some() && error.offset() != offset {
                    complain(format!("{error} where {offset:?} is true"));
                }
                if let Some(packets) = case.expect["packets"].as_u64()
                    && case.trace.totals.packets != packets
                {
                    complain(format!("{} packets where {packets} are true", case.trace.totals.packets));
                }
                if case.name == "cut_gzip"
                    && !matches!(error, Error::CompressedTruncated { .. } | Error::Truncated { .. })
                {
                    complain(format!("{error}"));
                }
            }
            (error, _) => complain(format!("ended with {error:?} where exit {exit:?} is true")),
        }
    });
}

#[test]
fn times_keep_their_nanoseconds() {
    each(|case, complain| {
        let Some(digit) = case.expect["last_digits_ns"]
            .as_str()
            .and_then(|digit| digit.parse::<i64>().ok())
            .or(case.expect["last_digits_ns"].as_i64())
        else {
            return;
        };
        for (number, (_, nanos)) in &case.trace.packets {
            if nanos % 10 != digit {
                complain(format!("packet {number} at {nanos}"));
            }
        }
    });
}

#[test]
fn what_is_not_tcp_is_counted_and_not_shown() {
    each(|case, complain| {
        if case.expect.get("not_tcp").is_none() {
            return;
        }
        if case.trace.totals.packets as usize != case.trace.packets.len() || case.trace.flows.len() != 1 {
            complain(format!("{:?}", case.trace.totals));
        }
        // A cut IP header and packets of one octet and of none do not parse; that is all.
        if case.trace.malformed.iter().any(|what| !what.contains("packet:")) {
            complain(format!("{:?}", case.trace.malformed));
        }
    });
}

#[test]
fn after_a_gap_the_frames_that_follow_are_those_of_the_whole_capture() {
    each(|case, complain| {
        if !case.loses_octets() || case.trace.flows.len() != 1 {
            return;
        }
        let base = frames_by_place(case, true);
        for ((from_client, offset), (header, _)) in frames_by_place(case, false) {
            let name = if from_client { "to_server" } else { "to_client" };
            match base.get(&(from_client, offset)) {
                Some((truth, _)) if *truth == header => {}
                truth => complain(format!("a frame {header:?} at {offset} {name} where {truth:?} is true")),
            }
        }
    });
}

type Places = BTreeMap<(bool, u64), (Option<[u8; 9]>, u64)>;

/// Header and packet of every frame, by direction and place. Where a capture begins late its offsets do too: they are moved so that the
/// last frame of each direction stands where it stands in the base.
fn frames_by_place(case: &Case<'_>, base: bool) -> Places {
    let trace = if base { case.base } else { &case.trace };
    let mut out = Places::new();
    for one in Direction::BOTH {
        let ends = |frames: &[super::support::SeenFrame]| {
            frames.iter().filter(|frame| frame.direction == one).map(|frame| frame.offset).max()
        };
        let late = case.expect["opened"] == "mid" && !base;
        let shift = if late {
            ends(&case.base.frames).zip(ends(&case.trace.frames)).map_or(0, |(base, own)| base - own)
        } else {
            0
        };
        for frame in trace.frames.iter().filter(|frame| frame.direction == one) {
            out.insert(
                (one == Direction::ToServer, frame.offset + shift),
                (frame.header.map(|header| header.octets()), frame.packet),
            );
        }
    }
    out
}
