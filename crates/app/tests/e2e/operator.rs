//! What the operator does to a run: each command and signal, with and without a live process.

use crate::{
    NO_CHECK, VERIFY, attempts, hold_work, id, is_landed, landed, on_target, open_gate, place, until_landed,
    until_prepared, until_taken_up, wait_at_gate,
};
use ppe_core::event::Event;
use ppe_core::state::{Closure, Satisfies, State, Step};
use ppe_testkit::env::TestEnv;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Three tasks, of which the third needs the first.
fn three() -> TestEnv {
    let env = place();
    env.task("T-001", "One", &[], 2);
    env.task("T-002", "Two", &[], 2);
    env.task("T-003", "Three", &["T-001"], 1);
    env
}

/// The same where the first keeps its slot until the gate is open.
fn held_first() -> TestEnv {
    let mut env = three();
    hold_work(&env, "one/part_1.txt");
    env.add_config(NO_CHECK);
    env.ready();
    env
}

/// The same where the first takes `seconds`.
fn slow_first(seconds: u32) -> TestEnv {
    let mut env = three();
    env.script(&format!("[[task]]\nid = \"T-001\"\nsleep_ms = {}\n", seconds * 20_000));
    env.ready();
    env
}

fn starts(env: &TestEnv) -> Vec<String> {
    let start = |e| match e {
        Event::AttemptStarted { task, .. } => Some(task.as_str().to_owned()),
        _ => None,
    };
    env.events().into_iter().filter_map(start).collect()
}

#[test]
fn pause_starts_nothing_new_and_unpause_goes_on() {
    let env = held_first();
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    env.ppe(&["pause"]).exits(0).says("paused: nothing new starts");
    open_gate(&env);
    until_landed(&env, "T-001");
    run.wait().exits(11);
    assert_eq!(attempts(&env, "T-003"), 0);
    env.ppe(&["unpause"]).exits(0).says("new tasks start again");
    env.ppe(&["resume", "--yes"]).exits(0);
    landed(&env, "T-003");
    env.finish();
}

