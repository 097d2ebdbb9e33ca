//! The stories of http2jp/hpack-test-case, as encoded by many implementations.

use std::fs::File;
use std::io::{BufReader, Read};
use std::sync::OnceLock;

use framescope::http2::hpack::Scratch;
use serde_json::Value;

use crate::support::{Shown, hex, known, shown, vectors};

/// One encoder's story: blocks that share a table.
pub(crate) struct Story {
    /// `<encoder>/story_NN.json`
    pub(crate) name: String,
    pub(crate) cases: Vec<Case>,
}

pub(crate) struct Case {
    pub(crate) wire: Vec<u8>,
    pub(crate) fields: Vec<Shown>,
    pub(crate) table_size: Option<u32>,
}

/// All stories; none, and a line that says why, where they are absent.
pub(crate) fn stories() -> &'static [Story] {
    static STORIES: OnceLock<Vec<Story>> = OnceLock::new();
    STORIES.get_or_init(|| {
        let path = vectors().join("hpack-test-case.tar.xz");
        match File::open(&path) {
            Ok(file) => unpack(file),
            Err(error) => {
                println!("skipped: {}: {error}", path.display());
                Vec::new()
            }
        }
    })
}

fn unpack(file: File) -> Vec<Story> {
    let mut octets = Vec::new();
    lzma_rs::xz_decompress(&mut BufReader::new(file), &mut octets).expect("an xz file");
    let mut archive = tar::Archive::new(&octets[..]);
    let mut stories = Vec::new();
    for entry in archive.entries().expect("a tar file") {
        let mut entry = entry.expect("a tar entry");
        let name = entry.path().expect("a path").display().to_string();
        if !name.ends_with(".json") {
            continue;
        }
        let mut text = String::new();
        entry.read_to_string(&mut text).expect("text");
        let story: Value = serde_json::from_str(&text).expect("JSON");
        let cases = story["cases"].as_array().expect("cases");
        stories.push(Story { name, cases: cases.iter().map(case).collect() });
    }
    stories
}

fn case(case: &Value) -> Case {
    let fields = case["headers"].as_array().expect("headers");
    let text = |value: &Value| value.as_str().map(|text| text.as_bytes().to_vec());
    Case {
        wire: hex(case["wire"].as_str().expect("wire")),
        fields: fields
            .iter()
            .flat_map(|field| field.as_object().expect("a field"))
            .map(|(name, value)| (Some(name.as_bytes().to_vec()), text(value)))
            .collect(),
        table_size: case["header_table_size"].as_u64().map(|size| size as u32),
    }
}

#[test]
fn every_story_of_every_encoder_decodes_to_its_headers() {
    let mut scratch = Scratch::new();
    let mut blocks = 0;
    for story in stories() {
        let mut decoder = known();
        for (number, case) in story.cases.iter().enumerate() {
            if let Some(size) = case.table_size {
                decoder.set_size_limit(size);
            }
            let block = decoder.decode(&case.wire, &mut scratch);
            let at = format!("{} case {number}", story.name);
            assert_eq!(block.faults(), [], "{at}");
            assert_eq!(block.decoded_octets() as usize, case.wire.len(), "{at}");
            assert_eq!(shown(block), case.fields, "{at}");
            assert!(decoder.is_exact(), "{at}");
            blocks += 1;
        }
    }
    println!("{} stories, {blocks} blocks", stories().len());
}

#[test]
fn spans_of_a_block_are_adjacent_and_cover_it() {
    let mut scratch = Scratch::new();
    for story in stories() {
        let mut decoder = known();
        for case in &story.cases {
            let mut end = 0;
            for field in decoder.decode(&case.wire, &mut scratch) {
                assert_eq!(field.span().start, end);
                end = field.span().end;
            }
            assert_eq!(end as usize, case.wire.len());
        }
    }
}
