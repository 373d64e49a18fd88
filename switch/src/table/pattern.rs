//! Matches as the look-up sees them: a value and a mask of seven words, and where in the words each field stands.

/// The packed form of a key, of a mask, and of a value under a mask.
pub(super) type Words = [u64; WORDS];
/// With an index beside them they fill a cache line.
pub(super) const WORDS: usize = 7;

/// Where a field stands in the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) word: usize,
    pub(super) shift: u32,
    bits: u32,
}

impl Place {
    const fn new(word: usize, shift: u32, bits: u32) -> Self {
        Self { word, shift, bits }
    }

    /// As many ones as the field has bits.
    pub(super) const fn ones(self) -> u64 {
        u64::MAX >> (u64::BITS - self.bits)
    }
}

pub(super) const IN_PORT: Place = Place::new(0, 0, 16);
pub(super) const ETH_DST: Place = Place::new(0, 16, 48);
pub(super) const ETH_TYPE: Place = Place::new(1, 0, 16);
pub(super) const ETH_SRC: Place = Place::new(1, 16, 48);
pub(super) const IPV4_DST: Place = Place::new(2, 0, 32);
pub(super) const IPV4_SRC: Place = Place::new(2, 32, 32);
/// IPv6's addresses: the upper and the lower half. No frame has an IPv4 address too.
pub(super) const IPV6_DST: [Place; 2] = [Place::new(4, 0, 64), Place::new(2, 0, 64)];
pub(super) const IPV6_SRC: [Place; 2] = [Place::new(5, 0, 64), Place::new(6, 0, 64)];
/// Whether the network header was sound.
pub(super) const HAS_NETWORK: Place = Place::new(3, 0, 1);
/// Whether ports (type and code, operation) are there.
pub(super) const HAS_TRANSPORT: Place = Place::new(3, 1, 1);
pub(super) const IP_DSCP: Place = Place::new(3, 2, 6);
pub(super) const IP_PROTO: Place = Place::new(3, 8, 8);
pub(super) const VLAN: Place = Place::new(3, 16, 16);
pub(super) const TRANSPORT_DST: Place = Place::new(3, 32, 16);
pub(super) const TRANSPORT_SRC: Place = Place::new(3, 48, 16);
/// The bit of the VLAN field that says that there is a tag (OpenFlow's `OFPVID_PRESENT`).
pub(super) const VLAN_PRESENT: u16 = 0x1000;

/// A match, packed. No value has bits outside its mask.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern {
    pub(super) mask: Words,
    pub(super) value: Words,
}

impl Pattern {
    /// Asks for `value` in the bits of `mask` at a field.
    pub(super) const fn put(&mut self, place: Place, value: u64, mask: u64) {
        self.mask[place.word] |= mask << place.shift;
        self.value[place.word] |= (value & mask) << place.shift;
    }

    /// Whether every key that `other` matches is matched by this too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        masked(&other.mask, &self.mask) == self.mask && masked(&other.value, &self.mask) == self.value
    }

    /// How many bits are asked for.
    pub(super) fn bits(&self) -> u32 {
        self.mask.iter().map(|word| word.count_ones()).sum()
    }
}

/// `words` under `mask`.
pub(super) fn masked(words: &Words, mask: &Words) -> Words {
    std::array::from_fn(|i| words[i] & mask[i])
}

/// A hash that mixes all bits into all bits and is the same in every run (the multiply-and-fold of wyhash). It does not
/// resist somebody who chooses keys to collide, and need not: what it indexes is filled by the operator, or bounded.
pub(super) fn hash(words: &Words) -> u64 {
    let low = fold(words[0] ^ 0xa076_1d64_78bd_642f, words[1] ^ 0xe703_7ed1_a0b4_28db);
    let high = fold(words[2] ^ 0x8ebc_6af0_9c88_c6e3, words[3] ^ 0x5899_65cc_7537_4cc3);
    let far = fold(words[4] ^ 0xa0b4_28db_2d35_8dcc, words[5] ^ 0x4b33_a62e_d433_d4a3);
    let near = fold(words[6] ^ 0xaaaa_5a6b_3c5f_0d21, far ^ 0xe220_a839_7b1d_cdaf);
    fold(low ^ near ^ 0x1d8e_4e27_c47d_124f, high ^ 0xeb44_acca_b455_d165)
}

const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    product as u64 ^ (product >> 64) as u64
}
