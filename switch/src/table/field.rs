//! The values of match and set fields, and how people write them: `02:00:00:00:00:01`, `10.0.0.0/8`, `5000/0xfff8`,
//! `ipv4`, `udp`. Numbers may stand for the words; what is written reads back to the same value.

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smoltcp::wire::{EthernetAddress, Ipv4Address};
use std::fmt;
use std::marker::PhantomData;
use std::net::Ipv6Addr;
use std::str::FromStr;
use thiserror::Error;

/// Why a text is not the value of a field.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FieldError {
    /// Not of the form that is wanted.
    #[error("`{text}` is not {wanted}")]
    Form {
        /// What was written.
        text: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A value with bits that its mask leaves out.
    #[error("`{text}` has bits outside its mask; without them it is {right}")]
    OutsideMask {
        /// What was written.
        text: String,
        /// The same without those bits.
        right: String,
    },
}

/// A MAC address, written with colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac(pub EthernetAddress);

/// A value that a mask may be laid on.
pub trait Maskable: Copy + fmt::Display + FromStr {
    /// What it is called in errors.
    const WANTED: &'static str;
    /// Its length.
    const BITS: u32;
    /// Whether `/8` means the first eight bits.
    const HAS_PREFIXES: bool;
    /// Whether it is a number, with masks in hexadecimal, rather than a text.
    const IS_NUMBER: bool;
    /// The bits of the value.
    fn to_bits(self) -> u128;
    /// The value of the bits.
    fn from_bits(bits: u128) -> Self;
}

/// A value and which bits of it count: `V` (all), `V/MASK`, for IPv4 and IPv6 also `V/LENGTH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Masked<T> {
    value: u128,
    mask: u128,
    kind: PhantomData<T>,
}

/// An unsigned number of 16 bits, decimal or with `0x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub u16);

impl FromStr for Mac {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().filter(|part| part.len() == 2 && !part.starts_with('+')).ok_or(())?;
            *byte = u8::from_str_radix(part, 16).map_err(drop)?;
        }
        if parts.next().is_none() { Ok(Self(EthernetAddress(bytes))) } else { Err(()) }
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for Number {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let parsed = match text.strip_prefix("0x") {
            Some(digits) => u16::from_str_radix(digits, 16),
            None => text.parse(),
        };
        parsed.map(Self).map_err(drop)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Maskable for Mac {
    const WANTED: &'static str = "a MAC address such as 02:00:00:00:00:01, or one with a mask";
    const BITS: u32 = 48;
    const HAS_PREFIXES: bool = false;
    const IS_NUMBER: bool = false;
    fn to_bits(self) -> u128 {
        let [a, b, c, d, e, f] = self.0.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f]).into()
    }
    fn from_bits(bits: u128) -> Self {
        let [.., a, b, c, d, e, f] = bits.to_be_bytes();
        Self(EthernetAddress([a, b, c, d, e, f]))
    }
}

impl Maskable for Ipv4Address {
    const WANTED: &'static str = "an IPv4 address such as 10.0.0.1, or a network such as 10.0.0.0/8";
    const BITS: u32 = 32;
    const HAS_PREFIXES: bool = true;
    const IS_NUMBER: bool = false;
    fn to_bits(self) -> u128 {
        Self::to_bits(self).into()
    }
    fn from_bits(bits: u128) -> Self {
        Self::from_bits(bits as u32)
    }
}

impl Maskable for Ipv6Addr {
    const WANTED: &'static str = "an IPv6 address such as 2001:db8::1, or a network such as 2001:db8::/32";
    const BITS: u32 = 128;
    const HAS_PREFIXES: bool = true;
    const IS_NUMBER: bool = false;
    fn to_bits(self) -> u128 {
        Self::to_bits(self)
    }
    fn from_bits(bits: u128) -> Self {
        Self::from_bits(bits)
    }
}

impl Maskable for Number {
    const WANTED: &'static str = "a port from 0 to 65535, or one with a mask such as 5000/0xfff8";
    const BITS: u32 = 16;
    const HAS_PREFIXES: bool = false;
    const IS_NUMBER: bool = true;
    fn to_bits(self) -> u128 {
        self.0.into()
    }
    fn from_bits(bits: u128) -> Self {
        Self(bits as u16)
    }
}

impl<T: Maskable> Masked<T> {
    const ONES: u128 = u128::MAX >> (u128::BITS - T::BITS);

    /// Exactly this value.
    pub fn exactly(value: T) -> Self {
        Self { value: value.to_bits(), mask: Self::ONES, kind: PhantomData }
    }

    /// This value in the bits of `mask`; the others do not count.
    pub fn under(value: T, mask: T) -> Self {
        let mask = mask.to_bits();
        Self { value: value.to_bits() & mask, mask, kind: PhantomData }
    }

    /// The bits that are asked for, and the mask: the upper 64 and the lower, which hold all but IPv6's addresses.
    pub(super) const fn halves(self) -> [(u64, u64); 2] {
        [((self.value >> 64) as u64, (self.mask >> 64) as u64), (self.value as u64, self.mask as u64)]
    }

    /// The lower half.
    pub(super) const fn bits(self) -> (u64, u64) {
        self.halves()[1]
    }
}

