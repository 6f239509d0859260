//! Who is it?

pub mod challenge;
