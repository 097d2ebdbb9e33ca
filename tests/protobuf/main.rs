//! Messages against the Python runtime, `prost-reflect`, damage, and without a schema.

mod damage;
mod guess;
mod oracle;
mod schema;
mod support;
mod truth;
