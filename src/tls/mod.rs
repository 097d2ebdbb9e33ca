//! TLS as anyone on the path can see it: recognised by its first octets, named by its two hellos (RFC 8446, RFC 5246).
//!
//! [`looks_like_tls`] says whether octets are TLS at all; [`Tls`] follows one flow and keeps the [`Facts`] that need no
//! key: server name, protocols, version, cipher suite, alerts in plaintext. Nothing here decrypts, verifies, or decides
//! whether what the peers chose is wise.

#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::arithmetic_side_effects)]

mod alert;
mod cipher;
mod cursor;
mod facts;
mod hello;
mod observer;
mod record;
mod version;

pub use alert::{Alert, AlertDescription, AlertLevel};
pub use cipher::CipherSuite;
pub use cursor::Malformed;
pub use facts::{Facts, HelloFault, HelloFaultKind, Name};
pub use hello::{ClientHello, ServerHello, V2ClientHello};
pub use observer::Tls;
pub use record::{ContentType, Look, RecordHeader, looks_like_tls};
pub use version::Version;
