//! The completion screen.

use crate::world::{begun, land_everything, stuck};
use ppe_app::cli::screen::{Look, summary};
use ppe_core::report::{Measured, report};

fn measured() -> Measured {
    Measured {
        next_steps: vec!["Release {plan}! 🚀".into()],
        coverage_percent: Some(87.0),
        ..Measured::default()
    }
}

#[test]
fn everything_has_landed() {
    let mut drive = begun();
    land_everything(&mut drive, 3_600_000 * 35);
    insta::assert_snapshot!(
        summary(&report(&drive.state, drive.now, &measured()), &Look::default()).join("\n")
    );
}

#[test]
fn a_person_is_needed() {
    let drive = stuck();
    insta::assert_snapshot!(
        summary(&report(&drive.state, drive.now, &measured()), &Look::default()).join("\n")
    );
}
