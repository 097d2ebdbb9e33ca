//! How long things took: percentiles by the nearest rank, exact for the first thousand, from a histogram beyond.
//!
//! The histogram has 64 steps to every doubling, and answers with the middle of a step: at most 0.8 % off (checked below).

/// Durations kept one by one before they become a histogram.
pub const EXACT: usize = 1024;

/// A set of durations in nanoseconds. Holds at most 8 KiB while exact; a histogram takes 256 octets for each power of two that occurs.
#[derive(Clone, Debug, Default)]
pub struct Durations {
    count: u64,
    least: u64,
    most: u64,
    exact: Vec<u64>,
    octaves: Vec<Option<Box<Steps>>>,
}

type Steps = [u32; STEPS];

const STEPS: usize = 64;
const STEP_BITS: u32 = STEPS.trailing_zeros();

impl Durations {
    /// Takes one more.
    pub fn add(&mut self, nanos: u64) {
        self.least = if self.count == 0 { nanos } else { self.least.min(nanos) };
        self.most = self.most.max(nanos);
        self.count = self.count.saturating_add(1);
        if !self.is_exact() {
            return self.step(nanos);
        }
        if self.exact.len() < EXACT {
            return self.exact.push(nanos);
        }
        for earlier in std::mem::take(&mut self.exact) {
            self.step(earlier);
        }
        self.step(nanos);
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether percentiles are exact.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        self.octaves.is_empty()
    }

    /// The least duration of which at least `percents` of a hundred are no longer; `None` where there is none. In the order asked for.
    #[must_use]
    pub fn percentiles<const N: usize>(&self, percents: [u64; N]) -> Option<[u64; N]> {
        if self.count == 0 {
            return None;
        }
        if self.is_exact() {
            let mut sorted = self.exact.clone();
            sorted.sort_unstable();
            let total = u64::try_from(sorted.len()).unwrap_or(u64::MAX);
            return Some(percents.map(|percent| {
                let at = usize::try_from(rank(percent, total)).unwrap_or(usize::MAX).saturating_sub(1);
                sorted.get(at).or(sorted.last()).copied().unwrap_or(0)
            }));
        }
        let total = self.steps().fold(0, |sum: u64, (_, count)| sum.saturating_add(count));
        Some(percents.map(|percent| self.at_rank(rank(percent, total)).clamp(self.least, self.most)))
    }

    /// Octets of memory held beyond the value itself.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let octaves = self.octaves.iter().flatten().count().saturating_mul(size_of::<Steps>());
        let list = self.octaves.capacity().saturating_mul(size_of::<Option<Box<Steps>>>());
        self.exact.capacity().saturating_mul(size_of::<u64>()).saturating_add(octaves).saturating_add(list)
    }

    fn step(&mut self, nanos: u64) {
        let (octave, step) = place(nanos);
        if self.octaves.len() <= octave {
            self.octaves.resize(octave.saturating_add(1), None);
        }
        let Some(steps) = self.octaves.get_mut(octave) else { return };
        let steps = steps.get_or_insert_with(|| Box::new([0; STEPS]));
        let Some(count) = steps.get_mut(step) else { return };
        *count = count.saturating_add(1);
        if *count == u32::MAX {
            // The shares stay what they are when all are halved.
            self.octaves.iter_mut().flatten().flat_map(|steps| steps.iter_mut()).for_each(|count| *count /= 2);
        }
    }

    fn at_rank(&self, rank: u64) -> u64 {
        let mut below = 0_u64;
        for (middle, count) in self.steps() {
            below = below.saturating_add(count);
            if below >= rank {
                return middle;
            }
        }
        self.most
    }

    /// The middle and the count of every step, in ascending order.
    fn steps(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.octaves.iter().enumerate().filter_map(|(octave, steps)| Some((octave, steps.as_deref()?))).flat_map(
            |(octave, steps)| {
                steps
                    .iter()
                    .enumerate()
                    .filter(|(_, count)| **count > 0)
                    .map(move |(step, count)| (middle(octave, step), u64::from(*count)))
            },
        )
    }
}

