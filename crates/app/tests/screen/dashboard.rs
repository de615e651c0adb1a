//! The dashboard, as text, in a run like the example plan's.

use crate::world::{begun, busy, seen, stuck};
use ppe_app::cli::screen::{Letters, Look, dashboard, details};
use ppe_core::input::Command;
use ppe_core::state::StopMode;
use ppe_core::view::RunView;
use unicode_width::UnicodeWidthStr;

const UPDATED: &str = "2026-01-29 14:23:45";

fn at(width: usize, height: Option<usize>) -> Look {
    Look { width, height, ..Look::default() }
}

fn shown(view: &RunView, look: &Look) -> String {
    dashboard(view, look, UPDATED).join("\n")
}

#[test]
fn a_run_in_full_swing() {
    insta::assert_snapshot!(shown(&seen(&busy()), &at(80, None)));
}

#[test]
fn the_same_where_there_is_little_room() {
    insta::assert_snapshot!(shown(&seen(&busy()), &at(80, Some(24))));
}

#[test]
fn a_task_that_needs_a_person_and_what_it_blocks() {
    insta::assert_snapshot!(shown(&seen(&stuck()), &at(80, None)));
}

#[test]
fn the_details_of_every_active_task() {
    insta::assert_snapshot!(details(&seen(&busy()), &at(100, None)).join("\n"));
}

#[test]
fn a_drain_in_plain_letters() {
    let mut drive = begun();
    drive.command(Command::Stop(StopMode::Drain));
    let text = shown(&seen(&drive), &Look { letters: Letters::Ascii, ..at(80, Some(24)) });
    assert!(text.is_ascii(), "{text}");
    assert!(text.contains("Press Ctrl+C again to stop the agents"), "{text}");
}

#[test]
fn no_size_is_too_small_and_none_is_exceeded() {
    for view in [seen(&busy()), seen(&stuck()), seen(&begun())] {
        for (width, height) in [(1, 1), (10, 3), (40, 10), (80, 24), (120, 60)] {
            let lines = dashboard(&view, &at(width, Some(height)), UPDATED);
            assert!(lines.len() <= height, "{} rows at {width}x{height}", lines.len());
            let wide = lines.iter().find(|line| line.width() > width);
            assert_eq!(wide, None, "at {width}x{height}");
        }
    }
}
