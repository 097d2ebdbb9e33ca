//! From inputs to a schema: which files there are, which import means which file, and what is missing.
//!
//! Import roots are inferred: an import means the file whose path ends with it, nearest to the importing file first. If the
//! searched directories hold none, the directories above the importing file are tried. So a directory may be given at,
//! above or below its root.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::path::{Component, Path, PathBuf};

use super::files::{FileKind, Files};
use super::link::Linker;
use super::{Descriptor, Error, Inputs, Schema, Warning, builtin, descriptor, source, source_place};

/// Reads, parses and links everything the inputs name.
pub(super) fn load(inputs: &Inputs, files: &dyn Files) -> Result<(Schema, Vec<Warning>), Error> {
    let mut loader = Loader {
        files,
        inputs,
        queue: VecDeque::new(),
        known: HashSet::new(),
        walked: HashSet::new(),
        by_name: HashMap::new(),
        set_files: HashSet::new(),
        parsed: Vec::new(),
        linker: Linker::default(),
        warnings: Vec::new(),
        used: 0,
    };
    for path in &inputs.descriptor_sets {
        loader.descriptor_set(path);
    }
    for path in inputs.protos.iter().chain(&inputs.import_paths) {
        loader.find(path);
    }
    while let Some(path) = loader.queue.pop_front() {
        loader.source(&path);
    }
    loader.finish()
}

struct Loader<'a> {
    files: &'a dyn Files,
    inputs: &'a Inputs,
    /// Files found and not yet parsed.
    queue: VecDeque<PathBuf>,
    /// The identity of every file found.
    known: HashSet<PathBuf>,
    /// The identity of every directory searched.
    walked: HashSet<PathBuf>,
    /// Files found, by the last component of their path.
    by_name: HashMap<String, Vec<PathBuf>>,
    /// The names of the files that descriptor sets hold.
    set_files: HashSet<String>,
    /// Files parsed, whose imports are still to be checked.
    parsed: Vec<Parsed>,
    linker: Linker,
    warnings: Vec<Warning>,
    used: usize,
}

struct Parsed {
    /// How to show it; the path of a .proto.
    shown: String,
    file: descriptor::File,
    /// What it was read from.
    octets: Vec<u8>,
    /// Whether it was in a descriptor set.
    in_set: bool,
}

