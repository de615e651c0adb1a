//! Pauses that the run makes by itself, one test per cause: nothing new starts, the cause and the way on are told, no
//! task pays for it, and work goes on once the cause is gone.

use crate::{
    NO_CHECK, attempts, hold_work, id, is_landed, landed, on_target, open_gate, place, until_landed,
    until_prepared,
};
use ppe_core::event::Event;
use ppe_core::state::{PauseCause, Step};
use ppe_testkit::env::TestEnv;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Waits until dispatch pauses for a cause.
#[track_caller]
fn until_paused(env: &TestEnv, wanted: fn(&PauseCause) -> bool) {
    env.until_event("dispatch pauses", |e| matches!(e, Event::DispatchPaused { cause } if wanted(cause)));
}

/// Demands that dispatch paused once for a cause and went on once.
#[track_caller]
fn went_on(env: &TestEnv, wanted: fn(&PauseCause) -> bool) {
    let paused = env.count(|e| matches!(e, Event::DispatchPaused { cause } if wanted(cause)));
    let resumed = env.count(|e| matches!(e, Event::DispatchResumed { cause } if wanted(cause)));
    assert_eq!((paused, resumed), (1, 1));
    assert!(env.state().paused.is_empty());
}

/// No attempt of the run has cost its task a try.
#[track_caller]
fn nobody_paid(env: &TestEnv) {
    assert_eq!(env.count(|e| matches!(e, Event::AttemptFailed { .. })), 0, "a try was burnt");
}

/// The first reason why nothing starts, as `ppe status --json` tells it.
#[track_caller]
fn told(env: &TestEnv) -> (String, String) {
    let status = env.status();
    let pause = &status["pauses"][0];
    let text = |key: &str| pause[key].as_str().unwrap_or_else(|| panic!("no {key} in {status}")).to_owned();
    (text("text"), text("command"))
}

/// Free space where the place lies, MiB.
#[track_caller]
fn free_mib(env: &TestEnv) -> u64 {
    let df = Command::new("df").args(["-BM", "--output=avail"]).arg(env.repo()).output().unwrap();
    let text = String::from_utf8_lossy(&df.stdout).into_owned();
    let free = text.lines().last().and_then(|line| line.trim().trim_end_matches('M').parse().ok());
    free.unwrap_or_else(|| panic!("df said:\n{text}"))
}

/// A commit on the target by somebody else.
fn by_others(env: &TestEnv, change: impl FnOnce(&Path)) {
    let tree = env.at("others");
    env.git(&["worktree", "add", "-q", "--detach", tree.to_str().unwrap(), "main"]);
    change(&tree);
    env.git_in(&tree, &["add", "-A"]);
    env.git_in(&tree, &["commit", "-qm", "by others"]);
    env.git_in(&tree, &["push", "-q", ".", "HEAD:refs/heads/main"]);
    env.git(&["worktree", "remove", "--force", tree.to_str().unwrap()]);
}

#[test]
fn three_tasks_that_fail_alike_pause_and_ask() {
    let mut env = place();
    for n in 1..=4 {
        env.task(&format!("T-00{n}"), &format!("Task {n}"), &[], 1);
    }
    env.script("[defaults]\nfail_attempts = 1\n");
    // Nobody works again, and does better, before the third has failed.
    env.set("PPE_RETRIES_BACKOFF_MS", "5000");
    env.ready();
    env.ppe(&["run", "--yes", "--slots", "3"]).exits(11).says("failed alike").says("ppe answer q1");
    let events = env.events();
    let paused = events.iter().position(|e| *e == Event::DispatchPaused { cause: PauseCause::SameCause });
    let paused = paused.expect("dispatch pauses");
    let failed = events[..paused].iter().filter(|e| matches!(e, Event::AttemptFailed { .. })).count();
    let after = events[paused..].iter().filter(|e| matches!(e, Event::AttemptStarted { .. })).count();
    assert!(failed >= 3, "{failed} failed");
    assert_eq!(after, 0, "nothing starts after that");
    let (text, command) = told(&env);
    assert!(
        text.matches("T-00").count() >= 3 && command.starts_with("ppe answer q1 yes|"),
        "{text}: {command}"
    );
    env.ppe(&["answer", "q1", "yes"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    went_on(&env, |c| *c == PauseCause::SameCause);
    assert!((1..=4).all(|n| is_landed(&env, &format!("T-00{n}"))));
    env.finish();
}

#[test]
fn a_set_up_that_fails_pauses_and_goes_on_by_itself() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &[], 1);
    let there = env.at("there");
    env.add_config(&format!("[workspace]\nsetup = [\"test -e {}\"]\n", there.display()));
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    until_paused(&env, |c| matches!(c, PauseCause::Machine(why) if why.contains("set-up of T-00")));
    let (text, command) = told(&env);
    assert!(text.contains("set-up of T-00") && text.contains("tried again by itself"), "{text}");
    assert_eq!(command, "ppe unpause");
    fs::write(&there, "").unwrap();
    run.wait().exits(0);
    went_on(&env, |c| matches!(c, PauseCause::Machine(_)));
    nobody_paid(&env);
    assert_eq!((attempts(&env, "T-001"), attempts(&env, "T-002")), (1, 1));
    env.finish();
}

