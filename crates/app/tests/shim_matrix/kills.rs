//! Whoever waits for a job, and its shim, killed at every pair of points; slow shims; kills during recovery.
//!
//! Each time: the program ran at most once, its output is complete, its exit status is the true one unless the
//! shim was hurt, the outcome is the one that fits where the shim was hurt, and nothing is left running.

use std::time::Duration;

use ppe_adapters::executor::job::Settled;
use ppe_adapters::executor::record::End;

use crate::world::{World, outcome, run_all};

/// Leaves two processes that shook off parent, group and session, then writes for a while.
pub(crate) const AGENT: &str = r#"
echo ran >> "$COUNT"
( setsid sh -c 'setsid sleep 300 & setsid sleep 300 & exit 0' & )
for i in 1 2 3 4 5; do echo "line $i"; sleep 0.04; done
exit 7
"#;

const ORCHESTRATOR: [&str; 10] = [
    "",
    "crash:job.before_spec",
    "half:job.spec",
    "crash:job.spec.after_rename",
    "crash:job.before_spawn",
    "crash:job.after_spawn",
    "crash:job.after_started",
    "crash:job.after_ensure",
    "crash:job.before_sweep",
    "crash:job.before_outcome",
];

/// Where the shim is hurt, and what must come of it.
const SHIM: [(&str, Fate); 13] = [
    ("", Fate::Ended),
    ("crash:shim.before_lock", Fate::NeverStarted),
    ("crash:shim.after_lock", Fate::NeverStarted),
    ("half:shim.started", Fate::NeverStarted),
    ("crash:shim.started.before_rename", Fate::NeverStarted),
    ("crash:shim.started.after_rename", Fate::Lost),
    ("crash:shim.after_started", Fate::Lost),
    ("crash:shim.after_spawn", Fate::Lost),
    ("crash:shim.after_wait", Fate::Lost),
    ("crash:shim.after_sweep", Fate::Lost),
    ("half:shim.exit", Fate::Lost),
    ("crash:shim.exit.before_rename", Fate::Lost),
    ("crash:shim.exit.after_rename", Fate::Ended),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Ended,
    Lost,
    NeverStarted,
    /// Killed at a moment nobody chose.
    Any,
}

/// Takes the job to its end, however it stands, and looks at everything that can be seen afterwards.
pub(crate) fn complaints(world: &World, settled: Result<Settled, String>, fate: Fate) -> Vec<String> {
    let mut bad = Vec::new();
    let got = match settled {
        Err(why) => return vec![format!("no outcome: {why}")],
        Ok(Settled::Ended(exit)) => {
            if exit.end != End::Code(7) || exit.stop.is_some() || exit.leftovers_alive > 0 {
                bad.push(format!("wrong exit {exit:?}"));
            }
            if world.stdout() != "line 1\nline 2\nline 3\nline 4\nline 5\n" {
                bad.push(format!("output is {:?}", world.stdout()));
            }
            Fate::Ended
        }
        Ok(Settled::Lost { leftovers_alive: 0, .. }) => Fate::Lost,
        Ok(Settled::NeverStarted(_)) => Fate::NeverStarted,
        Ok(other) => return vec![format!("{other:?}")],
    };
    if fate != Fate::Any && got != fate {
        bad.push(format!("{got:?} instead of {fate:?}"));
    }
    let left = world.left_running();
    if !left.is_empty() {
        bad.push(format!("left running: {left:?}"));
    }
    // Counted last: a shim that lost the race might have started the program again in the meantime.
    let runs = world.runs();
    let expected = match got {
        Fate::Ended => runs == 1,
        Fate::NeverStarted => runs == 0,
        Fate::Lost | Fate::Any => runs <= 1,
    };
    if !expected {
        bad.push(format!("{got:?}, and the program ran {runs} times"));
    }
    bad
}

