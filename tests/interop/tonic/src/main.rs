//! tonic's server and client of echo.proto.
//!
//! usage: interop-tonic server             serves on a free port of loopback, told on the first line of standard output
//!        interop-tonic client HOST:PORT   plays every case of the table; a line for each that holds

mod client;
mod server;

/// The generated client and server.
pub mod echo {
    include!(concat!(env!("OUT_DIR"), "/interop.Echo.rs"));
}

/// interop.Message.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Message {
    #[prost(string, tag = "1")]
    pub text: String,
    #[prost(bytes = "vec", tag = "2")]
    pub data: Vec<u8>,
    #[prost(int32, tag = "3")]
    pub number: i32,
}

/// The message of a status that was asked for.
pub fn words(code: i32) -> String {
    format!("status {code}, as was asked: \u{2713}")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server"] => server::serve().await,
        ["client", address] => client::cases(address).await,
        _ => Err("usage: interop-tonic server | client HOST:PORT".into()),
    }
}
