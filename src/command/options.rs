//! From words of the command line to what the library takes: filters, limits, schemas, colours.

use std::io::IsTerminal;
use std::time::Duration;

use super::{Failure, shown};
use crate::cli::{Colour, FilterArgs, FrameFilterArgs, SchemaArgs, ShownArgs};
use crate::filter::{Filter, Glob, Moment, StatusFilter};
use crate::http2::frame::FrameType;
use crate::limits::Limits;
use crate::protobuf::schema::{Disk, Inputs, Schema};
use crate::time::Timestamp;
use crate::view::text;

fn usage(message: impl Into<String>) -> Failure {
    Failure::new(Failure::USAGE, message)
}

/// The filter that is asked for.
pub(super) fn filter(arguments: &FilterArgs) -> Result<Filter, Failure> {
    let moment = |name: &str, text: &Option<String>| {
        text.as_deref()
            .map(|text| {
                self::moment(text).ok_or_else(|| {
                    usage(format!(
                        "--{name} `{}` is no time: use 1.5s, 200ms, 30us or 2026-01-31T12:00:00Z",
                        shown(text)
                    ))
                })
            })
            .transpose()
    };
    let (from, to) = (moment("from", &arguments.from)?, moment("to", &arguments.to)?);
    let backwards = match (from, to) {
        (Some(Moment::After(from)), Some(Moment::After(to))) => from > to,
        (Some(Moment::At(from)), Some(Moment::At(to))) => from > to,
        _ => false,
    };
    if backwards {
        return Err(usage("--from is later than --to: nothing is between them; exchange the two"));
    }
    Ok(Filter {
        status: arguments
            .status
            .as_deref()
            .map(StatusFilter::parse)
            .transpose()
            .map_err(|why| usage(shown(&format!("--status: {why}"))))?,
        from,
        to,
        port: arguments.port,
        ..frame_filter(&arguments.frames)?
    })
}

/// The filter that is asked for where frames are shown as they pass.
pub(super) fn frame_filter(arguments: &FrameFilterArgs) -> Result<Filter, Failure> {
    if arguments.method.as_deref() == Some("") {
        return Err(usage("--method `` matches nothing: use a method or a pattern, such as Search or shop.*/Get*"));
    }
    Ok(Filter {
        flow: arguments.flow,
        stream: arguments.stream,
        call: arguments.call,
        method: arguments.method.as_deref().map(Glob::new),
        frames: arguments.frame.iter().map(|name| frame_type(name)).collect::<Result<_, _>>()?,
        ..Filter::default()
    })
}

fn frame_type(name: &str) -> Result<FrameType, Failure> {
    let number = name.strip_prefix("0x").and_then(|digits| u8::from_str_radix(digits, 16).ok());
    let named =
        (0..=u8::MAX).find(|kind| FrameType(*kind).name().is_some_and(|known| known.eq_ignore_ascii_case(name)));
    named.or(number).map(FrameType).ok_or_else(|| {
        usage(format!(
            "--frame `{}` is no frame type: use HEADERS, DATA, RST_STREAM, ... or a number such as 0xfa",
            shown(name)
        ))
    })
}

/// Reads `1.5s`, `200ms`, `2m` or a time of RFC 3339.
fn moment(text: &str) -> Option<Moment> {
    if text.contains('T') {
        return rfc3339(text).map(Moment::At);
    }
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(unit)?;
    let nanos = match unit {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3600e9,
        _ => return None,
    };
    let value: f64 = number.trim().parse().ok().filter(|value: &f64| value.is_finite() && *value >= 0.0)?;
    #[expect(clippy::cast_possible_truncation, reason = "a float beyond the range saturates")]
    let nanos = (value * nanos).round() as i64;
    Some(Moment::After(nanos))
}

/// The length of time that an option is given: `200ms`, `5s`, `2m`, `1h`.
pub(super) fn duration(option: &str, text: &str) -> Result<Duration, Failure> {
    match moment(text) {
        Some(Moment::After(nanos)) => Ok(Duration::from_nanos(nanos.unsigned_abs())),
        _ => Err(usage(format!("{option} `{}` is no length of time: use 200ms, 5s, 2m or 1h", shown(text)))),
    }
}

/// Reads `2026-01-31T12:00:00[.123][Z|+01:00]`.
fn rfc3339(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at_checked(zone_at)?;
    let mut clock = clock.splitn(3, ':');
    let (hours, minutes) = (clock.next()?.parse::<i64>().ok()?, clock.next()?.parse::<i64>().ok()?);
    let (seconds, fraction) = clock.next().map_or(("0", ""), |part| part.split_once('.').unwrap_or((part, "")));
    let seconds = seconds.parse::<i64>().ok()?;
    let fraction = format!("{:0<9}", fraction.get(..9).unwrap_or(fraction)).parse::<i64>().ok()?;
    let offset = match zone {
        "" | "Z" => 0,
        zone => {
            let sign = if zone.starts_with('-') { -1 } else { 1 };
            let (h, m) = zone.get(1..)?.split_once(':')?;
            sign * (h.parse::<i64>().ok()? * 3600 + m.parse::<i64>().ok()? * 60)
        }
    };
    if !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || !(1970..=2262).contains(&year)
        || hours > 23
        || minutes > 59
        || seconds > 60
    {
        return None;
    }
    // Days since the epoch, by the civil calendar: March is the first month, so that the leap day is the last of a year.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = y / 400;
    let day_of_era = (y - era * 400) * 365 + (y - era * 400) / 4 - (y - era * 400) / 100 + (153 * m + 2) / 5 + day - 1;
    let days = era * 146_097 + day_of_era - 719_468;
    let total = days * 86_400 + hours * 3600 + minutes * 60 + seconds - offset;
    Some(Timestamp::from_nanos(total.checked_mul(1_000_000_000)?.checked_add(fraction)?))
}

