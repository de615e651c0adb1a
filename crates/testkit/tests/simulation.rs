//! Ten thousand adversarial worlds, each of which comes to its end with every rule kept; in `make test-all` a hundred
//! thousand.

use ppe_testkit::sim::{Options, Stats, run_seed};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

fn play(seeds: Range<u64>) -> Stats {
    let mut all = Stats::default();
    for seed in seeds {
        match run_seed(seed, Options::default()) {
            Ok(run) => all.add(run.stats),
            Err(failure) => panic!("{failure}"),
        }
    }
    all
}

/// Worlds in which next to nothing happened would prove nothing.
fn assert_lively(stats: Stats, worlds: u64) {
    assert!(stats.crashes > worlds * 3, "{stats:?}");
    assert!(stats.commands > worlds * 3, "{stats:?}");
    assert!(stats.events > worlds * 100, "{stats:?}");
}

#[test]
fn the_second_quarter_of_ten_thousand_worlds() {
    assert_lively(play(2_500..5_000), 2_500);
}

#[test]
fn the_third_quarter_of_ten_thousand_worlds() {
    assert_lively(play(5_000..7_500), 2_500);
}

#[test]
fn the_fourth_quarter_of_ten_thousand_worlds() {
    assert_lively(play(7_500..10_000), 2_500);
}

#[test]
#[ignore = "takes minutes: make test-all"]
fn a_hundred_thousand_worlds() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let share = 90_000 / threads;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let from = 10_000 + thread * share;
            scope.spawn(move || play(from..from + share));
        }
    });
}

/// What happens in a world, as words: each kind of event, and the kinds within it.
fn kinds(log: &str) -> BTreeSet<String> {
    const WITHIN: [(&str, &str); 3] = [("ask", "kind"), ("failure", "class"), ("cause", "cause")];
    const FIELDS: [&str; 9] = ["why", "stop", "park", "wish", "closure", "leave", "work", "mode", "kind"];
    let mut kinds = BTreeSet::new();
    for line in log.lines() {
        let record: serde_json::Value = serde_json::from_str(line).expect("a record");
        for event in record["events"].as_array().into_iter().flatten() {
            let Some(name) = event["event"].as_str() else { continue };
            kinds.insert(name.to_owned());
            if event["task"].as_str().is_some_and(|task| task.starts_with("REPAIR-")) {
                kinds.extend(word(&event["closure"]).map(|word| format!("{name} by repair {word}")));
            }
            let words = FIELDS.iter().filter_map(|field| word(&event[field]));
            let within = WITHIN.iter().filter_map(|(field, within)| word(&event[field][within]));
            kinds.extend(words.chain(within).map(|word| format!("{name} {word}")));
        }
    }
    kinds
}

/// A variant's name, whether or not it carries something.
fn word(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) if !text.contains(' ') => Some(text.clone()),
        serde_json::Value::Object(one) if one.len() == 1 => one.keys().next().cloned(),
        _ => None,
    }
}

/// A rule that is never put to the test is no rule: all of this must happen somewhere in the worlds.
const REACHED: &str = "
    agent-ended  agent-needed execution  agent-needed verification  attempt-failed conflict
    attempt-failed execution  attempt-failed verification  attempt-released capacity  attempt-released closed
    attempt-released lost  attempt-released machine  attempt-released operator  attempt-released parked
    approval-withdrawn  attempt-released ready  attempt-started ci  attempt-started conflict  attempt-started continue
    attempt-started first  attempt-started review  attempt-started rejected  attempt-started restack  attempt-started recheck  attempt-started verify  attempt-stopping cancel
    attempt-stopping halt  attempt-stopping park  attempt-stopping retry  attempt-stopping silent  attempt-stopping skip
    attempt-stopping take  attempt-stopping timeout  attempt-stopping yield  attempt-succeeded  base-green
    attempt-released waiting  head-judged  stack-refused  task-unreadied
    board-back  board-lost  card-moving  card-seen  card-texts-kept  question-asked card-moved
    branch-adopted  branch-published  branches-seen  breaker-closed  breaker-opened  breaker-widened  budget-granted
    budget-neared  candidate-built  candidate-chosen
    candidate-dropped base-moved  candidate-dropped conflict  candidate-dropped head-moved  candidate-dropped red
    candidate-dropped target-red  candidate-dropped withdrawn  candidate-dropped restarted  candidate-green
    candidate-red  candidate-split  member-left-out  candidate-landed  change-approved  change-labelled  change-opened  change-rejected  changes-requested
    change-returned ci  change-returned conflict  check-red ci  check-started  dispatch-paused agent
    dispatch-paused machine  dispatch-paused operator  dispatch-paused same-cause  dispatch-paused target-red
    dispatch-paused target-rewritten  dispatch-resumed target-red  dispatch-resumed target-rewritten
    intent-deferred  intent-due  landed-unchecked  landing-accepted  landing-started  lane-thawed  leftovers-asked  leftovers-taken
    note-left  permission-granted  plan-revised  priority-changed  question-answered  question-asked change-closed  repair-added
    question-asked agent  question-asked boundary  question-asked budget
    question-asked permission  question-asked silence  dispatch-paused budget
    question-asked lost-races  question-asked next-wave  question-asked no-change  question-asked same-cause
    question-asked starvation  question-asked target-red  question-asked target-rewritten
    question-asked task-removed  question-withdrawn  races-lost  review-ended  review-left-out  review-started  run-completed  run-started  session-opened
    sighted  slots-changed  snapshot-taken  stop-requested agents  stop-requested cancel  stop-requested drain
    standstill-told  stop-withdrawn  target-moved  target-red ci  task-closed cancelled  task-closed landed
    task-closed by repair landed  task-closed by repair skipped  task-closed landed-by-others  task-closed no-change  task-closed skipped  task-held operator
    task-parked operator  task-parked question  task-queued  task-parked taken  task-preferred  task-preloaded
    task-readied recheck  task-reopened continue  task-reopened first  task-reset anew  task-reset keep
    task-wished ask-closed  task-wished cancel  task-wished park  task-wished reject  task-wished retry  task-wished skip
    task-wished take  tree-green  verify-started  wave-opened  wave-preloaded  workspace-prepared
    workspace-released";

#[test]
fn the_first_quarter_of_ten_thousand_worlds_reaches_everything_that_can_happen() {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let (worlds, mut all) = (2_500, Stats::default());
    for seed in 0..worlds {
        let run = run_seed(seed, Options::default()).unwrap_or_else(|failure| panic!("{failure}"));
        for kind in kinds(&run.log) {
            *seen.entry(kind).or_default() += 1;
        }
        all.add(run.stats);
    }
    assert_lively(all, worlds);
    let wanted: Vec<&str> = REACHED.split("  ").map(str::trim).filter(|kind| !kind.is_empty()).collect();
    let events: BTreeSet<&str> = wanted.iter().filter_map(|kind| kind.split(' ').next()).collect();
    let missing: Vec<&&str> = wanted.iter().filter(|kind| !seen.contains_key(**kind)).collect();
    let new: Vec<&String> =
        seen.keys().filter(|kind| !kind.contains(' ') && !events.contains(kind.as_str())).collect();
    assert!(missing.is_empty(), "never happens: {missing:?}");
    assert!(new.is_empty(), "not in the list above: {new:?}");
}