#[test]
fn too_little_disk_pauses_and_goes_on_by_itself() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    hold_work(&env, "one/part_1.txt");
    env.add_config(NO_CHECK);
    env.ready();
    // What is free falls below the floor while an agent is at work, and rises again.
    let free = free_mib(&env);
    assert!(free > 2_048, "this test needs 2 GiB of free disk, there are {free} MiB");
    env.set("PPE_DISK_FLOOR_MB", &(free - 512).to_string());
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    let ballast = env.at("ballast");
    let filled = Command::new("fallocate").args(["-l", "1GiB"]).arg(&ballast).status();
    assert!(filled.is_ok_and(|s| s.success()), "the disk cannot be filled");
    open_gate(&env);
    until_paused(&env, |c| matches!(c, PauseCause::Machine(why) if why.contains("disk: ")));
    let (text, _) = told(&env);
    assert!(text.contains("MiB free") && text.contains("are needed"), "{text}");
    fs::remove_file(&ballast).unwrap();
    run.wait().exits(0);
    assert!(is_landed(&env, "T-001") && is_landed(&env, "T-002"));
    went_on(&env, |c| matches!(c, PauseCause::Machine(_)));
    nobody_paid(&env);
    env.finish();
}

#[test]
fn an_agent_whose_program_went_away_pauses_until_the_user_goes_on() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    env.ready();
    let agent = env.at("agent");
    let work =
        "#!/bin/sh\necho x >> \"$(basename \"$PWD\").txt\"\ngit add -A\ngit commit -qm \"feat: work\"\n";
    let install = |text: &str| {
        use std::os::unix::fs::PermissionsExt;
        fs::write(&agent, text).unwrap();
        fs::set_permissions(&agent, fs::Permissions::from_mode(0o755)).unwrap();
    };
    install(&format!("{work}rm \"$0\"\n"));
    env.set("PPE_AGENT_COMMAND_CMD", &format!("[\"{}\"]", agent.display()));
    env.ppe(&["run", "--yes", "--agent", "command"]).exits(11).says("command cannot work");
    until_paused(&env, |c| matches!(c, PauseCause::Agent { .. }));
    let (text, command) = told(&env);
    assert!(text.contains("agent") && text.contains("No such file"), "{text}");
    assert_eq!(command, "ppe unpause");
    assert!(is_landed(&env, "T-001"));
    install(work);
    env.ppe(&["unpause"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    assert!(is_landed(&env, "T-002"));
    went_on(&env, |c| matches!(c, PauseCause::Agent { .. }));
    nobody_paid(&env);
    env.finish();
}

/// A run whose first task landed and was then rewritten away by somebody, at rest with the question; and that landing.
fn rewritten() -> (TestEnv, String) {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &[], 1);
    env.task("T-003", "Three", &["T-002"], 1);
    hold_work(&env, "two/part_1.txt");
    env.add_config(NO_CHECK);
    env.ready();
    let before = env.git(&["rev-parse", "main"]);
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-002");
    until_landed(&env, "T-001");
    let first = landed(&env, "T-001");
    env.git(&["branch", "-f", "main", before.trim()]);
    until_paused(&env, |c| *c == PauseCause::TargetRewritten);
    let (text, command) = told(&env);
    assert!(text.contains("main lost what had landed"), "{text}");
    assert!(command.starts_with("ppe answer q1 "), "{command}");
    open_gate(&env);
    run.wait().exits(11).says("T-001");
    assert_eq!(attempts(&env, "T-003"), 0, "something started");
    (env, first)
}

