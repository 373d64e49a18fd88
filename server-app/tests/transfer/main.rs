//! A transfer from one memory to another through bytes that are split, damaged, lost or made up.

mod back;
mod damage;
mod fixture;
mod whole;
