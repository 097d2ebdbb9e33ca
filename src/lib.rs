//! framescope: what gRPC said on the wire, frame by frame.
//!
//! `unsafe` is denied everywhere but in `capture::live::native`, which calls the C functions of libpcap.
#![deny(unsafe_code, missing_docs, unreachable_pub)]

pub mod annotate;
pub mod capture;
pub mod cli;
pub mod command;
pub mod direction;
pub mod dissect;
pub mod endpoint;
pub mod event;
pub mod filter;
pub mod finding;
pub mod grpc;
pub mod http2;
pub mod limits;
pub mod net;
pub mod protobuf;
pub mod span;
pub mod tcp;
pub mod time;
pub mod tls;
pub mod view;
pub mod write;