#[test]
fn killed_at_every_pair_of_points() {
    let mut cases = Vec::new();
    for orchestrator in ORCHESTRATOR {
        for (shim, fate) in SHIM {
            // A point that only a lost job passes.
            if orchestrator != "crash:job.before_sweep" || fate == Fate::Lost {
                cases.push((orchestrator, shim, fate));
            }
        }
    }
    run_all(
        &cases,
        |(orchestrator, shim, _)| format!("{orchestrator} x {shim}"),
        |(orchestrator, shim, fate)| {
            let world = World::new(AGENT);
            let first = world.orchestrate(&format!("{orchestrator},{shim}"));
            let mut bad = Vec::new();
            if !orchestrator.is_empty() && first.is_ok() && *orchestrator != "crash:job.after_ensure" {
                bad.push(format!("the orchestrator was not hurt: {first:?}"));
            }
            // The second one's shim, should it need one, is hurt in the same way.
            bad.extend(complaints(&world, world.orchestrate(shim), *fate));
            bad
        },
    );
}

#[test]
fn a_slow_shim_meets_a_second_orchestrator() {
    let mut cases = Vec::new();
    for point in ["shim.before_lock", "shim.after_lock", "shim.started.before_rename", "shim.after_started"] {
        for pause_ms in [0, 50, 290] {
            for second in ["", "delay:shim.before_lock", "delay:shim.after_lock"] {
                cases.push((point, pause_ms, second));
            }
        }
    }
    run_all(
        &cases,
        |case| format!("{case:?}"),
        |(point, pause_ms, second)| {
            let world = World::new(AGENT);
            let first = world.orchestrate(&format!("crash:job.after_spawn,delay:{point}"));
            std::thread::sleep(Duration::from_millis(*pause_ms));
            let mut bad = complaints(&world, world.orchestrate(second), Fate::Ended);
            bad.extend(first.ok().map(|settled| format!("the first was not hurt: {settled:?}")));
            bad
        },
    );
}

#[test]
fn two_orchestrators_at_once_agree() {
    let cases: Vec<&str> =
        ["", "delay:shim.before_lock", "delay:shim.after_lock", "delay:job.before_spawn"].repeat(2);
    run_all(
        &cases,
        |points| format!("two with {points}"),
        |points| {
            let world = World::new(AGENT);
            let (one, two) = (world.orchestrator(points), world.orchestrator(""));
            let mut bad = complaints(&world, outcome(one), Fate::Ended);
            bad.extend(complaints(&world, outcome(two), Fate::Ended));
            bad
        },
    );
}

#[test]
fn killed_again_and_again_during_recovery() {
    let recoveries: [&[&str]; 4] = [
        &["crash:job.before_sweep"],
        &["crash:job.after_sweep"],
        &["crash:job.before_sweep", "crash:job.before_sweep", "crash:job.after_sweep"],
        &["crash:job.before_sweep", "crash:job.after_sweep", "crash:job.before_outcome"],
    ];
    let mut cases = Vec::new();
    for (shim, _) in SHIM.iter().filter(|(_, fate)| *fate == Fate::Lost) {
        cases.extend(recoveries.map(|recovery| (*shim, recovery)));
    }
    run_all(
        &cases,
        |case| format!("{case:?}"),
        |(shim, recovery)| {
            let world = World::new(AGENT);
            let mut bad = Vec::new();
            let first = world.orchestrate(&format!("crash:job.after_spawn,{shim}"));
            bad.extend(first.ok().map(|settled| format!("the first was not hurt: {settled:?}")));
            for points in *recovery {
                // If the first shim is slow a second one may win: it is hurt in the same way.
                let hurt = world.orchestrate(&format!("{points},{shim}"));
                bad.extend(hurt.ok().map(|settled| format!("{points} did not hurt: {settled:?}")));
            }
            bad.extend(complaints(&world, world.orchestrate(shim), Fate::Lost));
            bad
        },
    );
}
