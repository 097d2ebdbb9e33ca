//! Descriptors to the table: names resolved across all files, features inherited, extensions given to their messages.
//!
//! All files share one set of full names, as all peers of a call do. The first definition of a name counts; another one
//! that differs is a warning. A type that nothing defines leaves its field `Unresolved` rather than its file unread.

use std::collections::{HashMap, HashSet};

use super::descriptor as proto;
use super::features::{Presence, Resolved};
use super::table::{Enum, EnumId, Field, Kind, Label, Message, MessageId, Table, quote};
use super::{MethodInfo, Methods, Warning};

/// Collects files, then links them.
#[derive(Default)]
pub(super) struct Linker {
    files: Vec<Unit>,
}

/// A file and how to name it in a warning.
struct Unit {
    shown: String,
    file: proto::File,
    builtin: bool,
}

/// What [`Linker::link`] makes.
#[derive(Default)]
pub(super) struct Linked {
    pub(super) table: Table,
    pub(super) methods: Methods,
    pub(super) warnings: Vec<Warning>,
}

#[derive(Clone, Copy)]
enum Symbol {
    Message(MessageId),
    Enum(EnumId),
}

impl Linker {
    /// Adds a file; `shown` is its name in warnings. Built-in files are added last and yield to every other.
    pub(super) fn add(&mut self, shown: String, file: proto::File, builtin: bool) {
        self.files.push(Unit { shown, file, builtin });
    }

    /// Resolves every name and compiles the table.
    pub(super) fn link(self) -> Linked {
        let mut pass = Pass::default();
        for (at, unit) in self.files.iter().enumerate() {
            pass.declare_file(at, unit);
        }
        for (at, unit) in self.files.iter().enumerate() {
            pass.define_file(at, unit);
        }
        for message in &mut pass.out.table.messages {
            message.seal();
        }
        pass.out
    }
}

