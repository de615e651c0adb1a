//! placeholder

#[cfg_attr(not(test), expect(dead_code, reason = "the commands that print these are wired up next"))]
mod cli;

fn main() {}
