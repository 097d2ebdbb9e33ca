//! The `tls` object of a flow: what its hellos tell without a key.

use super::write::{display, end_list, key, name, number, quoted, string_or_hex, truth};
use crate::tls::{Facts, Name};

/// What both hellos said, as far as they were seen. What is decrypted is said by `decrypted`: so far nothing is.
pub(super) fn facts(facts: &Facts, out: &mut Vec<u8>) {
    out.extend_from_slice(key!("tls"));
    out.extend_from_slice(b"{\"decrypted\":false");
    if let Some(version) = facts.version {
        display(out, key!("version"), version);
    }
    if let Some(cipher) = facts.cipher {
        display(out, key!("cipher"), cipher);
    }
    if let Some(sni) = &facts.sni {
        text(sni, (key!("sni"), key!("sni_hex")), out);
    }
    if let Some(alpn) = &facts.alpn_selected {
        text(alpn, (key!("alpn"), key!("alpn_hex")), out);
    }
    list(key!("alpn_offered"), &facts.alpn_offered, facts.alpn_not_kept, out);
    list(key!("versions_offered"), &facts.versions_offered, facts.versions_not_kept, out);
    number(out, key!("cipher_suites_offered"), facts.cipher_suites_offered);
    truth(out, key!("client_hello_seen"), facts.client_hello_seen);
    truth(out, key!("server_hello_seen"), facts.server_hello_seen);
    for (key, fact) in [
        (key!("alpn_encrypted"), facts.alpn_is_encrypted()),
        (key!("ech_offered"), facts.ech_offered),
        (key!("hello_retry_request"), facts.hello_retry_request),
        (key!("sslv2_framing"), facts.sslv2_framing),
        (key!("reversed"), facts.reversed),
    ] {
        if fact {
            truth(out, key, true);
        }
    }
    if let Some(alert) = facts.alert {
        display(out, key!("alert"), alert);
        name(out, key!("alert_direction"), alert.direction.name());
    }
    if let Some(fault) = facts.hello_fault {
        display(out, key!("hello_fault"), fault);
    }
    out.push(b'}');
}

/// A name of which at most 255 octets were kept.
fn text(name: &Name, keys: (&[u8], &[u8]), out: &mut Vec<u8>) {
    string_or_hex(out, keys, name.as_bytes());
}

/// A list of what was offered; its last entry says how many more there were than were kept.
fn list<T: std::fmt::Display>(key: &[u8], items: &[T], not_kept: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    let mut before = b'[';
    for item in items {
        out.push(before);
        quoted(out, item.to_string().as_bytes());
        before = b',';
    }
    if not_kept > 0 {
        out.push(before);
        quoted(out, format!("{not_kept} more").as_bytes());
        before = b',';
    }
    end_list(out, before);
}
