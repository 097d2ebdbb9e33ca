//! A pcapng section and the blocks that describe it (draft-ietf-opsawg-pcapng §4.1, §4.2, §4.6, §4.7).
//!
//! What packets need (link type, clock, snaplen) is kept for every interface of the current section;
//! what people want to know goes to [`Facts`].

use super::byte_order::ByteOrder;
use super::clock::Clock;
use super::options::Options;
use super::{Error, Facts, Interface, Limits, LinkType, Resolution, Statistics, Subject, facts};

/// The section being read.
#[derive(Debug, Default)]
pub(crate) struct Section {
    /// A description that could not be read, or that a limit kept out, still takes its number.
    interfaces: Vec<Option<PacketInterface>>,
    /// Interfaces described beyond the limit.
    excess: u64,
    /// Number in the file of the section's first interface.
    first_interface: u32,
    /// Sections begun before this one.
    before: Option<u64>,
}

/// What the packets of an interface need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PacketInterface {
    pub(crate) link: LinkType,
    pub(crate) clock: Clock,
    pub(crate) snaplen: u32,
}

impl Section {
    /// The interface that packets of this section call `id`.
    #[inline]
    pub(crate) fn interface(&self, id: u32) -> Option<&PacketInterface> {
        self.interfaces.get(usize::try_from(id).ok()?)?.as_ref()
    }

    /// The number in the file of that interface.
    #[inline]
    pub(crate) fn number_in_file(&self, id: u32) -> u32 {
        self.first_interface.saturating_add(id)
    }

    /// Octets of memory held.
    pub(crate) fn held_bytes(&self) -> usize {
        facts::list_octets(&self.interfaces)
    }

    /// Reads a section header: all interfaces are new.
    pub(crate) fn begin(
        &mut self,
        order: ByteOrder,
        content: &[u8],
        offset: u64,
        facts: &mut Facts,
    ) -> Result<Result<(), &'static str>, Error> {
        let Some((&[_, _, _, _, a, b, c, d, length @ ..], options)) = content.split_first_chunk::<16>() else {
            return Ok(Err("section header skipped: too short"));
        };
        let version = (order.u16([a, b]), order.u16([c, d]));
        // 1.2 was written by some programs and is the same as 1.0.
        if !matches!(version, (1, 0 | 2)) {
            return Err(Error::Unsupported {
                offset,
                what: format!("a section says it is pcapng {}.{}", version.0, version.1),
                advice: "version 1.0 is read; try to rewrite it with editcap",
            });
        }
        let described = self.interfaces.len();
        *self = Self {
            first_interface: self
                .first_interface
                .saturating_add(u32::try_from(described).unwrap_or(u32::MAX))
                .saturating_add(u32::try_from(self.excess).unwrap_or(u32::MAX)),
            before: Some(self.before.map_or(0, |before| before.saturating_add(1))),
            interfaces: std::mem::take(&mut self.interfaces),
            excess: 0,
        };
        self.interfaces.clear();

