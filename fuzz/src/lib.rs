//! Fuzz targets for every floor of framescope. Each takes any octets; a panic is a finding.
//!
//! With the feature `libfuzzer`, libFuzzer drives them, guided by coverage. Without it, [`plain`] mutates the seeds without
//! knowing what they reach, which takes nothing but Rust.

pub mod endpoint;
pub mod file;
pub mod frame;
pub mod hpack;
pub mod packet;
pub mod pipeline;
pub mod plain;
pub mod protobuf;
pub mod seeds;
pub mod tcp;

#[cfg(feature = "libfuzzer")]
pub use libfuzzer_sys;

/// Makes a program out of a target.
#[cfg(feature = "libfuzzer")]
#[macro_export]
macro_rules! drive {
    ($run:path) => {
        $crate::libfuzzer_sys::fuzz_target!(|data: &[u8]| {
            $run(data);
        });
    };
}

/// Makes a program out of a target.
#[cfg(not(feature = "libfuzzer"))]
#[macro_export]
macro_rules! drive {
    ($run:path) => {
        fn main() -> std::process::ExitCode {
            $crate::plain::main($run)
        }
    };
}

/// Takes octets apart from the front; when they are used up, everything is zero and empty.
pub struct Octets<'a>(pub &'a [u8]);

impl<'a> Octets<'a> {
    /// The next octet.
    pub fn octet(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    /// The next two octets as a number.
    pub fn short(&mut self) -> u16 {
        u16::from_be_bytes([self.octet(), self.octet()])
    }

    /// The next octets, as many as there are up to `count`.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (now, later) = self.0.split_at(count.min(self.0.len()));
        self.0 = later;
        now
    }

    /// Whether any are left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The directory of the package that is fuzzed.
pub fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The schemas of the fixtures.
pub fn schema() -> framescope::protobuf::schema::Schema {
    use framescope::protobuf::schema::{Disk, Inputs, Schema};
    let inputs = Inputs { protos: vec![root().join("fixtures/proto")], ..Inputs::default() };
    Schema::load(&inputs, &Disk).expect("the fixtures' schemas load").0
}
