//! What goes wrong with work: each kind ends as the design says, and everything else goes on.

use crate::{
    CHECK, VERIFY, attempts, hold_work, id, is_held, is_landed, landed, on_target, open_gate, place,
    until_landed,
};
use ppe_core::event::Event;
use ppe_core::state::{Closure, Hold, Step};
use std::fs;

#[test]
fn a_build_that_stays_red_is_repaired_three_times_then_stuck_and_others_go_on() {
    let mut env = place();
    for (task, title) in [("T-001", "One"), ("T-002", "Two"), ("T-003", "Three")] {
        env.task(task, title, &[], 2);
    }
    env.task("T-004", "Four", &["T-003"], 1);
    env.add_config(VERIFY);
    env.script(
        "[defaults]\nhang_attempts = true\nafter_commits = 0\n\
         [[task]]\nid = \"T-003\"\nalways_broken = true\nhang_attempts = false\n",
    );
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    env.until("the message is there", || run.printed().contains("T-003 needs").then_some(()));
    env.ppe(&["stop"]).exits(0);
    let end = run.wait();
    end.exits(11)
        .says("T-003 needs manual intervention. 2 other tasks continuing...")
        .says("ppe retry T-003");
    assert_eq!(attempts(&env, "T-003"), 4, "the first and three repairs");
    assert!(is_held(&env, "T-003", Hold::Stuck));
    assert_eq!(
        env.row("T-004")["blocked"].as_str().unwrap_or_default(),
        "blocked: T-003 needs manual intervention"
    );

    // The user mends it on its branch; their commit is kept.
    let tree = env.at("mend");
    env.git(&["worktree", "add", "-q", tree.to_str().unwrap(), "feat/T-003-three"]);
    for entry in fs::read_dir(tree.join("ppe-script")).unwrap().flatten() {
        if entry.path().extension().is_some_and(|e| e == "broken") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    env.git_in(&tree, &["add", "-A"]);
    env.git_in(&tree, &["commit", "-qm", "fix: by hand"]);
    let by_hand = env.git(&["rev-parse", "feat/T-003-three"]);
    env.git(&["worktree", "remove", "--force", tree.to_str().unwrap()]);
    env.script("");
    env.ppe(&["retry", "T-003"]).exits(0).says("ppe resume");
    env.ppe(&["resume", "--yes"]).exits(0);
    assert_eq!((attempts(&env, "T-003"), attempts(&env, "T-001")), (5, 2));
    assert!(is_landed(&env, "T-001") && is_landed(&env, "T-002"));
    assert!(env.git_agrees(&["merge-base", "--is-ancestor", by_hand.trim(), "main"]));
    on_target(&env, &["feat(three): part 1", "feat(three): part 2", "fix: by hand", "feat(four): part 1"]);
    env.finish();
}

#[test]
fn a_check_that_is_red_twice_is_repaired_and_lands() {
    let mut env = place();
    env.task("T-001", "One", &[], 2);
    env.task("T-002", "Two", &[], 1);
    env.add_config(CHECK);
    env.script("[[task]]\nid = \"T-001\"\nbreak_check_attempts = 2\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    assert_eq!(attempts(&env, "T-001"), 3);
    assert_eq!(env.count(|e| matches!(e, Event::ChangeReturned { .. })), 2);
    // A red check is run once more before anybody is sent back to work.
    assert_eq!(env.count(|e| matches!(e, Event::CheckRed { .. })), 4);
    landed(&env, "T-001");
    assert!(!env.git_agrees(&["cat-file", "-e", "main:ppe-script/T-001.broken"]), "broken work landed");
    env.finish();
}

#[test]
fn a_check_that_stays_red_needs_review_and_blocks_dependents_until_retried() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    env.task("T-003", "Three", &[], 1);
    env.add_config(CHECK);
    env.script("[[task]]\nid = \"T-001\"\nalways_broken = true\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(10).says("T-001 needs review.").says("ppe retry T-001");
    assert!(is_held(&env, "T-001", Hold::NeedsReview));
    assert!(is_landed(&env, "T-003"));
    assert_eq!(env.row("T-002")["blocked"].as_str().unwrap_or_default(), "blocked: T-001 needs review");
    let changes = env.changes();
    let change = changes.iter().find(|c| c["title"] == "[T-001] One").expect("its change");
    assert_eq!(change["state"]["state"], "open", "{change}");
    assert!(change["labels"].as_array().is_some_and(|l| l.iter().any(|x| x == "needs-review")), "{change}");

    env.script("");
    env.ppe(&["retry", "T-001", "--note", "the broken file has to go"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    assert!(is_landed(&env, "T-001") && is_landed(&env, "T-002"));
    env.finish();
}

#[test]
fn a_retry_in_a_live_run_lands_the_task_and_wakes_what_waits_for_it() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    env.task("T-003", "Three", &[], 1);
    hold_work(&env, "three/part_1.txt");
    env.add_config(CHECK);
    env.script("[[task]]\nid = \"T-001\"\nalways_broken = true\n");
    env.ready();
    let mut run = env.spawn(&["run", "--yes"]);
    env.until_event("it is held", |e| {
        matches!(e, Event::ChangeReturned { task, after: ppe_core::event::After::Hold(_), .. } if *task == id("T-001"))
    });
    assert_eq!(attempts(&env, "T-002"), 0);
    env.script("");
    env.ppe(&["retry", "T-001"]).exits(0);
    env.until("both have landed", || (is_landed(&env, "T-001") && is_landed(&env, "T-002")).then_some(()));
    assert!(!run.is_over(), "the third is at work");
    open_gate(&env);
    run.wait().exits(0);
    env.finish();
}

#[test]
fn a_push_to_the_branch_of_a_held_task_lands_without_a_command() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &[], 1);
    env.add_config(CHECK);
    env.script("[[task]]\nid = \"T-001\"\nalways_broken = true\n[[task]]\nid = \"T-002\"\nhang_attempts = true\nafter_commits = 0\n");
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    env.until_event("it is held", |e| {
        matches!(e, Event::ChangeReturned { task, after: ppe_core::event::After::Hold(_), .. } if *task == id("T-001"))
    });
    let tree = env.at("mend");
    env.git(&["worktree", "add", "-q", "--detach", tree.to_str().unwrap(), "feat/T-001-one"]);
    fs::remove_file(tree.join("ppe-script/T-001.broken")).unwrap();
    env.git_in(&tree, &["commit", "-qam", "fix: by hand"]);
    env.git_in(&tree, &["push", "-q", ".", "HEAD:refs/heads/feat/T-001-one"]);
    env.git(&["worktree", "remove", "--force", tree.to_str().unwrap()]);
    until_landed(&env, "T-001");
    on_target(&env, &["fix: by hand"]);
    env.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    env.finish();
}

#[test]
fn an_agent_that_fails_twice_works_the_third_time_and_keeps_its_commits() {
    let mut env = place();
    env.task("T-001", "One", &[], 3);
    env.script("[[task]]\nid = \"T-001\"\nfail_attempts = 2\nafter_commits = 1\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    assert_eq!(attempts(&env, "T-001"), 3);
    on_target(&env, &["feat(one): part 1", "feat(one): part 2", "feat(one): part 3"]);
    env.finish();
}

#[test]
fn an_agent_that_makes_nothing_and_claims_nothing_has_failed() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &[], 1);
    env.script("[[task]]\nid = \"T-001\"\nno_commit_attempts = 1\n[[task]]\nid = \"T-002\"\nno_commit_attempts = true\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(10);
    assert_eq!((attempts(&env, "T-001"), attempts(&env, "T-002")), (2, 4));
    assert!(is_landed(&env, "T-001") && is_held(&env, "T-002", Hold::Stuck));
    env.finish();
}

#[test]
fn a_claim_of_no_change_is_a_question_and_yes_closes_the_task() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    env.script("[[task]]\nid = \"T-001\"\nclaim = \"no-change\"\nwhy = \"it is there\"\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(10).says("T-001 changed nothing and says: it is there. Accept that?");
    let questions = env.ppe(&["questions", "--json"]).exits(0).json();
    assert_eq!(questions["questions"][0]["id"], "q1", "{questions}");
    assert_eq!(questions["questions"][0]["default"], "hold", "{questions}");
    env.ppe(&["answer", "q1", "maybe"]).exits(2);
    env.ppe(&["answer", "q1", "yes"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    assert_eq!(env.state().task(&id("T-001")).unwrap().step, Step::Closed(Closure::NoChange));
    assert!(is_landed(&env, "T-002"));
    env.finish();
}

#[test]
fn a_claim_of_no_change_can_be_sent_back_or_left_for_review() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.script("[[task]]\nid = \"T-001\"\nattempts = [1, 2]\nclaim = \"no-change\"\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(10);
    env.ppe(&["answer", "q1", "retry"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(10).says("ppe answer q2 yes|retry|hold");
    assert_eq!(attempts(&env, "T-001"), 2);
    env.ppe(&["answer", "q2", "hold"]).exits(0);
    assert!(is_held(&env, "T-001", Hold::NeedsReview));
    env.ppe(&["retry", "T-001"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    assert!(is_landed(&env, "T-001"));
    assert_eq!(env.count(|e| matches!(e, Event::AttemptFailed { .. })), 0, "a claim is no failure");
    env.finish();
}

#[test]
fn a_claim_of_being_blocked_needs_a_person_at_once() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &[], 1);
    env.script("[[task]]\nid = \"T-001\"\nclaim = \"blocked\"\nwhy = \"no access\"\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(10).says("no access");
    assert_eq!(attempts(&env, "T-001"), 1);
    assert!(is_held(&env, "T-001", Hold::NeedsReview) || is_held(&env, "T-001", Hold::Stuck));
    assert!(is_landed(&env, "T-002"));
    env.finish();
}

#[test]
fn exit_75_burns_no_try_and_starts_later() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.script("[[task]]\nid = \"T-001\"\nlater_attempts = 1\nlater_seconds = 10\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    assert_eq!(env.count(|e| matches!(e, Event::BreakerOpened { .. })), 1);
    assert_eq!(env.count(|e| matches!(e, Event::AttemptFailed { .. })), 0, "a try was burnt");
    landed(&env, "T-001");
    env.finish();
}

#[test]
fn leftovers_and_missing_commits_are_asked_for_once_and_then_taken() {
    let mut env = place();
    env.task("T-001", "One", &[], 3);
    env.task("T-002", "Two", &[], 3);
    env.script("[[task]]\nid = \"T-001\"\nleave_uncommitted = true\n[[task]]\nid = \"T-002\"\nskip_last_commits = 1\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    for task in ["T-001", "T-002"] {
        let asked = env.count(|e| matches!(e, Event::LeftoversAsked { task: t, .. } if *t == id(task)));
        assert_eq!(asked, 1, "{task}");
        assert_eq!(attempts(&env, task), 1, "{task}");
    }
    on_target(&env, &["feat(one): part 3", "feat(two): part 3"]);
    env.finish();
}

#[test]
fn two_tasks_that_touch_one_line_both_land() {
    let mut env = place();
    env.task("T-001", "One", &[], 2);
    env.task("T-002", "Two", &[], 2);
    env.write("shared.txt", "first\nsecond\n");
    env.script("[defaults]\ntouch = [\"shared.txt\"]\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0);
    assert!(is_landed(&env, "T-001") && is_landed(&env, "T-002"));
    on_target(&env, &["feat(one): part 2", "feat(two): part 2"]);
    let text = env.git(&["show", "main:shared.txt"]);
    assert!(!text.contains("<<<<"), "{text}");
    env.finish();
}

#[test]
fn a_missing_agent_is_found_before_anything_is_made() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.ready();
    env.set("PPE_AGENT_COMMAND_CMD", "[\"no-such-agent\"]");
    env.ppe(&["run", "--yes", "--agent", "command"]).exits(4).says("no-such-agent");
    assert!(env.runs().is_empty());
    assert_eq!(env.git(&["for-each-ref", "refs/ppe", "refs/heads/feat"]), "");
    env.finish();
}
