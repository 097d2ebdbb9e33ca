//! Packets to TCP segments, as a user sees them: against tshark on whole captures, and damage by damage.

mod captures;
mod damage;
mod encapsulation;
mod fragments;
mod packets;
mod support;
mod totality;
