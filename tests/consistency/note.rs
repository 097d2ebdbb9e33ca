//! Notes compared: what the note of a damaged copy says must stand in the note of the whole capture, but for words of not knowing.

/// Words that say only that something is not known.
const HEDGES: [&str; 25] = [
    " a PING, which one is not known",
    ", window unknown",
    "its status is not known",
    "its path refers to a header that was not captured",
    "its path was not captured",
    "the request's headers, in part",
    ", whose request headers were not captured,",
    ", whose request headers were not captured",
    "more room, how much is not known",
    "asks for an answer",
    ", why is not known",
    ", which one is not known",
    " closes the stream",
    ", in part",
    ", known in part",
    "HTTP status unknown",
    " SETTINGS that were not seen before",
    " a PING that was not seen before",
    "where the rest belongs is not known",
    " were not captured",
    " was not captured",
    " sends",
    "; which of them is not known",
    " one of several PINGs with its payload",
    ", out of time order in this capture",
];

/// Whether a note says nothing but what the true one says.
pub(crate) fn is_part(said: &str, truth: &str) -> bool {
    // SETTINGS without settings, which may be a preface.
    if said.ends_with("sends SETTINGS that change nothing") {
        return truth.ends_with("all defaults");
    }
    // One of which nothing is known but its reset.
    if said.starts_with("for a stream that is not open") {
        return true;
    }
    if said.contains("whether of messages is not known")
        || said.contains("where each begins and ends is not known")
        || said.contains("where the rest belongs is not known")
    {
        return true;
    }
    // A stream of which nothing is known, and one whose call is known for longer, are closed like any other.
    if let Some((_, code)) = said.split_once(" closes the stream").and_then(|(_, rest)| rest.split_once(": ")) {
        return truth.contains(code);
    }
    if let Some((count, octets)) =
        said.split_once(", ").filter(|(count, _)| count.ends_with("requests") || count.ends_with("responses"))
    {
        let numbered = count.starts_with("re");
        return !numbered
            && truth.split_once(", ").is_some_and(|(_, of)| of.starts_with(octets) || octets.starts_with(of));
    }
    let mut rest = said.to_owned();
    if let Some((before, after)) = said.split_once(", of call ")
        && let Some((_, after)) = after.split_once(", whose request headers were not captured")
    {
        rest = format!("{before}{after}");
    }
    for hedge in HEDGES {
        rest = rest.replace(hedge, "");
    }
    let truth: Vec<&str> = words(truth).collect();
    let mut left = truth.iter();
    let hedges = ["a", "of", "octets"];
    words(&rest).all(|word| {
        let mut ahead = left.clone();
        if ahead.any(|other| *other == word) {
            left = ahead;
            return true;
        }
        hedges.contains(&word)
    })
}

fn words(note: &str) -> impl Iterator<Item = &str> {
    note.split([' ', ',', ';', ':']).filter(|word| !word.is_empty())
}

/// A note with the whole capture's numbers of calls.
pub(crate) fn renumbered(note: &str, number: impl Fn(u64) -> Option<u64>) -> String {
    let mut out = String::new();
    let mut rest = note;
    while let Some(at) = rest.find("call ") {
        let (before, after) = rest.split_at(at + 5);
        out.push_str(before);
        let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (digits, after) = after.split_at(digits);
        match digits.parse().ok().and_then(&number) {
            Some(number) => out.push_str(&number.to_string()),
            None => out.push_str(digits),
        }
        rest = after;
    }
    out + rest
}

/// What the note says of octets that are missing, which the whole capture does not say.
pub(crate) fn without_missing(note: &str) -> &str {
    let Some(end) = note.strip_suffix(" not captured") else { return note };
    match end.rfind("; ") {
        Some(at) => &note[..at],
        None => "",
    }
}

/// A note without its numbers, paths and quotations.
pub(crate) fn shape(note: &str) -> String {
    let mut out = String::new();
    let mut rest = note.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '0'..='9' => {
                while rest.next_if(|c| c.is_ascii_digit() || *c == '.').is_some() {}
                out.push('#');
            }
            '/' => {
                while rest.next_if(|c| !",; ".contains(*c)).is_some() {}
                out.push_str("/path");
            }
            '"' => {
                while rest.next_if(|c| *c != '"').is_some() {}
                rest.next();
                out.push_str("\"..\"");
            }
            c => out.push(c),
        }
    }
    out
}