impl Loader<'_> {
    fn warn(&mut self, file: &Path, what: String) {
        let file = file.display().to_string();
        self.warnings.push(Warning::new(&file, None, what));
    }

    fn descriptor_set(&mut self, path: &Path) {
        let octets = match self.files.read(path) {
            Ok(octets) => octets,
            Err(error) => return self.warn(path, format!("cannot be read: {}", reason(&error))),
        };
        let set = descriptor::split_set(&octets).and_then(|files| {
            files.into_iter().map(|octets| Ok((descriptor::read_file(octets)?, octets))).collect::<Result<Vec<_>, _>>()
        });
        let set = match set {
            Ok(set) if set.iter().any(|(file, _)| !file.name.is_empty()) => set,
            Ok(_) => return self.warn(path, "a FileDescriptorSet without files".to_owned()),
            Err(_) if is_source(&octets) => {
                return self
                    .warn(path, "not a FileDescriptorSet but the text of a .proto; give it with --proto".to_owned());
            }
            Err(damage) => {
                let what = format!("not a FileDescriptorSet: {damage}; make one with protoc -o FILE --include_imports");
                return self.warn(path, what);
            }
        };
        for (file, octets) in set {
            self.used = self.used.saturating_add(1);
            self.set_files.insert(file.name.clone());
            let shown = format!("{} ({})", path.display(), file.name);
            self.parsed.push(Parsed { shown, file, octets: octets.to_vec(), in_set: true });
        }
    }

    /// Queues a file, or every .proto below a directory.
    fn find(&mut self, path: &Path) {
        match self.files.kind(path) {
            Some(FileKind::File) => self.queue_file(path.to_owned()),
            Some(FileKind::Directory) => {
                let before = self.known.len();
                let mut budget = MAX_ENTRIES;
                self.walk(path, 0, &mut budget);
                if budget == 0 {
                    let what = format!("more than {MAX_ENTRIES} entries: the rest is not searched");
                    self.warn(path, what);
                }
                if self.known.len() == before && !self.holds_known(path) {
                    self.warn(path, "holds no .proto file".to_owned());
                }
            }
            None => self.warn(path, "no such file or directory".to_owned()),
        }
    }

    /// Whether a file found before stands below the directory.
    fn holds_known(&self, directory: &Path) -> bool {
        let directory = self.files.identity(directory);
        self.known.iter().any(|file| file.starts_with(&directory))
    }

    fn walk(&mut self, directory: &Path, depth: u32, budget: &mut usize) {
        // A link back up would be walked for ever: each directory once, and not too deep.
        if depth > MAX_DEPTH || !self.walked.insert(self.files.identity(directory)) {
            return;
        }
        let mut paths = match self.files.list(directory) {
            Ok(paths) => paths,
            Err(error) => return self.warn(directory, format!("cannot be listed: {error}")),
        };
        paths.sort();
        for path in paths {
            let Some(left) = budget.checked_sub(1) else {
                return;
            };
            *budget = left;
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.unwrap_or_default();
            if name.starts_with('.') {
                continue;
            }
            match self.files.kind(&path) {
                Some(FileKind::Directory) => self.walk(&path, depth.saturating_add(1), budget),
                Some(FileKind::File) if name.ends_with(".proto") => self.queue_file(path),
                _ => {}
            }
        }
    }

    fn queue_file(&mut self, path: PathBuf) {
        if self.known.insert(self.files.identity(&path)) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            self.by_name.entry(name.unwrap_or_default()).or_default().push(path.clone());
            self.queue.push_back(path);
        }
    }

    fn source(&mut self, path: &Path) {
        let shown = path.display().to_string();
        let text = match self.files.read(path) {
            Ok(octets) => octets,
            Err(error) => return self.warn(path, format!("cannot be read: {}", reason(&error))),
        };
        if text.contains(&0) {
            let what = "not a text; a binary descriptor set is given with --descriptor-set";
            return self.warn(path, what.to_owned());
        }
        // Old files have comments in other encodings; names are ASCII anyway.
        let text = String::from_utf8_lossy(&text);
        let octets = match source::compile(&shown, &text, true) {
            Ok(octets) => octets,
            // The error starts with line:col.
            Err(error) => return self.warnings.push(Warning::parse(&shown, &error)),
        };
        let file = match descriptor::read_file(&octets) {
            Ok(file) => file,
            Err(damage) => return self.warn(path, format!("cannot be used: {damage}")),
        };
        self.used = self.used.saturating_add(1);
        for import in &file.dependencies {
            if let Some(found) = self.import(path, import) {
                self.queue_file(found);
            }
        }
        self.parsed.push(Parsed { shown, file, octets, in_set: false });
    }

    /// The file that an import means, if there is one.
    fn import(&self, importer: &Path, import: &str) -> Option<PathBuf> {
        let relative = Path::new(import);
        if relative.components().any(|part| !matches!(part, Component::Normal(_))) {
            return None;
        }
        let name = relative.file_name()?.to_string_lossy();
        let same_name = self.by_name.get(&*name).map(Vec::as_slice).unwrap_or_default();
        let near = |path: &&PathBuf| {
            let parts = path.components().zip(importer.components());
            parts.take_while(|(a, b)| a == b).count()
        };
        let found = same_name.iter().filter(|path| path.ends_with(relative)).max_by_key(near);
        if let Some(found) = found {
            return Some(found.clone());
        }
        let given = self.inputs.protos.iter().chain(&self.inputs.import_paths);
        let above = importer.ancestors().skip(1).take(MAX_DEPTH as usize);
        given
            .map(PathBuf::as_path)
            .chain(above)
            .map(|root| root.join(relative))
            .find(|path| self.files.kind(path) == Some(FileKind::File))
    }

    fn finish(mut self) -> Result<(Schema, Vec<Warning>), Error> {
        let usable: BTreeSet<String> = self.parsed.iter().map(|parsed| parsed.shown.clone()).collect();
        let mut missing = Vec::new();
        for Parsed { shown, file, .. } in &self.parsed {
            for (index, import) in file.dependencies.iter().enumerate() {
                if self.set_files.contains(import) || builtin::has(import) {
                    continue;
                }
                let found = self.import(Path::new(shown), import);
                let what = match found {
                    Some(path) if usable.contains(&path.display().to_string()) => continue,
                    Some(path) => format!("import {import:?}: {} cannot be used", path.display()),
                    None => format!(
                        "import {import:?} is in none of the directories given nor above this file; \
                         add its root with -I"
                    ),
                };
                let at = source_place(file, &[3, index as i32]);
                missing.push(Warning::new(shown, at, what));
            }
        }
        self.warnings.append(&mut missing);
        if self.used == 0 && !self.inputs.is_empty() {
            return Err(Error { warnings: self.warnings });
        }
        let mut descriptors = self.descriptors();
        let names = self.set_files;
        let mut imported = HashSet::new();
        for Parsed { shown, mut file, .. } in self.parsed {
            imported.extend(std::mem::take(&mut file.dependencies));
            self.linker.add(shown, file, false);
        }
        descriptors.append(&mut builtin::add_to(&mut self.linker, &names, &imported));
        let (schema, mut warnings) = Schema::from_linked(self.linker.link(), descriptors, self.used > 0);
        self.warnings.append(&mut warnings);
        Ok((schema, self.warnings))
    }
}

