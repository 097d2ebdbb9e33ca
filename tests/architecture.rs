//! Each room imports only from floors below its own, and the floors are those of ARCHITECTURE.md.
#![allow(missing_docs, reason = "a test binary")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The floor of each room, as the table in ARCHITECTURE.md says: `| 3 | `tcp/` | ... |`.
fn floors() -> BTreeMap<String, u32> {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = page.lines().filter_map(|line| {
        let (floor, rest) = line.strip_prefix('|')?.split_once('|')?;
        Some((floor.trim().parse().ok()?, rest.split('|').next()?))
    });
    let rooms =
        rows.flat_map(|(floor, cell)| cell.split('`').skip(1).step_by(2).map(move |room| (room_of(room), floor)));
    rooms.collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `tcp/`, `tcp/live.rs` and `tcp.rs` are the room `tcp`.
fn room_of(path: &str) -> String {
    path.split('/').next().unwrap().trim_end_matches(".rs").to_owned()
}

fn sources(folder: PathBuf) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|end| end == "rs"))
        .collect()
}

/// Calls `check` with a source's room and each room it names.
fn each_import(mut check: impl FnMut(&Path, &str, &str)) {
    for path in sources(root().join("src")) {
        let within = path.strip_prefix(root().join("src")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let named = code.flat_map(|line| line.split("crate::").skip(1).chain(line.split("framescope::").skip(1)));
        for rest in named {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            assert!(!name.is_empty(), "{}: one `use` a room, please: crate::{rest}", within.display());
            check(within, &room_of(within.to_str().unwrap()), &name);
        }
    }
}

#[test]
fn imports_point_down() {
    let floors = floors();
    let mut imports = 0;
    each_import(|path, room, name| {
        let (Some(own), Some(other)) = (floors.get(room), floors.get(name)) else {
            panic!("{}: no floor for {room} or {name}", path.display())
        };
        // The words that all rooms share use each other.
        let words = *own == 1 && *other == 1;
        assert!(
            room == name || words || other < own,
            "{} (floor {own}) imports {name} (floor {other})",
            path.display()
        );
        imports += 1;
    });
    assert!(imports > 100);
}

#[test]
fn every_room_has_a_floor_and_every_floor_a_room() {
    let rooms: Vec<String> = std::fs::read_dir(root().join("src"))
        .unwrap()
        .map(|entry| room_of(entry.unwrap().file_name().to_str().unwrap()))
        .filter(|room| room != "lib")
        .collect();
    let floors = floors();
    for room in &rooms {
        assert!(floors.contains_key(room), "{room} has no floor in ARCHITECTURE.md");
    }
    for room in floors.keys() {
        assert!(rooms.contains(room), "ARCHITECTURE.md has a floor for {room}, which is not there");
    }
}

/// They take a direction, a span and octets, so that endpoints, fuzzers and tests drive them alike.
#[test]
fn what_octets_mean_never_depends_on_where_they_come_from() {
    each_import(|path, room, name| {
        let pure = ["http2", "grpc", "protobuf", "tls"].contains(&room);
        assert!(!(pure && ["tcp", "net", "capture"].contains(&name)), "{} imports {name}", path.display());
    });
}