#[derive(Default)]
struct Pass<'a> {
    out: Linked,
    symbols: HashMap<String, Symbol>,
    /// The declaration behind each message id, and the file it stands in.
    declared: Vec<(&'a proto::Message, usize)>,
    enums: Vec<(&'a proto::Enum, usize)>,
    shown: Vec<&'a str>,
    /// File and type of every name that nothing defines, so that each is told once.
    undefined: HashSet<(usize, String)>,
}

impl<'a> Pass<'a> {
    fn declare_file(&mut self, at: usize, unit: &'a Unit) {
        self.shown.push(&unit.shown);
        let before = self.out.warnings.len();
        let scope = unit.file.package.as_str();
        self.declare(at, unit, scope, &unit.file.messages, &unit.file.enums);
        // One copy of a file too many says the same about each of its types: once is enough.
        let repeated = self.out.warnings.len().saturating_sub(before);
        if repeated > 1 {
            self.out.warnings.truncate(before.saturating_add(1));
            if let Some(warning) = self.out.warnings.last_mut() {
                let more = repeated.saturating_sub(1);
                warning.what.push_str(&format!(" ({more} more names likewise)"));
            }
        }
    }

    fn declare(
        &mut self,
        at: usize,
        unit: &'a Unit,
        scope: &str,
        messages: &'a [proto::Message],
        enums: &'a [proto::Enum],
    ) {
        for item in enums {
            let name = join(scope, &item.name);
            match self.symbols.get(&name) {
                Some(Symbol::Enum(id)) if self.same_enum(*id, item) => {}
                Some(symbol) => self.duplicate(*symbol, unit, &name),
                None => {
                    let id = EnumId(self.enums.len() as u32);
                    self.enums.push((item, at));
                    self.out.table.enums.push(Enum::new(&name, &item.values));
                    self.symbols.insert(name, Symbol::Enum(id));
                }
            }
        }
        for item in messages {
            let name = join(scope, &item.name);
            match self.symbols.get(&name) {
                Some(Symbol::Message(id)) if self.same_message(*id, item) => {}
                Some(symbol) => self.duplicate(*symbol, unit, &name),
                None => {
                    let id = MessageId(self.declared.len() as u32);
                    self.declared.push((item, at));
                    self.out.table.messages.push(Message::named(&name));
                    self.out.table.names.insert(name.as_str().into(), id);
                    self.symbols.insert(name.clone(), Symbol::Message(id));
                }
            }
            self.declare(at, unit, &name, &item.messages, &item.enums);
        }
    }

    fn same_enum(&self, id: EnumId, other: &proto::Enum) -> bool {
        let first = self.enums.get(id.0 as usize);
        first.is_some_and(|(first, _)| first.values == other.values)
    }

    /// Whether two declarations have the same fields; how type names are written may differ.
    fn same_message(&self, id: MessageId, other: &proto::Message) -> bool {
        let gist = |field: &proto::Field| (field.number, field.name.clone(), field.label.max(1));
        let gists = |message: &proto::Message| {
            let mut gists: Vec<_> = message.fields.iter().map(gist).collect();
            gists.sort_unstable();
            gists
        };
        let first = self.declared.get(id.0 as usize);
        first.is_some_and(|(first, _)| gists(first) == gists(other))
    }

    fn duplicate(&mut self, first: Symbol, unit: &Unit, name: &str) {
        if unit.builtin {
            return;
        }
        let file = match first {
            Symbol::Message(id) => self.declared.get(id.0 as usize).map(|(_, at)| *at),
            Symbol::Enum(id) => self.enums.get(id.0 as usize).map(|(_, at)| *at),
        };
        let first = file.and_then(|at| self.shown.get(at)).unwrap_or(&"");
        let what = if *first == unit.shown {
            format!("{name} is defined twice; the first definition is used")
        } else {
            format!("{name} is defined differently in {first}, which is used")
        };
        self.out.warnings.push(Warning::new(&unit.shown, None, what));
    }

    fn define_file(&mut self, at: usize, unit: &'a Unit) {
        let file = &unit.file;
        let features = Resolved::of_file(&file.syntax, file.edition).with(file.features);
        let mut path = Vec::new();
        let mut place = Place { at, unit, path: &mut path };
        for (index, item) in file.messages.iter().enumerate() {
            place.enter(4, index);
            self.define(&mut place, &file.package, item, features);
            place.leave();
        }
        for (index, field) in file.extensions.iter().enumerate() {
            place.enter(7, index);
            self.extend(&place, &file.package, field, features);
            place.leave();
        }
        for (index, service) in file.services.iter().enumerate() {
            let name = join(&file.package, &service.name);
            for (number, method) in service.methods.iter().enumerate() {
                place.enter(6, index);
                place.enter(2, number);
                self.method(&place, &file.package, &name, method);
                place.leave();
                place.leave();
            }
        }
    }

    fn define(&mut self, place: &mut Place<'_>, scope: &str, item: &'a proto::Message, features: Resolved) {
        let name = join(scope, &item.name);
        let features = features.with(item.features);
        for (index, nested) in item.messages.iter().enumerate() {
            place.enter(3, index);
            self.define(place, &name, nested, features);
            place.leave();
        }
        for (index, field) in item.extensions.iter().enumerate() {
            place.enter(6, index);
            self.extend(place, &name, field, features);
            place.leave();
        }
        let Some(Symbol::Message(id)) = self.symbols.get(&name).copied() else {
            return;
        };
        let declared = self.declared.get(id.0 as usize);
        if !declared.is_some_and(|(first, at)| *at == place.at && std::ptr::eq(*first, item)) {
            return; // another file's definition is the one in use
        }
        // Oneofs are numbered anew: those that `optional` makes up do not count.
        let mut oneofs: Vec<u16> = vec![0; item.oneofs.len()];
        let mut count = 0u16;
        for field in item.fields.iter().filter(|field| !field.proto3_optional) {
            let slot = field.oneof.and_then(|at| oneofs.get_mut(at as usize));
            if let Some(slot) = slot.filter(|slot| **slot == 0) {
                count = count.saturating_add(1);
                *slot = count;
            }
        }
        let mut fields = Vec::with_capacity(item.fields.len());
        for (index, field) in item.fields.iter().enumerate() {
            place.enter(2, index);
            let mut features = features;
            if let Some(oneof) = field.oneof.and_then(|at| item.oneofs.get(at as usize)) {
                features = features.with(oneof.features);
            }
            if let Some(mut made) = self.field(place, &name, field, features) {
                made.name = field.name.as_str().into();
                if !field.proto3_optional {
                    let slot = field.oneof.and_then(|at| oneofs.get(at as usize));
                    made.oneof = slot.copied().unwrap_or(0);
                }
                fields.push(made);
            }
            place.leave();
        }
        if item.map_entry {
            // A map's entry always has both, whatever the file's features say.
            for field in &mut fields {
                field.implicit = false;
                field.label = Label::Singular;
            }
        }
        if let Some(message) = self.out.table.messages.get_mut(id.0 as usize) {
            message.fields.append(&mut fields);
            message.oneofs = count;
            message.message_set = item.message_set;
        }
    }

    fn extend(&mut self, place: &Place<'_>, scope: &str, field: &proto::Field, features: Resolved) {
        let Some(Symbol::Message(extendee)) = self.resolve(scope, &field.extendee) else {
            return; // options of a descriptor.proto that is not loaded, mostly
        };
        let Some(mut made) = self.field(place, scope, field, features) else {
            return;
        };
        made.name = format!("[{}]", join(scope, &field.name)).into();
        made.implicit = false;
        if let Some(message) = self.out.table.messages.get_mut(extendee.0 as usize) {
            message.fields.push(made);
        }
    }

    /// A field with everything but its name and oneof.
    fn field(&mut self, place: &Place<'_>, scope: &str, field: &proto::Field, features: Resolved) -> Option<Field> {
        let number = u32::try_from(field.number).ok().filter(|n| *n > 0)?;
        let features = features.with(field.features);
        let kind = match field.kind {
            1 => Kind::Double,
            2 => Kind::Float,
            3 => Kind::Int64,
            4 => Kind::Uint64,
            5 => Kind::Int32,
            6 => Kind::Fixed64,
            7 => Kind::Fixed32,
            8 => Kind::Bool,
            9 => Kind::String,
            12 => Kind::Bytes,
            13 => Kind::Uint32,
            15 => Kind::Sfixed32,
            16 => Kind::Sfixed64,
            17 => Kind::Sint32,
            18 => Kind::Sint64,
            _ => match self.resolve(scope, &field.type_name) {
                Some(Symbol::Enum(id)) => Kind::Enum(id),
                Some(Symbol::Message(id)) if field.kind == GROUP => Kind::Group(id),
                Some(Symbol::Message(id)) if features.delimited && !self.is_map_entry(id) => Kind::Group(id),
                Some(Symbol::Message(id)) => Kind::Message(id),
                None => {
                    let user = format!("field {}", field.name);
                    self.undefined(place, &[6], &user, &field.type_name);
                    Kind::Unresolved
                }
            },
        };
        let map = matches!(kind, Kind::Message(id) if self.is_map_entry(id));
        let label = match field.label {
            REPEATED if map => Label::Map,
            REPEATED => Label::Repeated,
            REQUIRED => Label::Required,
            _ if features.presence == Presence::Required && field.oneof.is_none() => Label::Required,
            _ => Label::Singular,
        };
        let in_oneof = field.oneof.is_some();
        let implicit = label == Label::Singular
            && features.presence == Presence::Implicit
            && !in_oneof
            && !field.proto3_optional
            && kind.message().is_none();
        let shown =
            if field.extendee.is_empty() { field.name.clone() } else { format!("[{}]", join(scope, &field.name)) };
        Some(Field {
            number,
            name: "".into(),
            key: format!(",{}:", quote(&shown)).into(),
            kind,
            label,
            implicit,
            oneof: 0,
        })
    }

    fn is_map_entry(&self, id: MessageId) -> bool {
        let declared = self.declared.get(id.0 as usize);
        declared.is_some_and(|(message, _)| message.map_entry)
    }

    fn method(&mut self, place: &Place<'_>, package: &str, service: &str, item: &proto::Method) {
        let ends = [&item.input, &item.output].map(|name| match self.resolve(package, name) {
            Some(Symbol::Message(id)) => Some(id),
            _ => None,
        });
        for (end, name) in ends.iter().zip([&item.input, &item.output]) {
            if end.is_none() {
                self.undefined(place, &[], &format!("method {}", item.name), name);
            }
        }
        let path: Box<str> = format!("/{service}/{}", item.name).into();
        let info = MethodInfo {
            service: service.into(),
            method: item.name.as_str().into(),
            path: path.clone(),
            input: ends[0],
            output: ends[1],
            client_streaming: item.client_streaming,
            server_streaming: item.server_streaming,
        };
        self.out.methods.entry(path.into_boxed_bytes()).or_insert(info);
    }

    /// A name as written inside `scope`: absolute with a leading dot, else sought outwards.
    fn resolve(&self, scope: &str, name: &str) -> Option<Symbol> {
        if let Some(absolute) = name.strip_prefix('.') {
            return self.symbols.get(absolute).copied();
        }
        let mut scope = scope;
        loop {
            if let Some(symbol) = self.symbols.get(&join(scope, name)) {
                return Some(*symbol);
            }
            if scope.is_empty() {
                return None;
            }
            scope = scope.rsplit_once('.').map_or("", |(outer, _)| outer);
        }
    }

    fn undefined(&mut self, place: &Place<'_>, inside: &[i32], user: &str, name: &str) {
        let name = name.trim_start_matches('.');
        if place.unit.builtin || !self.undefined.insert((place.at, name.to_owned())) {
            return;
        }
        let path: Vec<i32> = place.path.iter().chain(inside).copied().collect();
        let at = super::source_place(&place.unit.file, &path);
        let what = format!("{user}: nothing defines {name}; its values are read without a schema");
        self.out.warnings.push(Warning::new(&place.unit.shown, at, what));
    }
}

/// Where the walk through a file is: the file's index and the path of `SourceCodeInfo`.
struct Place<'p> {
    at: usize,
    unit: &'p Unit,
    path: &'p mut Vec<i32>,
}

impl Place<'_> {
    fn enter(&mut self, field: i32, index: usize) {
        self.path.extend([field, index as i32]);
    }

    fn leave(&mut self) {
        self.path.truncate(self.path.len().saturating_sub(2));
    }
}

const GROUP: i32 = 10;
const REQUIRED: i32 = 2;
const REPEATED: i32 = 3;

fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}
