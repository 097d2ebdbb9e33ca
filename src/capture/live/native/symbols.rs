//! The functions of libpcap under their own names, each looked up in the installed library when it is first called.
//!
//! The `pcap` crate calls these, because the `libpcap.a` that `build.rs` gives to the linker is empty. Their signatures are those of
//! pcap/pcap.h; opaque types are void here. Without the library, or where an old one lacks the function, each gives the answer that
//! says failure in its manual page.

use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::OnceLock;

use libloading::Library;

use super::{c_char, c_int, c_void};

/// The installed libpcap, loaded once for the life of the program.
///
/// # Errors
///
/// What the loader said of the first name.
pub(in crate::capture::live) fn library() -> Result<&'static Library, &'static str> {
    static LIBRARY: OnceLock<Result<Library, String>> = OnceLock::new();
    LIBRARY.get_or_init(|| load(NAMES)).as_ref().map_err(String::as_str)
}

/// The first of `names` that the loader finds.
fn load(names: &[&str]) -> Result<Library, String> {
    let mut first = None;
    for name in names {
        // SAFETY: loading runs the library's initialisers; those of libpcap ask for nothing.
        match unsafe { Library::new(name) } {
            Ok(library) => return Ok(library),
            Err(error) => first = first.or_else(|| Some(error.to_string())),
        }
    }
    Err(first.unwrap_or_default())
}

/// Debian keeps the name of an older interface; both have the same functions. The last one comes with the headers.
#[cfg(not(target_os = "macos"))]
const NAMES: &[&str] = &["libpcap.so.1", "libpcap.so.0.8", "libpcap.so"];
#[cfg(target_os = "macos")]
const NAMES: &[&str] = &["libpcap.A.dylib", "libpcap.dylib"];

/// The function with that name.
///
/// # Safety
///
/// `F` must be the function pointer type that pcap/pcap.h states for it.
unsafe fn function<F: Copy>(name: &str) -> Option<F> {
    // SAFETY: as the caller promises.
    unsafe { library().ok()?.get::<F>(name.as_bytes()) }.ok().map(|found| *found)
}

/// Defines functions that pass their arguments on; `or` is the answer without libpcap.
macro_rules! symbols {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) $(-> $answer:ty)?, or $absent:expr;)*) => {
        $(
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name($($argument: $kind),*) $(-> $answer)? {
                type Function = unsafe extern "C" fn($($kind),*) $(-> $answer)?;
                static FUNCTION: OnceLock<Option<Function>> = OnceLock::new();
                // SAFETY: the type is that of the declaration.
                match FUNCTION.get_or_init(|| unsafe { function(stringify!($name)) }) {
                    // SAFETY: the caller keeps to the manual page.
                    Some(function) => unsafe { function($($argument),*) },
                    None => $absent,
                }
            }
        )*

        /// The names of all of them.
        #[cfg(test)]
        const FUNCTIONS: &[&str] = &[$(stringify!($name)),*];
    };
}

symbols! {
    fn pcap_create(device: *const c_char, errors: *mut c_char) -> *mut c_void, or null_mut();
    fn pcap_set_snaplen(handle: *mut c_void, octets: c_int) -> c_int, or FAILED;
    fn pcap_set_promisc(handle: *mut c_void, on: c_int) -> c_int, or FAILED;
    fn pcap_set_rfmon(handle: *mut c_void, on: c_int) -> c_int, or FAILED;
    fn pcap_set_timeout(handle: *mut c_void, milliseconds: c_int) -> c_int, or FAILED;
    fn pcap_set_buffer_size(handle: *mut c_void, octets: c_int) -> c_int, or FAILED;
    fn pcap_set_immediate_mode(handle: *mut c_void, on: c_int) -> c_int, or FAILED;
    fn pcap_set_tstamp_type(handle: *mut c_void, kind: c_int) -> c_int, or FAILED;
    fn pcap_set_tstamp_precision(handle: *mut c_void, precision: c_int) -> c_int, or FAILED;
    fn pcap_close(handle: *mut c_void), or ();
    fn pcap_geterr(handle: *mut c_void) -> *mut c_char, or null_mut();

    fn pcap_next_ex(handle: *mut c_void, header: *mut *mut c_void, octets: *mut *const u8) -> c_int, or FAILED;
    fn pcap_dispatch(handle: *mut c_void, count: c_int, callback: Handler, user: *mut u8) -> c_int, or FAILED;
    fn pcap_loop(handle: *mut c_void, count: c_int, callback: Handler, user: *mut u8) -> c_int, or FAILED;
    fn pcap_breakloop(handle: *mut c_void), or ();
    fn pcap_setnonblock(handle: *mut c_void, on: c_int, errors: *mut c_char) -> c_int, or FAILED;
    fn pcap_setdirection(handle: *mut c_void, direction: u32) -> c_int, or FAILED;
    fn pcap_stats(handle: *mut c_void, statistics: *mut c_void) -> c_int, or FAILED;
    fn pcap_sendpacket(handle: *mut c_void, octets: *const u8, length: c_int) -> c_int, or FAILED;
    fn pcap_fileno(handle: *mut c_void) -> c_int, or FAILED;
    fn pcap_get_selectable_fd(handle: *mut c_void) -> c_int, or FAILED;

    fn pcap_compile(
        handle: *mut c_void, program: *mut c_void, text: *const c_char, optimize: c_int, netmask: u32
    ) -> c_int, or FAILED;
    fn pcap_setfilter(handle: *mut c_void, program: *mut c_void) -> c_int, or FAILED;
    fn pcap_freecode(program: *mut c_void), or ();
    fn pcap_offline_filter(program: *const c_void, header: *const c_void, octets: *const u8) -> c_int, or 0;

    fn pcap_datalink(handle: *mut c_void) -> c_int, or FAILED;
    fn pcap_list_datalinks(handle: *mut c_void, kinds: *mut *mut c_int) -> c_int, or FAILED;
    fn pcap_set_datalink(handle: *mut c_void, kind: c_int) -> c_int, or FAILED;
    fn pcap_free_datalinks(kinds: *mut c_int), or ();
    fn pcap_datalink_name_to_val(name: *const c_char) -> c_int, or FAILED;
    fn pcap_datalink_val_to_name(kind: c_int) -> *const c_char, or null_mut();
    fn pcap_datalink_val_to_description(kind: c_int) -> *const c_char, or null_mut();

    fn pcap_findalldevs(devices: *mut *mut c_void, errors: *mut c_char) -> c_int, or FAILED;
    fn pcap_freealldevs(devices: *mut c_void), or ();

    // What this program never calls, but the crate refers to.
    fn pcap_open_dead(link: c_int, snaplen: c_int) -> *mut c_void, or null_mut();
    fn pcap_open_dead_with_tstamp_precision(link: c_int, snaplen: c_int, precision: u32) -> *mut c_void, or null_mut();
    fn pcap_open_offline(path: *const c_char, errors: *mut c_char) -> *mut c_void, or null_mut();
    fn pcap_open_offline_with_tstamp_precision(
        path: *const c_char, precision: u32, errors: *mut c_char
    ) -> *mut c_void, or null_mut();
    fn pcap_fopen_offline(file: *mut c_void, errors: *mut c_char) -> *mut c_void, or null_mut();
    fn pcap_fopen_offline_with_tstamp_precision(
        file: *mut c_void, precision: u32, errors: *mut c_char
    ) -> *mut c_void, or null_mut();
    fn pcap_major_version(handle: *mut c_void) -> c_int, or FAILED;
    fn pcap_minor_version(handle: *mut c_void) -> c_int, or FAILED;
    fn pcap_dump_open(handle: *mut c_void, path: *const c_char) -> *mut c_void, or null_mut();
    fn pcap_dump_open_append(handle: *mut c_void, path: *const c_char) -> *mut c_void, or null_mut();
    fn pcap_dump_fopen(handle: *mut c_void, file: *mut c_void) -> *mut c_void, or null_mut();
    fn pcap_dump_flush(dumper: *mut c_void) -> c_int, or FAILED;
    fn pcap_dump_close(dumper: *mut c_void), or ();
    fn pcap_dump(dumper: *mut u8, header: *const c_void, octets: *const u8), or ();
}

