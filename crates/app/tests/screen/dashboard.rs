//! The dashboard.

use crate::world::{begun, busy, seen, stuck};
use ppe_app::cli::screen::{Colour, Letters, Look, dashboard, details};
use ppe_core::input::Command;
use ppe_core::state::StopMode;
use ppe_core::view::RunView;

const UPDATED: &str = "2026-01-29 14:23:45";

fn at(width: usize, height: Option<usize>) -> Look {
    Look { width, height, ..Look::default() }
}

fn shown(view: &RunView, look: &Look) -> String {
    dashboard(view, look, UPDATED).join("\n")
}

#[test]
fn print() {
    let view = seen(&busy());
    for (w, h) in [(80, None), (80, Some(40)), (80, Some(24)), (60, Some(10)), (30, Some(12))] {
        println!("{}\n", shown(&view, &at(w, h)));
    }
    println!("{}\n", shown(&seen(&stuck()), &at(80, None)));
    println!("{}\n", details(&view, &at(100, None)).join("\n"));
    let mut drive = begun();
    drive.command(Command::Stop(StopMode::Drain));
    println!("{}\n", shown(&seen(&drive), &Look { letters: Letters::Ascii, ..at(80, Some(24)) }));
    let _ = Colour::On;
}
