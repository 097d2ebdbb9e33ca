//! What can happen to a capture: packets lost, repeated, out of order, cut short, or captured from the middle on.

use super::capture::Parts;
use super::kept::Owned;

/// What was done to a capture.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Damage {
    /// The first packets are missing.
    Late(usize),
    /// These packets are missing.
    Lost(Vec<usize>),
    /// Everything that this side of each conversation sent is missing: the side of the first packet, or the other.
    OneSide(bool),
    /// Each packet was cut after so many octets.
    Snap(usize),
    /// A packet comes so many places later.
    Delayed(usize, usize),
    /// These packets come twice.
    Twice(Vec<usize>),
    /// The capture ends before this packet.
    Cut(usize),
    /// One after the other; places are those of what the first left.
    Both(Box<(Damage, Damage)>),
}

impl Damage {
    /// The copy of a capture with this damage.
    pub(crate) fn apply(&self, packets: &[Owned]) -> Vec<Owned> {
        match self {
            Self::Late(first) => packets.get(*first..).unwrap_or_default().to_vec(),
            Self::Cut(end) => packets.get(..*end).unwrap_or(packets).to_vec(),
            Self::Lost(places) => {
                let kept = packets.iter().enumerate().filter(|(place, _)| !places.contains(place));
                kept.map(|(_, packet)| packet.clone()).collect()
            }
            Self::OneSide(first) => one_side(packets, *first),
            Self::Snap(length) => {
                let cut = |packet: &Owned| {
                    let data = packet.data.get(..*length).unwrap_or(&packet.data).to_vec();
                    Owned { data, ..packet.clone() }
                };
                packets.iter().map(cut).collect()
            }
            Self::Delayed(place, by) => {
                let mut all = packets.to_vec();
                if *place < all.len() {
                    let packet = all.remove(*place);
                    all.insert((place + by).min(all.len()), packet);
                }
                all
            }
            Self::Twice(places) => {
                let again = |(place, packet): (usize, &Owned)| {
                    let times = if places.contains(&place) { 2 } else { 1 };
                    std::iter::repeat_n(packet.clone(), times)
                };
                packets.iter().enumerate().flat_map(again).collect()
            }
            Self::Both(both) => both.1.apply(&both.0.apply(packets)),
        }
    }

    /// Whether it takes nothing away: only the order and number of packets differ.
    pub(crate) fn keeps_everything(&self) -> bool {
        matches!(self, Self::Delayed(..) | Self::Twice(_))
    }
}

fn one_side(packets: &[Owned], first: bool) -> Vec<Owned> {
    let parts = Parts::of(packets);
    let mut openers = Vec::new();
    let mut sides = std::collections::BTreeMap::new();
    for (number, part) in parts.all() {
        let (from, to) = (part.place.from, part.place.to);
        if !openers.contains(&(to, from)) && !openers.contains(&(from, to)) {
            openers.push((from, to));
        }
        sides.insert(number, openers.contains(&(from, to)));
    }
    packets.iter().filter(|packet| sides.get(&packet.number) == Some(&first)).cloned().collect()
}

/// A small generator of numbers, the same for the same seed.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }
}

/// Every damage that a capture of `count` packets is tried with: all places where `stride` is 1, else one in so many.
pub(crate) fn all(count: usize, stride: usize, seed: u64) -> Vec<Damage> {
    let mut dice = Dice::new(seed);
    let begin = |dice: &mut Dice| dice.below(stride);
    let mut all = Vec::new();
    all.extend((1 + begin(&mut dice)..count).step_by(stride).map(Damage::Late));
    all.extend((begin(&mut dice)..count).step_by(stride).map(|place| Damage::Lost(vec![place])));
    all.extend((begin(&mut dice)..count).step_by(stride).map(|place| Damage::Delayed(place, 1)));
    all.extend((begin(&mut dice)..count).step_by(stride * 2).map(Damage::Cut));
    all.extend([true, false].map(Damage::OneSide));
    all.extend((60 + begin(&mut dice)..300).step_by(stride.max(4)).map(Damage::Snap));
    for _ in 0..(60.min(count) / stride).max(2) {
        let mut place = || dice.below(count);
        all.push(Damage::Lost(sorted([place(), place()])));
        all.push(Damage::Lost(sorted([place(), place(), place()])));
        let (from, long) = (place(), 2 + place() / 8);
        all.push(Damage::Lost((from..(from + long).min(count)).collect()));
        all.push(Damage::Delayed(place(), 2 + place() % 28));
        all.push(Damage::Twice(sorted([place(), place(), place(), place()])));
        let late = place() / 2;
        let rest = count - late;
        all.push(both(Damage::Late(late), Damage::Lost(sorted([place() % rest, place() % rest]))));
        let (lost, moved) = (Damage::Lost(vec![place()]), Damage::Delayed(place(), 1 + place() % 6));
        all.push(both(lost.clone(), moved));
        all.push(both(lost, Damage::Twice(sorted([place(), place(), place()]))));
    }
    all
}

fn both(first: Damage, second: Damage) -> Damage {
    Damage::Both(Box::new((first, second)))
}

fn sorted<const N: usize>(mut places: [usize; N]) -> Vec<usize> {
    places.sort_unstable();
    let mut places = places.to_vec();
    places.dedup();
    places
}
