//! The command line's face.

pub mod screen;
