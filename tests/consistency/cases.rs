//! Damage that once made a decode say something false, each in its smallest case.

use std::path::Path;

use super::capture::Parts;
use super::compare::Report;
use super::damage::Damage;
use super::decode::Decoder;
use super::kept::packets;
use super::story::Story;

/// Nothing that a fixture with this damage says is false.
fn says_nothing_false(capture: &str, damages: &[Damage]) {
    let packets = packets(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/captures").join(capture));
    let parts = Parts::of(&packets);
    let mut decoder = Decoder::new();
    let whole = Story::new(decoder.decode(&packets, &parts));
    let mut report = Report::default();
    for damage in damages {
        super::try_one(capture, &packets, &parts, &whole, damage, &mut decoder, &mut report);
    }
    report.assert_clean();
}

fn lost(places: &[usize]) -> Damage {
    Damage::Lost(places.to_vec())
}

fn late_and_lost(first: usize, places: &[usize]) -> Damage {
    Damage::Both(Box::new((Damage::Late(first), lost(places))))
}

#[test]
fn a_stream_met_in_the_middle_has_no_state_but_what_was_seen_of_it() {
    says_nothing_false("py_errors.pcap", &[Damage::Late(10), Damage::Late(50)]);
}

#[test]
fn settings_whose_acknowledgement_is_lost_set_no_window() {
    says_nothing_false("py_errors.pcap", &[lost(&[5])]);
    says_nothing_false("py_gzip.pcap", &[lost(&[3, 11, 44])]);
}

#[test]
fn who_used_what_is_given_back_is_said_only_where_all_users_were_seen() {
    says_nothing_false("py_errors.pcap", &[Damage::Late(2)]);
}

#[test]
fn settings_after_a_missed_beginning_are_not_said_to_be_no_preface() {
    says_nothing_false("py_errors.pcap", &[Damage::Late(4), lost(&[3])]);
}

#[test]
fn an_answer_to_one_of_two_pings_alike_is_given_to_neither_when_answers_are_lost() {
    says_nothing_false("go_article_stream.pcap", &[lost(&[13])]);
}

#[test]
fn what_one_side_said_between_two_losses_of_the_other_stands_between_them() {
    says_nothing_false("py_modes.pcap", &[lost(&[37, 41, 49]), late_and_lost(5, &[55, 59])]);
    says_nothing_false("py_kinds.pcap", &[late_and_lost(7, &[11, 14])]);
}

#[test]
fn a_window_update_of_which_the_header_alone_was_captured_leaves_the_window_unknown() {
    says_nothing_false("py_deadline.pcap", &[Damage::Snap(88), Damage::Snap(92)]);
}

#[test]
fn a_response_that_is_not_grpc_does_not_tell_what_the_call_is() {
    says_nothing_false("px_nginx_502.pcap", &[Damage::Late(9), Damage::Snap(88), Damage::Snap(116)]);
}

#[test]
fn a_reset_after_the_end_of_a_call_that_was_lost_does_not_end_it() {
    says_nothing_false("px_nginx_502.pcap", &[lost(&[17])]);
    says_nothing_false("tonic_tonic.pcap", &[lost(&[22])]);
}

#[test]
fn octets_that_still_come_after_a_reset_not_captured_are_no_call_cut_off() {
    says_nothing_false("tonic_tonic.pcap", &[Damage::Late(180)]);
}

#[test]
fn a_call_of_which_the_beginning_is_missing_has_no_duration() {
    says_nothing_false("px_nginx_502.pcap", &[Damage::Late(16)]);
}

#[test]
fn octets_missing_where_a_late_capture_begins_are_a_gap() {
    says_nothing_false("py_gzip.pcap", &[late_and_lost(22, &[4, 18])]);
}
