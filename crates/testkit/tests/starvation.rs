//! Long tasks in all slots while quick ones wait: when the user is asked, with which words, and what the answers do.

#![expect(clippy::unwrap_used, reason = "the whole of this program is a test")]

use ppe_core::ids::QuestionId;
use ppe_core::input::Command;
use ppe_core::outcome::{Claim, Exit};
use ppe_core::plan::Priority;
use ppe_core::policy::Policy;
use ppe_core::question::Answer;
use ppe_testkit::drive::{Drive, plan, task};

/// One slot with T-004 in it, three of its thirteen commits made; behind it five quick tasks and so many slow ones.
fn crowded(slow: usize) -> Drive {
    let mut tasks = vec![task("T-004", "Long").commits(13).priority(Priority::Critical)];
    tasks.extend((1..=5).map(|n| task(&format!("T-10{n}"), "Quick").commits(2)));
    tasks.extend((1..=slow).map(|n| task(&format!("T-20{n}"), "Slow").commits(8)));
    let policy = Policy { slots: 1, stagger_ms: 0, backoff_ms: 0, attempt_limit_ms: 0, ..Policy::default() };
    let mut drive = Drive::with(plan("crowd", tasks), policy, &[]);
    assert_eq!(drive.active(), ["T-004"]);
    drive.sight("T-004", 3, None);
    drive
}

/// Lets so much time pass that T-004, at its pace, has this many seconds left for its ten open commits.
fn until_left_s(drive: &mut Drive, left_s: u64) {
    drive.later(left_s * 3 / 10 * 1_000);
}

fn asked(drive: &Drive) -> Vec<(QuestionId, String)> {
    drive.state.questions.iter().map(|(id, question)| (*id, question.ask.text())).collect()
}

#[test]
fn the_question_has_these_words() {
    let mut drive = crowded(6);
    until_left_s(&mut drive, 7_230);
    let texts: Vec<_> = asked(&drive).into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["5 quick tasks waiting, but slots full. Pause T-004 (2h left)?"]);
}

#[test]
fn two_hours_and_a_minute_with_eleven_waiting_asks() {
    let mut drive = crowded(6);
    until_left_s(&mut drive, 7_260);
    assert_eq!(asked(&drive).len(), 1);
}

#[test]
fn an_hour_and_fifty_nine_minutes_does_not_ask() {
    let mut drive = crowded(6);
    until_left_s(&mut drive, 7_140);
    assert_eq!(asked(&drive), []);
}

#[test]
fn ten_waiting_do_not_ask() {
    let mut drive = crowded(5);
    until_left_s(&mut drive, 7_260);
    assert_eq!(asked(&drive), []);
}

#[test]
fn yes_parks_it_until_the_queue_is_shorter_than_the_slots() {
    let mut drive = crowded(6);
    until_left_s(&mut drive, 7_260);
    let (question, _) = asked(&drive).remove(0);
    drive.command(Command::Answer { question, answer: Answer::Yes });
    drive.agent_ends("T-004", 3, Exit::Stopped, Claim::Nothing);
    let mut order = Vec::new();
    for change in 1..=11 {
        let active = drive.active();
        assert_eq!(active.len(), 1, "after {order:?}");
        assert_ne!(active[0], "T-004", "it came back while {} waited", 11 - order.len());
        let planned = if active[0].starts_with("T-1") { 2 } else { 8 };
        drive.land(&active[0], planned, change);
        order.push(active[0].clone());
    }
    assert!(order[0].starts_with("T-1"), "a quick task takes the slot: {order:?}");
    assert_eq!(drive.active(), ["T-004"], "after {order:?}");
}

#[test]
fn no_leaves_it_at_work_and_is_not_asked_again() {
    let mut drive = crowded(6);
    until_left_s(&mut drive, 7_260);
    let (question, _) = asked(&drive).remove(0);
    drive.command(Command::Answer { question, answer: Answer::No });
    drive.later(60_000);
    assert_eq!(drive.active(), ["T-004"]);
    assert_eq!(asked(&drive), []);
}
