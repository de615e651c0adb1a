//! The merge lane by itself: what its strategies cost, and what no world makes it do.

mod figures;
mod properties;
mod radar;
mod world;
