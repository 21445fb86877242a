//! Random numbers that are the same on every machine, in any thread, and in any order of the work.

use std::fmt::Display;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use sha2::{Digest as _, Sha256};
use uuid::{Builder, Uuid};

/// What a stream or a hash is for, so that no two uses share random bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// The rows of an organization, by its place.
    Organization = 1,
    /// The contacts of a chunk with everything that belongs to them, by the chunk's number.
    Chunk = 2,
    /// The delay of a contact's first call, by campaign and contact.
    FirstCall = 3,
    /// The exclusion of a person, by organization and person.
    Exclusion = 4,
    /// The name of a person, by organization and person.
    Person = 5,
}

/// Derives every random number of a run from its parameters.
#[derive(Clone, Debug)]
pub(super) struct Key {
    seed: [u8; 32],
    hash: u64,
}

impl Key {
    /// The key of the run with these parameters: its ids differ from those of any other run.
    pub(super) fn new(parameters: &impl Display) -> Self {
        let seed: [u8; 32] = Sha256::digest(parameters.to_string()).into();
        let (first, _) = seed.split_at(8);
        let hash = first.iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte));
        Self { seed, hash }
    }

    /// The first eight hexadecimal digits, for names that are unique among runs.
    pub(super) fn tag(&self) -> String {
        format!("{:08x}", self.hash >> 32)
    }

    /// The stream of this number.
    pub(super) fn stream(&self, of: Use, number: i64) -> Stream {
        let mut generator = ChaCha8Rng::from_seed(self.seed);
        generator.set_stream((of as u64) << 56 | number.unsigned_abs());
        Stream(generator)
    }

    /// A number that depends on nothing but the key and the arguments: `SplitMix64` of their sum.
    pub(super) fn hash(&self, of: Use, first: i64, second: i64) -> u64 {
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let scramble = |state: u64| {
            let state = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let state = (state ^ state >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
            state ^ state >> 31
        };
        [of as u64, first.unsigned_abs(), second.unsigned_abs()]
            .into_iter()
            .fold(self.hash, |state, number| scramble(state.wrapping_add(number).wrapping_add(STEP)))
    }
}

/// A sequence of random numbers.
#[derive(Clone, Debug)]
pub(super) struct Stream(ChaCha8Rng);

impl Stream {
    /// A number from 0 to `limit`, exclusive; 0 if there is none.
    pub(super) fn below(&mut self, limit: i64) -> i64 {
        scale(self.0.next_u64(), limit)
    }

    /// A number from `least` to `most`, inclusive.
    pub(super) fn between(&mut self, least: i64, most: i64) -> i64 {
        least + self.below(most - least + 1)
    }

    /// Whether an event of this probability, in thousandths, happens.
    pub(super) fn happens(&mut self, thousandths: i64) -> bool {
        self.below(1000) < thousandths
    }

    /// An element of a list that is not empty.
    pub(super) fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[index(self.below(count(list)))]
    }

    /// An element of a list of values and their weights.
    pub(super) fn weighted<T: Copy>(&mut self, list: &[(T, i64)]) -> T {
        let mut rest = self.below(list.iter().map(|(_, weight)| weight).sum());
        let chosen = list.iter().find(|(_, weight)| {
            rest -= weight;
            rest < 0
        });
        chosen.unwrap_or(&list[0]).0
    }

    /// A UUID of version 7 of this time in microseconds. The microseconds within the millisecond come before the random
    /// bits (RFC 9562, method 3), so that ids sort by time.
    pub(super) fn uuid(&mut self, micros: i64) -> Uuid {
        let mut bytes = [0; 10];
        self.0.fill_bytes(&mut bytes);
        let fraction = micros.rem_euclid(1000) * 4096 / 1000;
        let [.., high, low] = fraction.to_be_bytes();
        bytes[..2].copy_from_slice(&[high, low]);
        Builder::from_unix_timestamp_millis(micros.div_euclid(1000).unsigned_abs(), &bytes).into_uuid()
    }

    /// A UUID of version 4.
    pub(super) fn random_uuid(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        self.0.fill_bytes(&mut bytes);
        Builder::from_random_bytes(bytes).into_uuid()
    }
}

/// Maps a random number evenly to 0 to `limit`, exclusive.
pub(super) fn scale(random: u64, limit: i64) -> i64 {
    i64::try_from((u128::from(random) * u128::from(limit.unsigned_abs())) >> 64).unwrap_or_default()
}

/// The place of a list for a number that is not negative.
pub(super) fn index(number: i64) -> usize {
    usize::try_from(number).unwrap_or_default()
}

/// The length of a list.
pub(super) fn count<T>(list: &[T]) -> i64 {
    i64::try_from(list.len()).unwrap_or_default()
}

/// A step that has no common divisor with `size`, so that multiples of it visit each place once.
pub(super) fn step(stream: &mut Stream, size: i64) -> i64 {
    let divisor = |mut left: i64, mut right: i64| {
        while right != 0 {
            (left, right) = (right, left % right);
        }
        left
    };
    // Golden sections of the size spread neighbours over it.
    let mut step = (size * 3 / 5 + stream.below(size / 5 + 1)).max(1);
    while divisor(step, size) != 1 {
        step += 1;
    }
    step
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Key, Use, scale, step};

    #[test]
    fn ids_are_of_version_7_and_sort_by_their_time() {
        let mut stream = Key::new(&"a").stream(Use::Chunk, 1);
        let ids: Vec<_> = (0..10_000).map(|place| stream.uuid(1_700_000_000_000_000 + place * 7)).collect();
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
        assert!(ids.is_sorted());
    }

    #[test]
    fn other_parameters_uses_and_numbers_have_other_streams() {
        let (one, other) = (Key::new(&"a"), Key::new(&"b"));
        let first = |key: &Key, of, number| key.stream(of, number).below(i64::MAX);
        let numbers = BTreeSet::from([
            first(&one, Use::Chunk, 1),
            first(&one, Use::Chunk, 2),
            first(&one, Use::Organization, 1),
            first(&other, Use::Chunk, 1),
        ]);
        assert_eq!(numbers.len(), 4);
        assert_eq!(first(&one, Use::Chunk, 1), first(&Key::new(&"a"), Use::Chunk, 1));
    }

    #[test]
    fn numbers_are_spread_evenly() {
        let mut stream = Key::new(&"a").stream(Use::Chunk, 1);
        let mut counts = [0; 10];
        for _ in 0..100_000 {
            counts[super::index(stream.below(10))] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        assert_eq!((scale(0, 7), scale(u64::MAX, 7)), (0, 6));
    }

    #[test]
    fn multiples_of_a_step_visit_each_place_once() {
        let mut stream = Key::new(&"a").stream(Use::Chunk, 1);
        for size in [1, 2, 100, 997, 12_600] {
            let step = step(&mut stream, size);
            let places: BTreeSet<i64> = (0..size).map(|place| place * step % size).collect();
            assert_eq!(places.len(), super::index(size));
        }
    }
}
