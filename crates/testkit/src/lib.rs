//! Tools of the tests: nothing of it is in the product.

pub mod drive;