impl Loader<'_> {
    /// The files that were parsed, each under one name: the first that another imports it by, else its path below the
    /// directory that was given.
    fn descriptors(&self) -> Vec<Descriptor> {
        let sources = || self.parsed.iter().filter(|parsed| !parsed.in_set);
        let mut names: HashMap<PathBuf, String> = HashMap::new();
        for Parsed { shown, file, .. } in sources() {
            for import in file.dependencies.iter().filter(|import| !self.set_files.contains(*import)) {
                if let Some(path) = self.import(Path::new(shown), import) {
                    names.entry(self.files.identity(&path)).or_insert_with(|| import.clone());
                }
            }
        }
        for Parsed { shown, .. } in sources() {
            let path = Path::new(shown);
            names.entry(self.files.identity(path)).or_insert_with(|| self.below_root(path));
        }
        let name_of = |path: &Path| names.get(&self.files.identity(path)).cloned();
        let descriptor = |Parsed { shown, file, octets, in_set }: &Parsed| {
            let path = Path::new(shown);
            let name = if *in_set { file.name.clone() } else { name_of(path)? };
            let import = |import: &str| {
                let found = if *in_set || self.set_files.contains(import) { None } else { self.import(path, import) };
                found.and_then(|path| name_of(&path)).unwrap_or_else(|| import.to_owned())
            };
            let octets = descriptor::renamed(octets, &name, import).ok()?;
            Some(Descriptor { name, octets, edition: file.syntax == "editions", resolved: *in_set })
        };
        self.parsed.iter().filter_map(descriptor).collect()
    }

    /// The path of a file below the innermost directory given, its name alone if there is none.
    fn below_root(&self, path: &Path) -> String {
        let given = self.inputs.import_paths.iter().chain(&self.inputs.protos);
        let below = given.filter_map(|root| path.strip_prefix(root).ok());
        let below = below.filter(|rest| !rest.as_os_str().is_empty()).min_by_key(|rest| rest.components().count());
        let name = below.or_else(|| path.file_name().map(Path::new)).unwrap_or(path);
        name.to_string_lossy().into_owned()
    }
}

impl Warning {
    /// A compiler's `line:col: what` of one file.
    fn parse(file: &str, error: &str) -> Self {
        let mut parts = error.splitn(3, ':');
        let place = match (parts.next(), parts.next()) {
            (Some(line), Some(column)) => line.parse().ok().zip(column.parse().ok()),
            _ => None,
        };
        let what = match (place, parts.next()) {
            (Some(_), Some(rest)) => rest.trim_start(),
            _ => error,
        };
        Self::new(file, place, format!("{what}; the file is left out"))
    }
}

/// Directory entries looked at below one input.
const MAX_ENTRIES: usize = 100_000;
/// Levels of directories below, and above, an input.
const MAX_DEPTH: u32 = 32;

/// Whether octets are the text of a .proto, by the words that stand in one.
fn is_source(octets: &[u8]) -> bool {
    let text = std::str::from_utf8(octets).unwrap_or_default();
    text.contains(';') && ["syntax", "edition", "message", "service", "package"].iter().any(|word| text.contains(word))
}

/// Why a file cannot be read, without the system's number for it.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.as_str(), |(words, _)| words).to_lowercase()
}
