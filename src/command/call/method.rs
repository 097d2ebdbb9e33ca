//! From a method as people write it to its path, and what they may have meant.

use crate::command::{Failure, shown};

/// The path of `pkg.Service/Method`, with or without a slash before it; also `pkg.Service.Method`, and without the package where
/// that leaves no doubt.
pub(super) fn find<'a>(wanted: &str, paths: impl Iterator<Item = &'a str>) -> Result<String, Failure> {
    let (service, method) = split(wanted)?;
    let paths: Vec<&str> = paths.collect();
    let exact = format!("/{service}/{method}");
    if let Some(path) = paths.iter().find(|path| **path == exact) {
        return Ok((*path).to_owned());
    }
    let end = format!(".{service}/{method}");
    let matching: Vec<&str> = paths.iter().copied().filter(|path| path.ends_with(&end)).collect();
    match &*matching {
        [path] => Ok((*path).to_owned()),
        [] => Err(unknown(&exact, &paths)),
        [..] => Err(usage(format!("{} may be {}; write the package too", shown(wanted), list(&matching)))),
    }
}

/// The service among those that a server has.
pub(super) fn find_service<'a>(wanted: &str, services: &'a [String]) -> Result<&'a str, Failure> {
    let (service, _) = split(wanted)?;
    let end = format!(".{service}");
    let exact = services.iter().find(|known| known.as_str() == service);
    let matching: Vec<&str> = services.iter().map(String::as_str).filter(|known| known.ends_with(&end)).collect();
    match (exact, &*matching) {
        (Some(exact), _) => Ok(exact),
        (None, [only]) => Ok(only),
        (None, []) => {
            let names: Vec<&str> = services.iter().map(String::as_str).collect();
            let hint = match nearest(service, &names) {
                Some(name) => format!("did you mean {}?", shown(name)),
                None if names.is_empty() => "it names none at all".to_owned(),
                None => format!("it has {}", list(&names)),
            };
            Err(usage(format!("the server has no service {}; {hint}", shown(service))))
        }
        (None, [..]) => Err(usage(format!("{} may be {}; write the package too", shown(service), list(&matching)))),
    }
}

fn split(wanted: &str) -> Result<(&str, &str), Failure> {
    let name = wanted.strip_prefix('/').unwrap_or(wanted);
    let parts = name.rsplit_once('/').or_else(|| name.rsplit_once('.'));
    match parts {
        Some((service, method)) if !service.is_empty() && !method.is_empty() => Ok((service, method)),
        _ => Err(usage(format!("`{}` is no method; write pkg.Service/Method", shown(wanted)))),
    }
}

fn unknown(wanted: &str, paths: &[&str]) -> Failure {
    let hint = match nearest(wanted, paths) {
        Some(path) => format!("did you mean {}?", shown(path.trim_start_matches('/'))),
        None if paths.is_empty() => "it defines no service at all".to_owned(),
        None => format!("it has {}", list(paths)),
    };
    usage(format!("no method {} in the schema; {hint}", shown(wanted.trim_start_matches('/'))))
}

/// A few of the names, in order.
fn list(names: &[&str]) -> String {
    let mut names: Vec<&str> = names.iter().map(|name| name.trim_start_matches('/')).collect();
    names.sort_unstable();
    let more = names.len().saturating_sub(FEW);
    names.truncate(FEW);
    let names = shown(&names.join(", "));
    if more > 0 { format!("{names} and {more} more") } else { names }
}

const FEW: usize = 8;

/// The name that takes the fewest changes, if these are few. A package left out, or another one, is no change at all.
fn nearest<'a>(wanted: &str, names: &[&'a str]) -> Option<&'a str> {
    let short = |name: &str| {
        let (scope, last) = name.trim_start_matches('/').rsplit_once('/').unwrap_or(("", name));
        let service = scope.rsplit('.').next().unwrap_or_default();
        if scope.is_empty() {
            last.rsplit('.').next().unwrap_or(last).to_lowercase()
        } else {
            format!("{service}/{last}").to_lowercase()
        }
    };
    let wanted = short(wanted);
    let most = (wanted.chars().count() / 3).max(2);
    let distances = names.iter().map(|name| (distance(&wanted, &short(name)), *name));
    distances.filter(|(distance, _)| *distance <= most).min().map(|(_, name)| name)
}

/// Insertions, deletions and replacements of characters that lead from one text to the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(LONGEST).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (n, char) in one.chars().take(LONGEST).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], n + 1);
        for (at, wanted) in other.iter().enumerate() {
            let change = diagonal + usize::from(char != *wanted);
            diagonal = row[at + 1];
            row[at + 1] = change.min(row[at] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

/// Characters that count.
const LONGEST: usize = 256;

fn usage(message: String) -> Failure {
    Failure::new(Failure::USAGE, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATHS: [&str; 4] = ["/proto.SearchService/Search", "/a.v1.Lab/Echo", "/b.v1.Lab/Echo", "/b.v1.Lab/Range"];

    fn found(wanted: &str) -> Result<String, String> {
        find(wanted, PATHS.into_iter()).map_err(|failure| failure.message.unwrap_or_default())
    }

    #[test]
    fn a_method_is_found_by_every_way_of_writing_it() {
        for wanted in [
            "proto.SearchService/Search",
            "/proto.SearchService/Search",
            "proto.SearchService.Search",
            "SearchService/Search",
        ] {
            assert_eq!(found(wanted).as_deref(), Ok("/proto.SearchService/Search"), "{wanted}");
        }
        assert_eq!(found("Lab/Range").as_deref(), Ok("/b.v1.Lab/Range"));
        assert_eq!(
            found("Lab/Echo").unwrap_err(),
            "Lab/Echo may be a.v1.Lab/Echo, b.v1.Lab/Echo; write the package too"
        );
    }

    #[test]
    fn what_is_not_there_is_answered_with_what_was_meant() {
        assert!(found("proto.SearchService/Serch").unwrap_err().ends_with("did you mean proto.SearchService/Search?"));
        assert!(
            found("search.SearchService/Search").unwrap_err().ends_with("did you mean proto.SearchService/Search?")
        );
        assert!(found("some.Other/Thing").unwrap_err().contains("it has a.v1.Lab/Echo, b.v1.Lab/Echo"));
        assert!(found("Search").unwrap_err().contains("`Search` is no method"));
        let services = ["proto.SearchService".to_owned(), "grpc.health.v1.Health".to_owned()];
        assert_eq!(find_service("Health/Check", &services).ok(), Some("grpc.health.v1.Health"));
        let why = find_service("proto.SearchServise/Search", &services).unwrap_err().message.unwrap_or_default();
        assert_eq!(why, "the server has no service proto.SearchServise; did you mean proto.SearchService?");
    }
}
