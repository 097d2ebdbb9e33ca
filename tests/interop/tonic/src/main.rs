//! tonic's server and client of framescope.Echo.
//!
//! usage: interop-tonic server             serves on a free port of loopback, told on the first line of standard output
//!        interop-tonic client HOST:PORT   plays every case; a line for each that holds
//!        interop-tonic version            tells the version of tonic

mod client;
mod server;

/// The generated client and server of framescope.Echo.
pub mod echo {
    include!(concat!(env!("OUT_DIR"), "/framescope.Echo.rs"));
}

/// And of proto.SearchService.
pub mod search {
    include!(concat!(env!("OUT_DIR"), "/proto.SearchService.rs"));
}

/// framescope.EchoMessage. Its text is the one field that SearchRequest and SearchResponse have.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Message {
    #[prost(string, tag = "1")]
    pub text: String,
    #[prost(bytes = "vec", tag = "2")]
    pub payload: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub number: i64,
}

/// The message that a call's status is to have.
pub fn words(code: i32) -> String {
    format!("status {code}: 100 % as asked")
}

/// What Search says.
pub const NOT_HERE: &str = "not here: \u{2713} 100 %";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server"] => server::serve().await,
        ["client", address] => client::cases(address).await,
        ["version"] => {
            println!("{}", version().ok_or("Cargo.lock does not tell")?);
            Ok(())
        }
        _ => Err("usage: interop-tonic server | client HOST:PORT | version".into()),
    }
}

fn version() -> Option<&'static str> {
    let (_, rest) = include_str!("../Cargo.lock").split_once("name = \"tonic\"\nversion = \"")?;
    rest.split('"').next()
}
