//! Nothing foreign moves the cursor, breaks the frame or hides a word.

use crate::world::{busy, seen, stuck};
use ppe_app::cli::screen::{Colour, Letters, Look, dashboard, describe, details, ending, summary};
use ppe_core::event::Event;
use ppe_core::ids::{Branch, Millis, QuestionId, RunId, TaskId};
use ppe_core::outcome::{Class, Failure};
use ppe_core::question::Ask;
use ppe_core::report::{Measured, Report, report};
use ppe_core::state::{Hold, PauseCause};
use ppe_core::view::RunView;
use proptest::prelude::*;
use unicode_width::UnicodeWidthChar;

const CORPUS: [&str; 12] = [
    "\u{1b}[2J\u{1b}[H",
    "\u{1b}]52;c;cm0gLXJm\u{7}",
    "\u{1b}]8;;http://example.org\u{1b}\\here\u{1b}]8;;\u{1b}\\",
    "\u{9b}31m",
    "a\rb\nc\td\u{8}\u{7f}",
    "\u{202e}txt.exe\u{202c}",
    "\u{2066}\u{2069}\u{200f}",
    "in\u{200b}visi\u{200d}ble\u{feff}",
    "\u{e0041}\u{e0042}",
    "\u{85}\u{2028}\u{2029}",
    "数据 🎉 e\u{301}\u{301}\u{301}",
    "║ ✅ All CI checks passed ║",
];

fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(&CORPUS[..]).prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
        "[ -~]{0,30}",
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

/// The view with a foreign text wherever a foreign text may stand.
fn poisoned(mut view: RunView, text: &str) -> RunView {
    let owned = || text.to_owned();
    view.title = owned();
    view.run = RunId::new(text);
    view.target = Branch::new(text);
    (view.forge, view.guarantee) = (owned(), owned());
    view.holding_back = Some(owned());
    view.remaining.text = owned();
    view.lane.text = Some(owned());
    for task in &mut view.tasks {
        task.title = owned();
        task.agent = owned();
        task.branch = Some(Branch::new(text));
        (task.module, task.phase, task.doing) = (Some(owned()), Some(owned()), Some(owned()));
        (task.failure, task.blocked) = (Some(owned()), Some(owned()));
    }
    for held in &mut view.held {
        (held.title, held.failure, held.place, held.next) = (owned(), owned(), owned(), owned());
    }
    for question in &mut view.questions {
        question.text = owned();
    }
    view
}

fn poisoned_report(mut report: Report, text: &str) -> Report {
    text.clone_into(&mut report.title);
    text.clone_into(&mut report.tests.counted);
    report.next_steps = vec![text.to_owned()];
    for module in &mut report.modules {
        module.module = Some(text.to_owned());
    }
    for held in &mut report.held {
        (held.title, held.failure, held.place) = (text.to_owned(), text.to_owned(), text.to_owned());
    }
    report
}

fn events(text: &str) -> Vec<Event> {
    let failure = Failure::new(Class::Execution, text);
    let task = TaskId::new("T-001");
    vec![
        Event::TaskHeld { task: task.clone(), hold: Hold::Stuck, failure },
        Event::DispatchPaused { cause: PauseCause::Machine(text.to_owned()) },
        Event::QuestionAsked { question: QuestionId(1), ask: Ask::NoChange { task, why: text.to_owned() } },
        Event::BreakerClosed { account: text.to_owned(), widens: Millis(0) },
    ]
}

fn assert_harmless(line: &str) {
    let bad = line.chars().find(|c| c.is_control() || ppe_core::text::is_hidden(*c));
    assert_eq!(bad, None, "{line:?}");
}

fn columns(line: &str) -> usize {
    line.chars().filter_map(UnicodeWidthChar::width).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn foreign_texts_are_harmless_and_stay_within_the_screen(
        text in hostile(),
        width in 1_usize..130,
        height in 1_usize..70,
        ascii in any::<bool>(),
    ) {
        let letters = if ascii { Letters::Ascii } else { Letters::Unicode };
        let look = Look { width, height: Some(height), letters, colour: Colour::Off };
        let drive = stuck();
        let view = poisoned(seen(&drive), &text);
        let report = poisoned_report(report(&drive.state, drive.now, &Measured::default()), &text);
        let screen = dashboard(&view, &look, "12:00");
        prop_assert!(screen.len() <= height, "{} of {height} rows", screen.len());
        for line in screen.iter().chain(&details(&view, &look)).chain(&summary(&report, &look)) {
            assert_harmless(line);
            prop_assert!(columns(line) <= width, "{line:?} in {width}");
            prop_assert!(!ascii || line.is_ascii(), "{line:?}");
        }
        for line in ending(&report) {
            assert_harmless(&line);
        }
        for event in events(&text) {
            assert_harmless(&describe(&event, &drive.state).unwrap_or_default());
        }
    }
}

#[test]
fn colours_are_the_only_sequences_and_come_in_pairs() {
    let look = Look { colour: Colour::On, ..Look::default() };
    let view = poisoned(seen(&busy()), "\u{1b}[31m");
    let screen = dashboard(&view, &look, "12:00").join("\n");
    let starts = screen.matches("\u{1b}[").count();
    assert_eq!(screen.matches("\u{1b}[0m").count() * 2, starts);
    let plain: String = dashboard(&view, &Look::default(), "12:00").join("\n");
    let mut stripped = screen;
    for code in ["0", "1", "2", "32", "33", "36"] {
        stripped = stripped.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_eq!(stripped, plain, "colours change nothing else");
}
