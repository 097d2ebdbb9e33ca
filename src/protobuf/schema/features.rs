//! Edition features: what `syntax = "proto2"`, `"proto3"` and `edition = "..."` mean for each declaration
//! (`google.protobuf.FeatureSet`).
//!
//! A feature is inherited from file to message to field unless it is said again. Features that change no decoding
//! (JSON names, generated code) are ignored.

/// The features said at one place; `None` is inherited.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Features {
    presence: Option<Presence>,
    closed_enum: Option<bool>,
    packed: Option<bool>,
    check_utf8: Option<bool>,
    delimited: Option<bool>,
}

/// When a singular field counts as set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Presence {
    /// When it is on the wire.
    Explicit,
    /// When it is not zero or empty.
    Implicit,
    /// When it is on the wire, and it must be.
    Required,
}

/// The features in force at one place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Resolved {
    pub(super) presence: Presence,
    pub(super) closed_enum: bool,
    pub(super) packed: bool,
    pub(super) check_utf8: bool,
    pub(super) delimited: bool,
}

impl Features {
    /// Sets a feature by its number in `FeatureSet` and the number of its value.
    pub(super) fn set_number(&mut self, feature: u32, value: u64) {
        match (feature, value) {
            (1, 1) => self.presence = Some(Presence::Explicit),
            (1, 2) => self.presence = Some(Presence::Implicit),
            (1, 3) => self.presence = Some(Presence::Required),
            (2, 1 | 2) => self.closed_enum = Some(value == 2),
            (3, 1 | 2) => self.packed = Some(value == 1),
            (4, 2 | 3) => self.check_utf8 = Some(value == 2),
            (5, 1 | 2) => self.delimited = Some(value == 2),
            _ => {}
        }
    }

    /// Sets a feature by its name and the name of its value, as a source file has them.
    pub(super) fn set_name(&mut self, feature: &str, value: &str) {
        let (feature, value) = match (feature, value) {
            ("field_presence", "EXPLICIT") => (1, 1),
            ("field_presence", "IMPLICIT") => (1, 2),
            ("field_presence", "LEGACY_REQUIRED") => (1, 3),
            ("enum_type", "OPEN") => (2, 1),
            ("enum_type", "CLOSED") => (2, 2),
            ("repeated_field_encoding", "PACKED") => (3, 1),
            ("repeated_field_encoding", "EXPANDED") => (3, 2),
            ("utf8_validation", "VERIFY") => (4, 2),
            ("utf8_validation", "NONE") => (4, 3),
            ("message_encoding", "LENGTH_PREFIXED") => (5, 1),
            ("message_encoding", "DELIMITED") => (5, 2),
            _ => return,
        };
        self.set_number(feature, value);
    }

    /// Sets what `features = { name: VALUE ... }` says.
    pub(super) fn set_aggregate(&mut self, text: &str) {
        let mut words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            self.set_name(name, value);
        }
    }
}

impl Resolved {
    /// What holds in a file that says nothing more than its syntax or edition (0: none).
    pub(super) fn of_file(syntax: &str, edition: i32) -> Self {
        let proto2 = Self {
            presence: Presence::Explicit,
            closed_enum: true,
            packed: false,
            check_utf8: false,
            delimited: false,
        };
        match syntax {
            "proto3" => {
                Self { presence: Presence::Implicit, closed_enum: false, packed: true, check_utf8: true, ..proto2 }
            }
            "editions" if edition == EDITION_PROTO3 => Self::of_file("proto3", 0),
            "editions" if edition == EDITION_PROTO2 => proto2,
            "editions" => Self { closed_enum: false, packed: true, check_utf8: true, ..proto2 },
            _ => proto2,
        }
    }

    /// What holds inside, where `said` stands.
    pub(super) fn with(self, said: Features) -> Self {
        Self {
            presence: said.presence.unwrap_or(self.presence),
            closed_enum: said.closed_enum.unwrap_or(self.closed_enum),
            packed: said.packed.unwrap_or(self.packed),
            check_utf8: said.check_utf8.unwrap_or(self.check_utf8),
            delimited: said.delimited.unwrap_or(self.delimited),
        }
    }
}

const EDITION_PROTO2: i32 = 998;
const EDITION_PROTO3: i32 = 999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_said_inside_replaces_the_inherited_one_only() {
        let mut said = Features::default();
        said.set_aggregate("{ field_presence: IMPLICIT, message_encoding: DELIMITED }");
        let inside = Resolved::of_file("editions", 1000).with(said);
        assert_eq!(inside.presence, Presence::Implicit);
        assert!(inside.delimited && inside.packed && !inside.closed_enum);
    }
}
