//! Bytes changed blindly, the same in every run.

/// Numbers that headers break at.
const NUMBERS: [u64; 12] =
    [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, u64::MAX];
/// Words that texts break at.
const WORDS: [&str; 16] = [
    "NaN",
    "-1",
    "1e999",
    "99999999999999999999",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\n",
    "\0",
    "\u{feff}",
    "inf",
    "0",
];

/// A stream of changes named by a reader and a round.
pub(crate) struct Mutator {
    state: u64,
}

impl Mutator {
    pub(crate) fn new(name: &str, round: usize) -> Self {
        // FNV-1a over the name, then the round: neighbors share no stream.
        let mut state = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        state = state.wrapping_add((round as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self { state }
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// One to six changes of one of the seeds.
    pub(crate) fn mutate(&mut self, seeds: &[&[u8]], longest: usize) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].to_vec();
        for _ in 0..=self.below(6) {
            self.change(&mut bytes, seeds);
        }
        bytes.truncate(longest);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, seeds: &[&[u8]]) {
        // Headers are short and stand first: a third of the changes go there.
        let reach = if self.below(3) == 0 { bytes.len().min(64) } else { bytes.len() };
        let at = self.below(reach);
        let end = (at + 1 + self.below(32)).min(bytes.len());
        match self.below(9) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 if at < bytes.len() => bytes[at] = self.next() as u8,
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let copy = bytes[at..end].to_vec();
                bytes.splice(at..at, copy);
            }
            5 => {
                let number = NUMBERS[self.below(NUMBERS.len())];
                let width = [1, 2, 4, 8][self.below(4)];
                let number = if self.below(2) == 0 {
                    number.to_le_bytes()[..width].to_vec()
                } else {
                    number.to_be_bytes()[8 - width..].to_vec()
                };
                let end = (at + width).min(bytes.len());
                bytes.splice(at..end, number);
            }
            6 => {
                let word = WORDS[self.below(WORDS.len())].bytes();
                bytes.splice(at..at, word);
            }
            7 => {
                let other = seeds[self.below(seeds.len())];
                let from = self.below(other.len());
                let to = (from + 1 + self.below(64)).min(other.len());
                bytes.splice(at..end, other[from.min(to)..to].iter().copied());
            }
            _ => {
                // A run of digits becomes another number.
                let digits = |byte: &u8| byte.is_ascii_digit();
                if let Some(start) = bytes[at.min(bytes.len())..].iter().position(digits).map(|offset| at + offset) {
                    let len = bytes[start..].iter().take_while(|byte| digits(byte)).count();
                    let number = NUMBERS[self.below(NUMBERS.len())].to_string();
                    bytes.splice(start..start + len, number.into_bytes());
                }
            }
        }
    }
}
