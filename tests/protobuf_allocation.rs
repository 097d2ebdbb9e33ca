//! A warm decoder allocates nothing: the hot path's promise, counted.

#[path = "protobuf/support.rs"]
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use framescope::protobuf::decode::Decoder;
use support::{id, lab, payload};

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_warm_decoder_allocates_nothing() {
    let schema = lab();
    let mut decoder = Decoder::default();
    let mut out = Vec::with_capacity(1 << 16);
    for (name, file) in [
        ("lab.v1.Kinds", "kinds.request.bin"),
        ("lab.v1.Kinds", "kinds.response.bin"),
        ("lab.legacy.Legacy", "legacy.request.bin"),
        ("lab.v1.Item", "item.response.bin"),
        ("google.rpc.Status", "status.bin"),
    ] {
        let octets = payload(file);
        let message = id(&schema, name);
        let mut run = || {
            out.clear();
            decoder.json(&schema, message, &octets, &mut out);
            decoder.line(&schema, message, &octets, 100, &mut out);
            decoder.guess_json(&octets, &mut out);
        };
        run();
        let before = COUNT.with(Cell::get);
        run();
        assert_eq!(COUNT.with(Cell::get) - before, 0, "{file}");
    }
}
