//! Writes inputs to begin with, made from the fixtures, into the folder given.

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).expect("usage: seeds FOLDER");
    framescope_fuzz::seeds::write(std::path::Path::new(&folder))
}
