//! The channel as a whole: what the standard's arithmetic says of a lone AGV, of few and of many.

mod crowd;
mod medium;
mod saturation;