impl<T: Maskable> FromStr for Masked<T> {
    type Err = FieldError;
    fn from_str(text: &str) -> Result<Self, FieldError> {
        let form = || FieldError::Form { text: text.into(), wanted: T::WANTED };
        let Some((value, mask)) = text.split_once('/') else {
            return Ok(Self::exactly(text.parse().map_err(|_| form())?));
        };
        let value: T = value.parse().map_err(|_| form())?;
        let mask = match (mask.parse::<T>(), mask.parse::<u32>()) {
            (_, Ok(len)) if T::HAS_PREFIXES && len <= T::BITS => {
                Self::ONES & !(Self::ONES.checked_shr(len).unwrap_or(0))
            }
            (Ok(mask), _) => mask.to_bits(),
            _ => return Err(form()),
        };
        let masked = Self::under(value, T::from_bits(mask));
        if masked.value == value.to_bits() {
            return Ok(masked);
        }
        Err(FieldError::OutsideMask { text: text.into(), right: masked.to_string() })
    }
}

impl<T: Maskable> fmt::Display for Masked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&T::from_bits(self.value), f)?;
        if self.mask == Self::ONES {
            return Ok(());
        }
        let len = (self.mask << (u128::BITS - T::BITS)).leading_ones();
        let is_prefix = self.mask == Self::ONES & !(Self::ONES.checked_shr(len).unwrap_or(0));
        match (T::HAS_PREFIXES && is_prefix, T::IS_NUMBER) {
            (true, _) => write!(f, "/{len}"),
            (false, true) => write!(f, "/{:#06x}", self.mask),
            (false, false) => write!(f, "/{}", T::from_bits(self.mask)),
        }
    }
}

impl<T: Maskable> Serialize for Masked<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if T::IS_NUMBER && self.mask == Self::ONES {
            return serializer.serialize_u64(self.value as u64);
        }
        serializer.collect_str(self)
    }
}

impl<'de, T: Maskable> Deserialize<'de> for Masked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text(T::WANTED, str::parse))
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wanted = "a MAC address such as 02:00:00:00:00:01";
        deserializer.deserialize_any(Text(wanted, move |text: &str| {
            text.parse().map_err(|()| FieldError::Form { text: text.into(), wanted })
        }))
    }
}

/// Reads a value from a text, or from a number as it would be written.
pub(super) struct Text<F>(pub(super) &'static str, pub(super) F);

impl<T, F: FnOnce(&str) -> Result<T, FieldError>> Visitor<'_> for Text<F> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.1)(text).map_err(E::custom)
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

/// A number that has names for its usual values.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident, $max:expr, $wanted:literal, [$(($word:literal, $value:expr)),*]) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub u16);

        impl $name {
            /// The largest number.
            pub(super) const MAX: u16 = $max;
            /// The names that there are.
            pub(super) const WORDS: &[&str] = &[$($word),*];
        }

        impl FromStr for $name {
            type Err = FieldError;
            fn from_str(text: &str) -> Result<Self, FieldError> {
                let number = match text {
                    $($word => Ok($value),)*
                    _ => text.parse::<Number>().map(|number| number.0),
                };
                let form = || FieldError::Form { text: text.into(), wanted: $wanted };
                number.ok().filter(|number| *number <= Self::MAX).map(Self).ok_or_else(form)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match [$(($word, $value)),*].iter().find(|(_, value)| *value == self.0) {
                    Some((word, _)) => f.write_str(word),
                    None => write!(f, "{:#x}", self.0),
                }
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Text($wanted, str::parse))
            }
        }
    };
}

named!(
    /// What an Ethernet frame carries.
    EthType, u16::MAX, "ipv4, arp, ipv6, or a number from 0 to 0xffff",
    [("ipv4", 0x0800), ("arp", 0x0806), ("ipv6", 0x86dd)]
);
named!(
    /// What an IP packet carries.
    IpProto, 0xff, "icmp, tcp, udp, or a number from 0 to 255",
    [("icmp", 1), ("tcp", 6), ("udp", 17)]
);
named!(
    /// What an ARP message says.
    ArpOp, u16::MAX, "request, reply, or a number from 0 to 65535",
    [("request", 1), ("reply", 2)]
);

/// What a match asks of a frame's tag: `none`, `any`, or an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vlan {
    /// No tag.
    None,
    /// A tag, with whatever id.
    Any,
    /// A tag with this id.
    Id(u16),
}

/// The largest VLAN id.
pub(super) const VLAN_MAX: u16 = 0x0fff;

impl fmt::Display for Vlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Any => f.write_str("any"),
            Self::Id(id) => write!(f, "{id}"),
        }
    }
}

impl FromStr for Vlan {
    type Err = FieldError;
    fn from_str(text: &str) -> Result<Self, FieldError> {
        match text {
            "none" => return Ok(Self::None),
            "any" => return Ok(Self::Any),
            _ => {}
        }
        let wanted = "none, any, or a VLAN id from 0 to 4095";
        let id = text.parse::<Number>().ok().filter(|id| id.0 <= VLAN_MAX);
        id.map(|id| Self::Id(id.0)).ok_or_else(|| FieldError::Form { text: text.into(), wanted })
    }
}

impl Serialize for Vlan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None | Self::Any => serializer.collect_str(self),
            Self::Id(id) => serializer.serialize_u16(*id),
        }
    }
}

impl<'de> Deserialize<'de> for Vlan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text("none, any, or a VLAN id", str::parse))
    }
}
