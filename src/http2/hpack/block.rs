//! A decoded header block: its fields, its faults, and counts of what is not shown (RFC 7541 §3.2).

use std::iter::FusedIterator;

use super::fault::Fault;
use super::field::{Field, Item, Texts};

/// Faults shown in one block; more are counted.
const MAX_FAULTS: usize = 16;

/// Scratch space that is kept between blocks, in octets of text and in items.
const KEPT_TEXT: usize = 64 << 10;
const KEPT_ITEMS: usize = 1 << 10;

/// Room for one block's fields, to be used again for the next.
///
/// One a thread is enough for any number of decoders.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) items: Vec<Item>,
    pub(super) text: Vec<u8>,
    faults: Vec<Fault>,
    faults_omitted: u32,
    pub(super) summary: Summary,
}

impl Scratch {
    /// An empty scratch space, which allocates nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The memory held, in octets. Large blocks' memory is given back when the next block begins.
    pub fn held_bytes(&self) -> usize {
        self.text.capacity().saturating_add(size_of_items(&self.items)).saturating_add(size_of_items(&self.faults))
    }

    pub(super) fn begin_block(&mut self) {
        self.items.clear();
        self.text.clear();
        self.faults.clear();
        self.faults_omitted = 0;
        self.summary = Summary::default();
        if self.text.capacity() > KEPT_TEXT {
            self.text.shrink_to(KEPT_TEXT);
        }
        if self.items.capacity() > KEPT_ITEMS {
            self.items.shrink_to(KEPT_ITEMS);
        }
    }

    pub(super) fn report(&mut self, fault: Fault) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        } else {
            self.faults_omitted = self.faults_omitted.saturating_add(1);
        }
    }
}

fn size_of_items<T>(items: &Vec<T>) -> usize {
    items.capacity().saturating_mul(std::mem::size_of::<T>())
}

/// What a header block says. Borrows the block, the decoder's table and the scratch space.
#[derive(Clone, Copy)]
pub struct HeaderBlock<'a> {
    scratch: &'a Scratch,
    table: &'a [u8],
    block: &'a [u8],
}

/// The numbers of a block.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Summary {
    pub(super) decoded_octets: u32,
    pub(super) list_octets: u64,
    pub(super) omitted: Omitted,
    pub(super) forgotten: u32,
    pub(super) table: TableState,
}

/// Which entries the dynamic table holds after a block: of one decoder, states that are equal are the same entries at the same indices.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TableState {
    /// The number of the newest entry.
    pub(super) newest: u64,
    /// How many are held.
    pub(super) held: u32,
}

/// Fields that were decoded, and applied to the table, but are not shown because of
/// [`Limits::list_octets`](super::Limits::list_octets).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Omitted {
    /// How many fields and size updates.
    pub fields: u32,
    /// Their names' and values' octets and 32 for each.
    pub octets: u64,
}

impl<'a> HeaderBlock<'a> {
    #[inline]
    pub(super) fn new(scratch: &'a Scratch, table: &'a [u8], block: &'a [u8]) -> Self {
        Self { scratch, table, block }
    }

    /// The fields and size updates in the order of the wire.
    #[inline]
    pub fn fields(&self) -> Fields<'a> {
        Fields {
            items: self.scratch.items.iter(),
            texts: Texts { table: self.table, block: self.block, scratch: &self.scratch.text },
        }
    }

    /// How many items [`fields`](Self::fields) gives.
    #[inline]
    pub fn len(&self) -> usize {
        self.scratch.items.len()
    }

    /// Whether there is nothing to show.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.scratch.items.is_empty()
    }

    /// The first fault.
    #[inline]
    pub fn fault(&self) -> Option<Fault> {
        self.scratch.faults.first().copied()
    }

    /// The faults in the order found. At most the last of them [stops](super::FaultKind::stops) the decoding.
    pub fn faults(&self) -> &'a [Fault] {
        &self.scratch.faults
    }

    /// How many more faults there were than [`faults`](Self::faults) holds.
    pub fn faults_omitted(&self) -> u32 {
        self.scratch.faults_omitted
    }

    /// The octets of the block, as they stood on the wire.
    #[inline]
    pub fn octets(&self) -> &'a [u8] {
        self.block
    }

    /// Which entries the dynamic table holds after the block. A block of nothing but indices says the same again for as long as that is the
    /// same.
    #[inline]
    pub fn table(&self) -> TableState {
        self.scratch.summary.table
    }

    /// How many octets of the block were decoded: all of them, unless a fault stopped the decoding or a prefix
    /// given to [`decode_partial`](super::Decoder::decode_partial) ended inside a field. Ends with a field.
    pub fn decoded_octets(&self) -> u32 {
        self.scratch.summary.decoded_octets
    }

    /// Size of the header list by the measure of SETTINGS_MAX_HEADER_LIST_SIZE: octets of all names and values,
    /// and 32 for each field (RFC 9113 §6.5.2). A lower bound if anything is unknown.
    pub fn list_octets(&self) -> u64 {
        self.scratch.summary.list_octets
    }

    /// What was decoded but is not shown.
    pub fn omitted(&self) -> Omitted {
        self.scratch.summary.omitted
    }

    /// Table entries that this block made the decoder give up for memory; references to them will be unknown.
    pub fn forgotten(&self) -> u32 {
        self.scratch.summary.forgotten
    }
}

impl<'a> IntoIterator for HeaderBlock<'a> {
    type Item = Field<'a>;
    type IntoIter = Fields<'a>;

    fn into_iter(self) -> Fields<'a> {
        self.fields()
    }
}

impl std::fmt::Debug for HeaderBlock<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeaderBlock")
            .field("fields", &self.fields().collect::<Vec<_>>())
            .field("faults", &self.faults())
            .field("summary", &self.scratch.summary)
            .finish()
    }
}

/// The fields of a [`HeaderBlock`].
#[derive(Clone)]
pub struct Fields<'a> {
    items: std::slice::Iter<'a, Item>,
    texts: Texts<'a>,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let item = self.items.next()?;
        Some(Field { item, texts: self.texts })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl<'a> DoubleEndedIterator for Fields<'a> {
    fn next_back(&mut self) -> Option<Field<'a>> {
        let item = self.items.next_back()?;
        Some(Field { item, texts: self.texts })
    }
}

impl ExactSizeIterator for Fields<'_> {}
impl FusedIterator for Fields<'_> {}