/// `PCAP_ERROR`, and what a descriptor is that is none.
const FAILED: c_int = -1;

type Handler = extern "C" fn(*mut u8, *const c_void, *const u8);

/// As the others; keeps what it answered, which says more than the text that the crate passes on.
#[unsafe(no_mangle)]
unsafe extern "C" fn pcap_activate(handle: *mut c_void) -> c_int {
    type Function = unsafe extern "C" fn(*mut c_void) -> c_int;
    // SAFETY: the type is that of the declaration.
    let found = unsafe { function::<Function>("pcap_activate") };
    // SAFETY: the caller keeps to the manual page.
    let code = found.map_or(FAILED, |activate| unsafe { activate(handle) });
    ACTIVATION.set(code);
    // More than 0 is a warning: the capture is active, which the crate would take for a failure.
    code.min(0)
}

thread_local! {
    static ACTIVATION: Cell<c_int> = const { Cell::new(0) };
}

/// How an activation ended (pcap_activate(3PCAP)).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::capture::live) enum Activation {
    /// There is no such device.
    NoSuchDevice,
    /// The program may not capture.
    NotPermitted,
    /// Anything else; libpcap has words for it.
    Other,
}

/// How the last activation on this thread ended.
pub(in crate::capture::live) fn activation() -> Activation {
    match ACTIVATION.get() {
        -5 => Activation::NoSuchDevice,
        -8 | -11 => Activation::NotPermitted,
        _ => Activation::Other,
    }
}

/// Whether the times of an active capture are in nanoseconds: libpcap may decline to, and then they are microseconds.
pub(in crate::capture::live) fn has_nanoseconds(capture: &pcap::Capture<pcap::Active>) -> bool {
    type Function = unsafe extern "C" fn(*mut c_void) -> c_int;
    // SAFETY: the type is that of the declaration.
    let found = unsafe { function::<Function>("pcap_get_tstamp_precision") };
    // SAFETY: the handle is that of an open capture.
    found.is_some_and(|precision| unsafe { precision(capture.as_ptr().cast()) } == PRECISION_NANO)
}

/// `PCAP_TSTAMP_PRECISION_NANO`.
const PRECISION_NANO: c_int = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_not_there_is_told_by_its_name() {
        let error = load(&["libframescope-nothing.so.1", "libframescope-nothing.so"]).expect_err("nobody has it");
        assert!(error.contains("libframescope-nothing.so.1"), "{error}");
    }

    #[test]
    fn the_first_library_that_is_there_is_taken() {
        if library().is_err() {
            println!("skipped: no libpcap here");
            return;
        }
        let names: Vec<&str> = std::iter::once("libframescope-nothing.so.1").chain(NAMES.iter().copied()).collect();
        assert!(load(&names).is_ok());
    }

    #[test]
    fn the_installed_library_has_every_function() {
        let Ok(library) = library() else {
            println!("skipped: no libpcap here");
            return;
        };
        for name in FUNCTIONS.iter().copied().chain(["pcap_activate", "pcap_get_tstamp_precision"]) {
            // SAFETY: only its presence is asked.
            assert!(unsafe { library.get::<*const c_void>(name.as_bytes()) }.is_ok(), "{name}");
        }
    }
}