        let options = Options::new(options, order);
        let mut text = |code| options.value(code).and_then(|octets| facts.text(octets));
        let section = facts::Section {
            offset,
            length: match order.u64(length) {
                u64::MAX => None,
                length => Some(length),
            },
            big_endian: order == ByteOrder::Big,
            hardware: text(SECTION_HARDWARE),
            os: text(SECTION_OS),
            application: text(SECTION_APPLICATION),
        };
        facts.section(section);
        Ok(comments(options, Subject::Section(self.number()), facts))
    }

    /// Reads an interface description.
    pub(crate) fn add_interface(
        &mut self,
        order: ByteOrder,
        content: &[u8],
        limits: &Limits,
        facts: &mut Facts,
    ) -> Result<(), &'static str> {
        if self.interfaces.len() >= limits.interfaces {
            self.excess = self.excess.saturating_add(1);
            return Err("interface left out: the section has more than the limit");
        }
        let id = u32::try_from(self.interfaces.len()).unwrap_or(u32::MAX);
        let number = self.number_in_file(id);
        let Some((&[a, b, _, _, c, d, e, f], options)) = content.split_first_chunk() else {
            // Later interfaces must keep their numbers.
            self.interfaces.push(None);
            facts.describe_interface(Interface {
                resolution: Resolution::MICROSECONDS,
                ..self.unknown_interface(number)
            });
            return Err("interface description without content: its packets are skipped");
        };
        let options = Options::new(options, order);
        let resolution = options.u8(INTERFACE_TSRESOL).map_or(Resolution::MICROSECONDS, Resolution::from_octet);
        let offset_seconds =
            options.u64(INTERFACE_TSOFFSET).map_or(0, |seconds| i64::from_le_bytes(seconds.to_le_bytes()));
        let link = LinkType(order.u16([a, b]).into());
        let snaplen = order.u32([c, d, e, f]);
        self.interfaces.push(Some(PacketInterface { link, clock: Clock::new(resolution, offset_seconds), snaplen }));
        let mut text = |code| options.value(code).and_then(|octets| facts.text(octets));
        let interface = Interface {
            link,
            snaplen,
            resolution,
            offset_seconds,
            fcs_octets: options.u8(INTERFACE_FCSLEN).map(fcs_octets),
            name: text(INTERFACE_NAME),
            description: text(INTERFACE_DESCRIPTION),
            ..self.unknown_interface(number)
        };
        facts.describe_interface(interface);
        comments(options, Subject::Interface(number), facts)
    }

    /// Reads what an interface reports about its own work; the last report stands.
    pub(crate) fn statistics(
        &mut self,
        order: ByteOrder,
        content: &[u8],
        facts: &mut Facts,
    ) -> Result<(), &'static str> {
        let Some((&[a, b, c, d, _time @ ..], options)) = content.split_first_chunk::<12>() else {
            return Err("interface statistics skipped: too short");
        };
        let id = order.u32([a, b, c, d]);
        if usize::try_from(id).is_ok_and(|id| id >= self.interfaces.len()) {
            return Err("interface statistics skipped: the interface is not described");
        }
        let number = self.number_in_file(id);
        let options = Options::new(options, order);
        if let Some(interface) = facts.interface_mut(number) {
            interface.statistics = Some(Statistics {
                received: options.u64(STATISTICS_RECEIVED),
                dropped: options.u64(STATISTICS_DROPPED),
                accepted: options.u64(STATISTICS_ACCEPTED),
                dropped_by_system: options.u64(STATISTICS_DROPPED_BY_SYSTEM),
                delivered: options.u64(STATISTICS_DELIVERED),
            });
        }
        comments(options, Subject::Statistics(number), facts)
    }

    /// Keeps decryption secrets.
    pub(crate) fn secrets(
        &mut self,
        order: ByteOrder,
        content: &[u8],
        offset: u64,
        facts: &mut Facts,
    ) -> Result<(), &'static str> {
        const TOO_SHORT: &str = "secrets skipped: their length exceeds their block";
        let Some((&[a, b, c, d, e, f, g, h], rest)) = content.split_first_chunk() else {
            return Err(TOO_SHORT);
        };
        let length = usize::try_from(order.u32([e, f, g, h])).unwrap_or(usize::MAX);
        let Some((secrets, rest)) = rest.split_at_checked(length) else {
            return Err(TOO_SHORT);
        };
        facts.keep_secrets(order.u32([a, b, c, d]), offset, secrets);
        let padding = secrets.len().wrapping_neg() % 4;
        let options = Options::new(rest.get(padding..).unwrap_or_default(), order);
        comments(options, Subject::Secrets(offset), facts)
    }

    fn number(&self) -> u64 {
        self.before.unwrap_or(0)
    }

    fn unknown_interface(&self, number: u32) -> Interface {
        Interface {
            number,
            section: self.number(),
            link: LinkType(u32::MAX),
            snaplen: 0,
            resolution: Resolution::MICROSECONDS,
            offset_seconds: 0,
            fcs_octets: None,
            name: None,
            description: None,
            statistics: None,
        }
    }
}

fn comments(options: Options<'_>, subject: Subject, facts: &mut Facts) -> Result<(), &'static str> {
    for comment in options.comments() {
        facts.comment(subject, comment);
    }
    match options.is_intact() {
        true => Ok(()),
        false => Err("options cut: one runs past the end of its block"),
    }
}

/// The standard counts bits; programs are known that count octets. No frame check sequence has
/// fewer than 8 bits or more than 7 octets.
fn fcs_octets(length: u8) -> u8 {
    match length {
        0..8 => length,
        _ => length / 8,
    }
}

const SECTION_HARDWARE: u16 = 2;
const SECTION_OS: u16 = 3;
const SECTION_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_DESCRIPTION: u16 = 3;
const INTERFACE_TSRESOL: u16 = 9;
const INTERFACE_FCSLEN: u16 = 13;
const INTERFACE_TSOFFSET: u16 = 14;
pub(super) const STATISTICS_RECEIVED: u16 = 4;
pub(super) const STATISTICS_DROPPED: u16 = 5;
pub(super) const STATISTICS_ACCEPTED: u16 = 6;
pub(super) const STATISTICS_DROPPED_BY_SYSTEM: u16 = 7;
pub(super) const STATISTICS_DELIVERED: u16 = 8;
