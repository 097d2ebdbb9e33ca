//! Messages against the Python runtime, `prost-reflect`, damage, and without a schema.

mod damage;
mod encode;
mod guess;
mod oracle;
mod schema;
mod support;
#[path = "../support/texts.rs"]
mod texts;
mod truth;