#[test]
fn a_paused_task_frees_its_slot_and_goes_on_when_unpaused() {
    let mut env = slow_first(60);
    let run = env.spawn(&["run", "--yes", "--slots", "1"]);
    until_prepared(&env, "T-001");
    env.ppe(&["pause", "T-001"]).exits(0);
    until_landed(&env, "T-002");
    run.wait().exits(10);
    env.script("");
    env.ppe(&["unpause", "T-001"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    assert_eq!(env.count(|e| matches!(e, Event::AttemptFailed { .. })), 0, "a try was burnt");
    on_target(&env, &["feat(one): part 1", "feat(one): part 2"]);
    env.finish();
}

#[test]
fn stop_and_resume_keep_commits_and_burn_no_try() {
    let mut env = place();
    env.task("T-001", "One", &[], 4);
    env.script("[[task]]\nid = \"T-001\"\nattempts = [1]\nhang_attempts = 1\nafter_commits = 2\n");
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    env.until_event(
        "two commits are seen",
        |e| matches!(e, Event::Sighted { seen, .. } if seen.commits == 2),
    );
    env.ppe(&["stop"]).exits(0).says("ppe resume");
    run.wait().exits(11);
    let made = env.git(&["for-each-ref", "--format=%(objectname)", "refs/ppe/run"]);
    let made = made.lines().next().expect("what was made is in the user's repository").to_owned();
    env.ppe(&["resume", "--yes"]).exits(0);
    assert!(env.git_agrees(&["merge-base", "--is-ancestor", &made, "main"]), "other commits landed");
    assert_eq!(env.count(|e| matches!(e, Event::AttemptFailed { .. })), 0, "a try was burnt");
    on_target(&env, &["feat(one): part 1", "feat(one): part 2", "feat(one): part 3", "feat(one): part 4"]);
    env.finish();
}

#[test]
fn ctrl_c_once_drains() {
    let env = held_first();
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    run.signal("INT");
    env.until("it drains", || run.printed().contains("draining").then_some(()));
    open_gate(&env);
    let end = run.wait();
    end.exits(11).says("draining: nothing new starts").says("still at work: T-001");
    assert!(is_landed(&env, "T-001") || attempts(&env, "T-001") == 1);
    assert_eq!(attempts(&env, "T-003"), 0);
    env.ppe(&["resume", "--yes"]).exits(0);
    assert_eq!(attempts(&env, "T-001"), 1, "the drained one finished");
    env.finish();
}

#[test]
fn ctrl_c_twice_stops_the_agents() {
    let env = slow_first(60);
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    run.signal("INT");
    env.until("it drains", || run.printed().contains("draining").then_some(()));
    run.signal("INT");
    run.wait().exits(11).says("stopping the agents");
    env.finish();
}

#[test]
fn ctrl_c_three_times_leaves_and_resume_adopts_the_agent() {
    let mut env = place();
    env.task("T-001", "One", &[], 2);
    // It does not obey the second Ctrl-C, so that the third finds it at work.
    env.script("[[task]]\nid = \"T-001\"\nattempts = [1]\nhang_attempts = true\nafter_commits = 1\nignore_term = true\n");
    env.set("PPE_GRACE_S", "60");
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    env.until_event("a commit is seen", |e| matches!(e, Event::Sighted { seen, .. } if seen.commits == 1));
    run.signal("INT");
    env.until("it drains", || run.printed().contains("draining").then_some(()));
    run.signal("INT");
    env.until("it stops", || run.printed().contains("stopping the agents").then_some(()));
    run.signal("INT");
    run.wait().exits(130);
    let agents = || {
        let is_agent = |(pid, line): (u32, String)| line.contains("agent-scripted").then(|| pid.to_string());
        env.processes().into_iter().filter_map(is_agent).collect::<Vec<_>>()
    };
    let left = agents();
    assert_eq!(left.len(), 1, "{:?}", env.processes());
    let run = env.spawn(&["resume", "--yes"]);
    until_taken_up(&env);
    assert_eq!(agents(), left, "it is not at work any more");
    let killed = env.clean(Path::new("kill")).args(["-9", &left[0]]).status();
    assert!(killed.is_ok_and(|status| status.success()), "the agent cannot be killed");
    run.wait().exits(0);
    assert_eq!(attempts(&env, "T-001"), 2);
    assert_eq!(env.count(|e| matches!(e, Event::AttemptFailed { .. })), 0, "a try was burnt");
    on_target(&env, &["feat(one): part 1", "feat(one): part 2"]);
    env.finish();
}

#[test]
fn a_killed_run_leaves_its_agent_at_work_and_resume_adopts_it() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    let (begun, wait) = (env.at("begun"), wait_at_gate(&env));
    let agent = format!(
        "echo $$ >> {}; {wait}; mkdir one; echo 1 > one/part_1.txt; git add -A; \
         git commit -qm 'feat(one): part 1'",
        begun.display()
    );
    env.add_config(&format!("[agent.command]\ncmd = [\"sh\", \"-c\", \"\"\"{agent}\"\"\"]\n"));
    env.ready();
    let run = env.spawn(&["run", "--yes", "--agent", "command"]);
    env.until("the agent runs", || begun.exists().then_some(()));
    run.signal("KILL");
    run.wait().exits(137);
    let run = env.spawn(&["resume", "--yes"]);
    until_taken_up(&env);
    open_gate(&env);
    run.wait().exits(0);
    assert_eq!(attempts(&env, "T-001"), 1);
    assert_eq!(fs::read_to_string(begun).unwrap().lines().count(), 1, "the agent was started again");
    on_target(&env, &["feat(one): part 1"]);
    env.finish();
}

#[test]
fn sigterm_stops_the_agents_resumable() {
    let env = slow_first(60);
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    run.signal("TERM");
    run.wait().exits(11);
    assert_eq!(env.status()["tasks"][0]["state"], "ready", "{}", env.row("T-001"));
    env.finish();
}

#[test]
fn sighup_goes_on() {
    let env = slow_first(1);
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    run.signal("HUP");
    run.wait().exits(0);
    landed(&env, "T-003");
    env.finish();
}

#[test]
fn slots_change_in_a_live_run_and_nobody_is_stopped() {
    let mut env = place();
    for n in 1..=9 {
        env.task(&format!("T-00{n}"), &format!("Task {n}"), &[], 1);
    }
    env.script("[defaults]\nhang_attempts = true\nafter_commits = 0\n");
    env.ready();
    let run = env.spawn(&["run", "--yes", "--slots", "4"]);
    env.until("four are at work", || (starts(&env).len() == 4).then_some(()));
    env.ppe(&["slots", "8"]).exits(0).says("8 slots");
    env.until("eight are at work", || (starts(&env).len() == 8).then_some(()));
    env.ppe(&["slots", "2"]).exits(0);
    env.ppe(&["slots", "11"]).exits(4).says("1 to 10");
    assert_eq!(env.state().busy_count(), 8, "somebody was stopped");
    assert_eq!(env.status()["slots"]["total"], 2);
    env.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    env.finish();
}

#[test]
fn a_skipped_task_blocks_its_dependents_unless_it_is_satisfied() {
    let env = slow_first(60);
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    env.ppe(&["skip", "T-001"]).exits(0).says("its dependents stay blocked");
    run.wait().exits(10);
    assert_eq!(attempts(&env, "T-003"), 0);
    env.ppe(&["skip", "T-001", "--satisfied"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    let step = env.state().task(&id("T-001")).unwrap().step.clone();
    assert_eq!(step, Step::Closed(Closure::Skipped(Satisfies::Yes)));
    landed(&env, "T-003");
    env.finish();
}

#[test]
fn a_taken_task_goes_on_from_the_persons_commits() {
    let mut env = slow_first(60);
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    env.ppe(&["take", "T-001"]).exits(0).says("workspaces/T-001, commit there, then `ppe give T-001`");
    run.wait().exits(10);
    let workspace = env.run_folder().join("workspaces/T-001");
    fs::write(workspace.join("by-hand.txt"), "mine\n").unwrap();
    env.git_in(&workspace, &["add", "by-hand.txt"]);
    env.git_in(&workspace, &["commit", "-qm", "feat: by hand"]);
    let by_hand = env.git_in(&workspace, &["rev-parse", "HEAD"]);
    env.script("");
    env.ppe(&["give", "T-001"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    assert!(env.git_agrees(&["merge-base", "--is-ancestor", by_hand.trim(), "main"]));
    on_target(&env, &["feat: by hand", "feat(one): part 1", "feat(one): part 2"]);
    env.finish();
}

#[test]
fn done_closes_by_a_commit_that_is_in_the_target_only() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    env.add_config(VERIFY);
    env.script("[[task]]\nid = \"T-001\"\nno_commit_attempts = true\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(10);
    let stray = env.git(&["commit-tree", "-m", "stray", "HEAD^{tree}"]);
    env.ppe(&["done", "T-001", "--commit", stray.trim()]).exits(4);
    env.ppe(&["done", "T-001", "--commit", "main"]).exits(0).says("T-001 is done by");
    env.ppe(&["resume", "--yes"]).exits(0);
    landed(&env, "T-002");
    env.finish();
}

#[test]
fn a_landed_task_that_is_reopened_gets_a_new_attempt_and_a_new_change() {
    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &[], 1);
    env.script("[[task]]\nid = \"T-002\"\nclaim = \"blocked\"\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(10);
    let first = landed(&env, "T-001");
    env.script("[[task]]\nid = \"T-001\"\ntouch = [\"README.md\"]\n");
    env.ppe(&["reopen", "T-001", "--note", "it misses a case"]).exits(0).says("open again");
    env.ppe(&["retry", "T-002"]).exits(0);
    let prompted = || -> String {
        let folder = env.run_folder().join("tasks/T-001/a2/agent");
        fs::read_to_string(folder.join("prompt")).unwrap_or_default()
    };
    env.ppe(&["resume", "--yes"]).exits(0);
    assert_eq!(attempts(&env, "T-001"), 2);
    assert!(prompted().contains("it misses a case"), "{}", prompted());
    let second = landed(&env, "T-001");
    assert_ne!(second, first);
    assert!(env.git_agrees(&["merge-base", "--is-ancestor", &first, &second]));
    let of_task: Vec<_> = env.changes().into_iter().filter(|c| c["title"] == "[T-001] One").collect();
    assert_eq!(of_task.len(), 2, "{of_task:?}");
    assert_ne!(of_task[0]["number"], of_task[1]["number"]);
    env.finish();
}

#[test]
fn next_and_priority_change_the_order_of_starts() {
    let mut env = place();
    for n in 1..=5 {
        env.task(&format!("T-00{n}"), &format!("Task {n}"), &[], 1);
    }
    hold_work(&env, "task-1/part_1.txt");
    env.add_config(NO_CHECK);
    env.ready();
    let run = env.spawn(&["run", "--yes", "--slots", "1", "--order", "plan"]);
    until_prepared(&env, "T-001");
    env.ppe(&["priority", "T-004", "critical"]).exits(0);
    env.ppe(&["next", "T-005"]).exits(0);
    env.ppe(&["priority", "T-004", "urgent"]).exits(2);
    open_gate(&env);
    run.wait().exits(0);
    assert_eq!(starts(&env), ["T-001", "T-005", "T-004", "T-002", "T-003"]);
    env.finish();
}

#[test]
fn starts_are_spread_and_a_ramp_holds_until_the_first_landing() {
    let mut env = place();
    for n in 1..=8 {
        env.task(&format!("T-00{n}"), &format!("Task {n}"), &[], 1);
    }
    env.script("[defaults]\nsleep_ms = 30000\n");
    env.set("PPE_STAGGER_MS", "300");
    env.set("PPE_RAMP", "2");
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    let printed = run.wait();
    printed.exits(0);
    let mut state = State::new(Arc::new(env.plan()));
    let (mut times, mut before, mut after) = (Vec::new(), 0, 0);
    for record in env.log() {
        state.apply(&record).unwrap();
        let starts = record.events.iter().filter(|e| matches!(e, Event::AttemptStarted { .. }));
        times.extend(starts.map(|_| record.at.0));
        let most = if state.totals.landings == 0 { &mut before } else { &mut after };
        *most = state.busy_count().max(*most);
    }
    assert_eq!((times.len(), before), (8, 2), "two at once until one has landed");
    assert!(after > 2, "{after} at once afterwards");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 300), "{times:?}");
    // A line of progress each second, as `dashboard_refresh_s` says, where there is no terminal.
    let lines = printed.stdout.lines().filter(|line| line.contains(" slots busy, ")).count();
    let seconds = (times[7] - times[0]) / 1_000;
    assert!(lines as u64 >= seconds, "{lines} lines in more than {seconds} s:\n{}", printed.stdout);
}

#[test]
fn a_mistake_in_the_settings_keeps_nobody_from_steering_a_run() {
    let env = slow_first(60);
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    let settings = fs::read_to_string(env.repo().join("ppe.toml")).unwrap();
    env.add_config("[oops]\n");
    env.ppe(&["status"]).exits(0).says("warning: ppe.toml:").says("T-001");
    env.ppe(&["stop"]).exits(0).says("warning: ppe.toml:");
    run.wait().exits(11).says("Go on where it stopped: `ppe resume`");
    env.ppe(&["resume", "--yes"]).exits(2).says("oops");
    fs::write(env.repo().join("ppe.toml"), settings).unwrap();
    env.finish();
}

#[test]
fn a_second_run_is_refused_beside_a_live_one_and_beside_an_unfinished_one() {
    let env = slow_first(60);
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    let pid = run.pid().to_string();
    env.ppe(&["run", "--yes"]).exits(4).says("another ppe is at work").says(&pid);
    env.ppe(&["resume", "--yes"]).exits(4).says(&pid);
    env.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    env.ppe(&["run", "--yes"]).exits(4).says("is unfinished").says("ppe resume");
    env.ppe(&["stop", "--cancel"]).exits(0);
    env.ppe(&["resume", "--yes"]);
    assert!(env.ppe(&["resume", "--yes"]).exits(4).all().contains("no unfinished run"));
    env.finish();
}

#[test]
fn a_detached_run_goes_on_by_itself() {
    let env = slow_first(1);
    env.ppe(&["run", "--yes", "--detach"]).exits(0).says("ppe status");
    until_landed(&env, "T-003");
    env.until("it ends", || (env.status()["state"] == "complete").then_some(()));
    env.finish();
}

#[test]
fn commands_without_a_live_run_are_recorded_and_say_so() {
    let env = slow_first(60);
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    run.signal("TERM");
    run.wait().exits(11);
    let before = env.log().len();
    env.ppe(&["slots", "3"]).exits(0).says("no process is at work on the run: `ppe resume` goes on");
    assert_eq!(env.log().len(), before + 1);
    assert_eq!(env.status()["slots"]["total"], 3);
    env.ppe(&["skip", "T-099"]).exits(4).says("T-099");
    env.finish();
}
