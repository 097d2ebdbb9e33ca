//! What a frame is for and what it answers, in plain words.

use crate::event::{Event, FrameEvent};

/// Appends the note on a frame; nothing where there is nothing to say.
pub fn note(event: &Event<'_>, frame: &FrameEvent<'_>, out: &mut Vec<u8>) {
    let _ = (event, frame, out);
}
