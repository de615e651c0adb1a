//! Plain lines.

use crate::world::{begun, busy, land_everything, policy, seen};
use ppe_app::cli::screen::{Letters, Plain, ending, opening};
use ppe_core::report::{Measured, report};

#[test]
fn print() {
    println!("{}", opening(&seen(&begun())).join("\n"));
    let drive = busy();
    let mut state = ppe_core::state::State::new(drive.state.plan.clone());
    let mut plain = Plain::new(&state, Letters::Unicode);
    for record in &drive.records {
        state.apply(record).unwrap();
        for line in plain.tell(record, &state, "14:00:00") {
            println!("{line}");
        }
    }
    let mut drive = begun();
    land_everything(&mut drive, 3_600_000);
    println!("{}", ending(&report(&drive.state, drive.now, &Measured::default())).join("\n"));
    let _ = policy();
}