#[test]
fn a_target_that_lost_a_landing_pauses_and_the_loss_can_be_accepted() {
    let (env, first) = rewritten();
    env.ppe(&["answer", "q1", "yes"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    assert!(!env.git_agrees(&["merge-base", "--is-ancestor", &first, "main"]), "it came back");
    assert!(is_landed(&env, "T-003"));
    went_on(&env, |c| *c == PauseCause::TargetRewritten);
    env.finish();
}

#[test]
fn a_target_that_lost_a_landing_pauses_and_the_work_can_land_again() {
    let (env, first) = rewritten();
    env.ppe(&["answer", "q1", "retry"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    on_target(&env, &["feat(one): part 1", "feat(two): part 1", "feat(three): part 1"]);
    assert_ne!(landed(&env, "T-001"), first);
    went_on(&env, |c| *c == PauseCause::TargetRewritten);
    env.finish();
}

/// A run at rest because somebody broke the target while its first task was at work.
fn broken_by_others() -> TestEnv {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    hold_work(&env, "one/part_1.txt");
    env.add_config("[[check]]\nname = \"ci\"\nrun = \"! grep -qs broken state.txt\"\n");
    env.script("[[task]]\nid = \"REPAIR-1\"\ntouch = [\"state.txt\"]\n");
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    by_others(&env, |tree| fs::write(tree.join("state.txt"), "broken\n").unwrap());
    open_gate(&env);
    until_paused(&env, |c| *c == PauseCause::TargetRed);
    let (text, command) = told(&env);
    assert!(text.contains("the target main is red"), "{text}");
    assert_eq!(command, "ppe answer q1 yes|retry|no");
    let step = env.state().task(&id("T-001")).unwrap().step.clone();
    assert_eq!(step, Step::InLane, "the task pays for what others did");
    run.wait().exits(11).says("CI checks red on main itself");
    env
}

/// Demands that both tasks landed, at the first try of each, once the target was green.
#[track_caller]
fn landed_after_all(env: &TestEnv) {
    assert!(is_landed(env, "T-001") && is_landed(env, "T-002"));
    assert_eq!((attempts(env, "T-001"), attempts(env, "T-002")), (1, 1));
    assert_eq!(env.count(|e| matches!(e, Event::ChangeReturned { .. })), 0);
    went_on(env, |c| *c == PauseCause::TargetRed);
    nobody_paid(env);
}

#[test]
fn a_target_that_others_broke_freezes_the_lane_until_it_is_green() {
    let env = broken_by_others();
    env.ppe(&["answer", "q1", "no"]).exits(0);
    env.ppe(&["questions"]).exits(0).says("no question is open");
    env.ppe(&["unpause"]).exits(0).says("the target is red and is checked again");
    env.ppe(&["resume", "--yes"]).exits(11).says("ppe answer q2 yes|retry|no");
    env.ppe(&["answer", "q2", "retry"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(11).says("red");
    by_others(&env, |tree| fs::remove_file(tree.join("state.txt")).unwrap());
    env.ppe(&["resume", "--yes"]).exits(0).says("All CI checks passed");
    assert_eq!(env.count(|e| matches!(e, Event::RepairAdded { .. })), 0);
    landed_after_all(&env);
    env.finish();
}

#[test]
fn a_target_that_others_broke_is_repaired_by_an_agent_ahead_of_all_else() {
    let env = broken_by_others();
    env.ppe(&["answer", "q1", "yes"]).exits(0).says("REPAIR-1 is added, ahead of all others");
    assert_eq!(env.row("REPAIR-1")["title"], "Repair main: `ci` ended with exit code 1");
    // The plan's files do not know of it.
    env.ppe(&["plan", "adopt", "--yes"]).exits(0).says("the plan is as the run has it");
    env.ppe(&["resume", "--yes"]).exits(0).says("REPAIR-1 landed");
    let events = env.events();
    let started = |task: &str| {
        let is = |e: &Event| matches!(e, Event::AttemptStarted { task: t, .. } if *t == id(task));
        events.iter().position(is).unwrap_or_else(|| panic!("{task} never started"))
    };
    let mended = events.iter().position(|e| *e == Event::LaneThawed).expect("the lane goes on");
    assert!(started("REPAIR-1") < mended && mended < started("T-002"));
    assert!(is_landed(&env, "REPAIR-1"));
    let prompt = env.run_folder().join("tasks/REPAIR-1/a1/agent/prompt");
    let prompt = fs::read_to_string(&prompt).unwrap();
    assert!(prompt.contains("The branch `main` itself is red at"), "{prompt}");
    landed_after_all(&env);
    env.finish();
}
