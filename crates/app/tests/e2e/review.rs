//! A reviewer between verification and pull request: it works in a clone of its own, and what it finds goes back once.

use crate::{attempts, id, landed, open_gate, place, until_taken_up, wait_at_gate};
use ppe_core::event::Event;
use ppe_core::state::{Kind, Review};
use ppe_testkit::env::TestEnv;
use std::fs;

fn reviewed(script: &str) -> TestEnv {
    let mut env = place();
    env.task("T-001", "One", &[], 2);
    env.add_config("[review]\nagent = \"scripted\"\n");
    env.script(&format!("[[task]]\nid = \"T-001\"\n{script}"));
    env
}

fn review(env: &TestEnv) -> Option<Review> {
    env.state().task(&id("T-001")).unwrap().facts.review.clone()
}

#[test]
fn findings_go_back_once_and_nothing_of_the_reviewers_own_lands() {
    let mut env = reviewed("findings = [\"one/part_1.txt:1: says too little\", \"no test\"]\n");
    env.ready();
    let run = env.ppe(&["run", "--yes"]);
    run.exits(0).says("T-001 is being reviewed (scripted)").says("its review found 2 things");
    run.says("Reviews: 1 made, 1 sent back");
    landed(&env, "T-001");
    assert_eq!((review(&env), attempts(&env, "T-001")), (Some(Review::Findings(2)), 2));
    assert_eq!(env.count(|e| matches!(e, Event::AttemptStarted { kind: Kind::Review, .. })), 1);
    assert_eq!(env.count(|e| matches!(e, Event::ReviewStarted { .. })), 1);
    assert_eq!(env.count(|e| matches!(e, Event::AttemptFailed { .. })), 0, "it cost no try");
    // The agent's answer landed; what the reviewer left in its clone did not, and the clone is gone.
    let files = env.git(&["ls-tree", "-r", "--name-only", "main"]);
    assert!(!files.contains("scribble"), "{files}");
    assert!(
        fs::read_dir(env.run_folder().join("workspaces"))
            .unwrap()
            .flatten()
            .all(|e| !e.file_name().to_string_lossy().contains("review"))
    );
    env.ppe(&["logs", "T-001", "--attempt", "1", "--job", "review"]).exits(0).says("says too little");
    env.finish();
}

#[test]
fn a_clean_review_and_one_that_fails_let_the_work_pass() {
    let mut env = reviewed("");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0).says("its review found nothing");
    landed(&env, "T-001");
    assert_eq!((review(&env), attempts(&env, "T-001")), (Some(Review::Clean), 1));
    env.finish();

    let mut env = place();
    env.task("T-001", "One", &[], 1);
    env.add_config("[agent.command]\ncmd = [\"sh\", \"-c\", \"echo no luck >&2; exit 3\"]\n[review]\nagent = \"command\"\n");
    env.ready();
    env.ppe(&["run", "--yes"]).exits(0).says("it goes on without a review");
    env.ppe(&["report"]).exits(0).says("Reviews: 0 made, 0 sent back, 1 left out");
    landed(&env, "T-001");
    assert!(matches!(review(&env), Some(Review::LeftOut(why)) if why.contains("no luck")));
    env.finish();
}

#[test]
fn a_reviewer_survives_the_death_of_ppe_and_is_not_started_again() {
    let mut env = reviewed("");
    let log = env.at("reviews");
    let (there, wait) = (log.display(), wait_at_gate(&env));
    let script = format!("pwd >> {there}; rm -rf one .git; {wait}; ppe report finding \"one thing\"");
    env.add_config(&format!("[agent.command]\ncmd = [\"sh\", \"-c\", '''{script}''']\n"));
    env.set("PPE_REVIEW_AGENT", "command");
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    env.until_event("the reviewer works", |e| matches!(e, Event::ReviewStarted { .. }));
    env.until("it has begun", || log.exists().then_some(()));
    run.signal("KILL");
    run.wait();
    let run = env.spawn(&["resume", "--yes"]);
    until_taken_up(&env);
    open_gate(&env);
    run.wait().exits(0);
    landed(&env, "T-001");
    let places = fs::read_to_string(log).unwrap();
    assert_eq!(places.lines().count(), 1, "started once");
    assert!(places.ends_with("/workspaces/T-001+review\n"), "in a clone of its own, not in {places}");
    assert_eq!(review(&env), Some(Review::Findings(1)));
    env.finish();
}

#[test]
fn a_reviewer_that_hangs_is_stopped_with_the_run_and_its_work_waits_for_another() {
    let mut env = reviewed("");
    let first = env.at("first");
    let script = format!("if [ ! -e {0} ]; then echo $$ > {0}; sleep 1000; fi", first.display());
    env.add_config(&format!("[agent.command]\ncmd = [\"sh\", \"-c\", '''{script}''']\n"));
    env.set("PPE_REVIEW_AGENT", "command");
    env.ready();
    let run = env.spawn(&["run", "--yes"]);
    env.until("it hangs", || first.exists().then_some(()));
    env.ppe(&["stop"]).exits(0);
    run.wait().exits(11);
    env.until_alone();
    env.ppe(&["resume", "--yes"]).exits(0);
    landed(&env, "T-001");
    assert_eq!((review(&env), attempts(&env, "T-001")), (Some(Review::Clean), 2));
    assert_eq!(env.count(|e| matches!(e, Event::AgentEnded { .. })), 1, "the work was not done twice");
    env.finish();
}

#[test]
fn what_its_agent_was_permitted_is_not_permitted_to_the_reviewer() {
    let mut env = reviewed("");
    let first = env.at("first");
    let script = format!(
        "if [ ! -e {0} ]; then touch {0}; echo '{{\"report\":\"denied\",\"what\":\"Bash(make)\"}}'; exit 0; fi\n\
         echo 1 > one.txt; git add -A; git commit -qm 'feat(one): part 1'; ppe report no-change 'that is all'",
        first.display()
    );
    env.add_config(&format!("[agent.command]\ncmd = [\"sh\", \"-c\", '''{script}''']\n"));
    env.ready();
    env.ppe(&["run", "--yes", "--agent", "command"]).exits(10);
    env.ppe(&["answer", "q1", "yes"]).exits(0);
    env.ppe(&["resume", "--yes"]).exits(0);
    landed(&env, "T-001");
    let permitted = |job: &str| {
        let file = env.run_folder().join("tasks/T-001/a2").join(job).join("job.json");
        let job: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        job["allow"].to_string()
    };
    assert_eq!((permitted("agent"), permitted("review")), ("[\"Bash(make)\"]".to_owned(), "[]".to_owned()));
    env.finish();
}
