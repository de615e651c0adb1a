//! The completion screen.

use crate::world::{begun, land_everything, stuck};
use ppe_app::cli::screen::{Look, summary};
use ppe_core::report::{Measured, report};

#[test]
fn print() {
    let mut drive = begun();
    land_everything(&mut drive, 3_600_000 * 35);
    let measured = Measured { next_steps: vec!["Release {plan}! 🚀".into()], ..Measured::default() };
    println!("{}", summary(&report(&drive.state, drive.now, &measured), &Look::default()).join("\n"));
    let drive = stuck();
    println!("{}", summary(&report(&drive.state, drive.now, &measured), &Look::default()).join("\n"));
}
