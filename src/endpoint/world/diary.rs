//! What has happened on a stage so far: calls that ended, and the moments that something else may wait for.

use std::cell::RefCell;
use std::rc::Rc;

use crate::endpoint::client::Ending;
use crate::time::Timestamp;

/// Something that happens on a stage. What is counted is counted from 1, calls are numbered from 0 in the order of their plan.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Moment {
    /// The client begins.
    Begin,
    /// The call of this number has ended.
    Ended(u64),
    /// So many requests have been read to their ends by backends that tell it.
    Requested(u32),
    /// So many dials were refused.
    Refused(u32),
    /// Servers have begun to speak on so many connections.
    Spoken(u32),
    /// Servers have ended so many connections.
    Left(u32),
    /// The client has received as many octets as a window holds at first.
    WindowFilled,
    /// So many changes of the script were made.
    Changed(u32),
}

/// When something is due: so many nanoseconds after a moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cue {
    /// The moment.
    pub moment: Moment,
    /// Nanoseconds.
    pub nanos: i64,
}

impl Cue {
    /// So many milliseconds after the moment.
    #[must_use]
    pub const fn after(moment: Moment, millis: i64) -> Self {
        Self { moment, nanos: millis.saturating_mul(1_000_000) }
    }

    /// So many milliseconds after the client begins.
    #[must_use]
    pub const fn at(millis: i64) -> Self {
        Self::after(Moment::Begin, millis)
    }
}

/// What has happened, written by the programs of a stage and by whoever plays it, and read by whoever has another copy.
#[derive(Clone, Debug, Default)]
pub struct Diary(Rc<RefCell<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    endings: Vec<(u64, Ending)>,
    moments: Vec<(Moment, Timestamp)>,
}

impl Diary {
    /// Notes how the call of this number ended.
    pub fn note(&self, now: Timestamp, call: u64, ending: Ending) {
        self.0.borrow_mut().endings.push((call, ending));
        self.happens(now, Moment::Ended(call));
    }

    /// Notes a moment, the first time that it comes.
    pub fn happens(&self, now: Timestamp, moment: Moment) {
        let moments = &mut self.0.borrow_mut().moments;
        if !moments.iter().any(|(known, _)| *known == moment) {
            moments.push((moment, now));
        }
    }

    /// When what waits for this cue is due; `None` while its moment has not come.
    #[must_use]
    pub fn due(&self, cue: Cue) -> Option<Timestamp> {
        let pages = self.0.borrow();
        let (_, time) = pages.moments.iter().find(|(known, _)| *known == cue.moment)?;
        Some(time.saturating_add_nanos(cue.nanos))
    }

    /// How calls ended, in that order.
    #[must_use]
    pub fn endings(&self) -> Vec<(u64, Ending)> {
        self.0.borrow().endings.clone()
    }
}