/// Whether any schema is asked for.
pub(super) fn is_schema_given(arguments: &SchemaArgs) -> bool {
    !(arguments.proto.is_empty() && arguments.import_path.is_empty() && arguments.descriptor_set.is_empty())
}

/// The schema that is asked for; unusable parts of it are warnings on the standard error.
pub(super) fn schema(arguments: &SchemaArgs) -> Result<Schema, Failure> {
    let inputs = Inputs {
        protos: arguments.proto.clone(),
        import_paths: arguments.import_path.clone(),
        descriptor_sets: arguments.descriptor_set.clone(),
    };
    if inputs.protos.is_empty() && inputs.import_paths.is_empty() && inputs.descriptor_sets.is_empty() {
        return Ok(Schema::builtin());
    }
    let (schema, warnings) =
        Schema::load(&inputs, &Disk).map_err(|error| Failure::new(Failure::SCHEMA, shown(&error.to_string())))?;
    for warning in warnings {
        eprintln!("framescope: warning: {}", shown(&warning.to_string()));
    }
    Ok(schema)
}

/// How text is shown.
pub(super) fn text(arguments: &ShownArgs) -> text::Options {
    text::Options {
        absolute: arguments.absolute,
        colour: colour(arguments.color, arguments.output.is_some()),
        bytes: arguments.bytes,
        width: width(),
        fold: arguments.output.is_none() && std::io::stdout().is_terminal(),
    }
}

/// Whether to colour.
fn colour(when: Colour, to_file: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match when {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto if set("NO_COLOR") => false,
        Colour::Auto if std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0") => {
            true
        }
        Colour::Auto => !to_file && std::io::stdout().is_terminal(),
    }
}

/// The columns of the output: what COLUMNS says, or the terminal, or 120.
pub(super) fn width() -> usize {
    let said = || std::env::var("COLUMNS").ok()?.parse().ok();
    let measured = || {
        let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
        Some(usize::from(width.0))
    };
    said().or_else(measured).filter(|columns| *columns > 0).map_or(120, |columns| columns.max(60))
}

/// The limits by name, with their defaults and what they bound.
pub(super) fn limits_help() -> String {
    let mut limits = Limits::default();
    let head = "What `--limit NAME=SIZE` can change, with the default: sizes as 64KiB, 16MiB, 1GiB or octets, counts as numbers.\n\n";
    let listed = limits.fields().into_iter().map(|(name, value, what)| {
        let is_size = what.starts_with("Octets") || what.starts_with("The largest");
        format!("{name:<20} {:>8}  {what}\n", if is_size { sized(*value) } else { value.to_string() })
    });
    std::iter::once(head.to_owned()).chain(listed).collect()
}

/// The limits with the changes asked for.
pub(super) fn limits(changes: &[String]) -> Result<Limits, Failure> {
    let mut limits = Limits::default();
    for change in changes {
        let size = change.split_once('=').and_then(|(name, size)| Some((name, self::size(size)?)));
        let Some((name, size)) = size else {
            return Err(usage(format!(
                "--limit `{}` is not NAME=SIZE, such as message=16MiB; `--limit help` lists the names",
                shown(change)
            )));
        };
        let mut fields = limits.fields();
        let Some((_, value, _)) = fields.iter_mut().find(|(known, ..)| *known == name) else {
            return Err(usage(format!("there is no limit `{}`; `--limit help` lists the names", shown(name))));
        };
        **value = size;
    }
    Ok(limits)
}

/// The shortest of the ways in which [`size`] reads this one.
fn sized(octets: usize) -> String {
    const UNITS: [(usize, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.iter().find(|(unit, _)| octets >= *unit && octets.is_multiple_of(*unit));
    unit.map_or_else(|| octets.to_string(), |(unit, name)| format!("{}{name}", octets / unit))
}

/// Reads `1024`, `64KiB`, `16MiB`, `1GiB`.
pub(super) fn size(text: &str) -> Option<usize> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(unit)?;
    let factor = match unit {
        "" | "B" => 1,
        "k" | "K" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        _ => return None,
    };
    number.trim().parse::<usize>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_lengths_or_clock_times() {
        assert_eq!(moment("1.5s"), Some(Moment::After(1_500_000_000)));
        assert_eq!(moment("200ms"), Some(Moment::After(200_000_000)));
        assert_eq!(moment("1970-01-02T00:00:00.5Z"), Some(Moment::At(Timestamp::from_nanos(86_400_500_000_000))));
        assert_eq!(
            moment("2024-02-29T12:00:00+01:00"),
            Some(Moment::At(Timestamp::from_nanos(1_709_204_400_000_000_000)))
        );
        assert_eq!(moment("soon"), None);
    }

    #[test]
    fn a_limit_is_named_and_has_a_size() {
        assert_eq!(limits(&["message=16MiB".into()]).map(|limits| limits.message).ok(), Some(16 << 20));
        assert!(limits(&["nothing=1".into()]).is_err());
    }
}
