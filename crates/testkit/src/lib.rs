//! What tests of the other rooms share.

pub mod fingerprint;