/// The nearest rank, from 1: `percent` of `total`, rounded up.
fn rank(percent: u64, total: u64) -> u64 {
    let rank = u128::from(percent).saturating_mul(u128::from(total)).div_ceil(100);
    u64::try_from(rank).unwrap_or(u64::MAX).clamp(1, total.max(1))
}

/// The octave and the step in it: numbers below 64 have a step each, those above share one with neighbours less than 1/64 away.
fn place(nanos: u64) -> (usize, usize) {
    let octave = (u64::BITS.saturating_sub(nanos.leading_zeros())).saturating_sub(STEP_BITS);
    let shift = octave.saturating_sub(1);
    let mask = u64::try_from(STEPS).unwrap_or(u64::MAX).saturating_sub(1);
    let step = nanos.checked_shr(shift).unwrap_or(0) & mask;
    (usize::try_from(octave).unwrap_or(0), usize::try_from(step).unwrap_or(0))
}

/// The middle of a step.
fn middle(octave: usize, step: usize) -> u64 {
    let step = u64::try_from(step).unwrap_or(0);
    let Some(shift) = u32::try_from(octave).unwrap_or(0).checked_sub(1) else { return step };
    let lead = u64::try_from(STEPS).unwrap_or(0);
    let first = lead.saturating_add(step).checked_shl(shift).unwrap_or(u64::MAX);
    let width = 1_u64.checked_shl(shift).unwrap_or(0);
    first.saturating_add(width / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: impl IntoIterator<Item = u64>) -> Durations {
        let mut durations = Durations::default();
        values.into_iter().for_each(|nanos| durations.add(nanos));
        durations
    }

    #[test]
    fn few_durations_have_exact_percentiles_by_the_nearest_rank() {
        assert_eq!(of([]).percentiles([50]), None);
        assert_eq!(of([7]).percentiles([50, 95, 99]), Some([7, 7, 7]));
        assert_eq!(of((1..=100).rev()).percentiles([50, 95, 99]), Some([50, 95, 99]));
        assert_eq!(of([1, 2, 3, 4]).percentiles([50, 75, 76]), Some([2, 3, 4]));
        assert!(of(0..1024).is_exact());
        assert!(!of(0..1025).is_exact());
    }

    #[test]
    fn every_step_holds_its_middle_and_steps_ascend() {
        let mut before = None;
        for octave in 0..=(64 - STEP_BITS) as usize {
            for step in 0..STEPS {
                let middle = middle(octave, step);
                assert_eq!(place(middle), (octave, step), "{middle}");
                assert!(before < Some(middle));
                before = Some(middle);
            }
        }
        assert_eq!(place(u64::MAX).0, 58);
    }

    #[test]
    fn a_full_counter_halves_all_and_the_percentiles_stay() {
        let mut durations = of((0..2048).map(|n| if n % 4 == 0 { 1_000_000 } else { 1_000 }));
        let (octave, step) = place(1_000);
        let before = durations.percentiles([50, 95]);
        let scale = u32::MAX / 1536;
        for steps in durations.octaves.iter_mut().flatten() {
            steps.iter_mut().for_each(|count| *count *= scale);
        }
        durations.octaves[octave].as_mut().unwrap()[step] = u32::MAX - 1;
        durations.add(1_000);
        assert_eq!(durations.percentiles([50, 95]), before);
    }

    proptest! {
        #[test]
        fn the_histogram_is_never_a_hundredth_off(bits in proptest::collection::vec((0_u32..63, any::<u64>()), 1025..3000)) {
            let mut values: Vec<u64> = bits.iter().map(|(bits, noise)| noise & ((2 << bits) - 1)).collect();
            let durations = of(values.iter().copied());
            prop_assert!(!durations.is_exact());
            values.sort_unstable();
            for percent in [1, 50, 95, 99, 100] {
                let exact = values[(values.len() * percent as usize).div_ceil(100) - 1];
                let [shown] = durations.percentiles([percent]).unwrap();
                prop_assert!(shown.abs_diff(exact) as f64 <= exact as f64 * 0.008, "{} for {}", shown, exact);
            }
        }
    }
}
