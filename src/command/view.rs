//! From the name of a format to the view that writes it.

use super::{Failure, options};
use crate::cli::{Format, ReadingArgs};
use crate::filter::Filter;
use crate::grpc::call::CallId;
use crate::limits::Limits;
use crate::view::View;
use crate::view::calls::{self, Calls};
use crate::view::contents::Contents;
use crate::view::markdown::{self, Markdown};
use crate::view::ndjson::Ndjson;
use crate::view::text::{self, Text};

/// The view that the command line asks for.
pub(super) fn asked(arguments: &ReadingArgs, limits: &Limits, filter: &Filter) -> Result<Box<dyn View>, Failure> {
    let ReadingArgs { shown, schema, limits: _ } = arguments;
    let contents = || Ok(Contents::new(options::schema(schema)?, limits));
    view(shown.format, options::text(shown), filter.call.map(CallId), contents)
}

/// The view; `contents` is asked for only by formats that show messages. `call` is the one call a report is about.
pub(super) fn view(
    format: Format,
    text: text::Options,
    call: Option<CallId>,
    contents: impl FnOnce() -> Result<Contents, Failure>,
) -> Result<Box<dyn View>, Failure> {
    let text::Options { absolute, colour, bytes, .. } = text;
    Ok(match format {
        Format::Text => Box::new(Text::new(contents()?, text)),
        Format::Ndjson => Box::new(Ndjson::new(contents()?, bytes)),
        Format::Calls => Box::new(Calls::new(calls::Options { absolute, colour })),
        Format::Markdown => {
            // What is meant for people on a page needs no colours.
            let trace = Text::new(contents()?, text::Options { colour: false, ..text });
            Box::new(Markdown::new(
                Box::new(trace),
                markdown::Options { call, absolute, ..markdown::Options::default() },
            ))
        }
    })
}
