//! The matrix: each point, each half write, shims, both at once, kills during recovery, and random moments.

use super::world::{Ended, Target, World, last_lines};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Points of the process itself, with a hit that comes after the run has begun.
const POINTS: [(&str, u32); 45] = [
    ("log.made", 1),
    ("log.sync", 3),
    ("log.synced", 2),
    ("log.synced", 9),
    ("run.before_log", 1),
    ("run.launched", 1),
    ("prepare.before", 1),
    ("prepare.made", 2),
    ("workspace.before_pin", 2),
    ("workspace.after_pin", 2),
    ("workspace.folder_made", 3),
    ("workspace.files_made", 2),
    ("workspace.before_ready", 2),
    ("workspace.after_ready", 3),
    ("seat.between", 2),
    ("seat.after", 2),
    ("job.before_spec", 2),
    ("job.before_spawn", 2),
    ("job.after_spawn", 2),
    ("job.after_started", 3),
    ("agent.before_told", 1),
    ("agent.before_told", 4),
    ("command.before_told", 2),
    ("snapshot.before", 1),
    ("snapshot.after", 2),
    ("work.before_publish", 1),
    ("work.after_publish", 2),
    ("branch.before", 2),
    ("branch.after", 1),
    ("change.before_link", 2),
    ("change.after_link", 1),
    ("change.before_rename", 2),
    ("change.after_rename", 2),
    ("candidate.before_pin", 1),
    ("candidate.after_pin", 1),
    ("land.before_ref", 1),
    ("land.after_ref", 1),
    ("land.after_ref", 3),
    ("release.before", 1),
    ("keep.before_ref", 1),
    ("keep.after_ref", 1),
    ("release.kept", 1),
    ("trash.made", 1),
    ("trash.marked", 1),
    ("trash.half_moved", 2),
];

/// Writes that are cut in half.
const HALVES: [(&str, u32); 7] = [
    ("log.line", 2),
    ("log.line", 7),
    ("run.plan", 1),
    ("workspace.ready", 2),
    ("agent.prompt", 1),
    ("agent.job", 2),
    ("change.file", 2),
];

/// Points of shims; the hit is counted over all shims of the run.
const SHIMS: [(&str, u32); 6] = [
    ("crash:shim.after_lock", 4),
    ("crash:shim.after_started", 3),
    ("crash:shim.after_spawn", 4),
    ("crash:shim.after_wait", 3),
    ("crash:shim.after_sweep", 5),
    ("half:shim.exit", 4),
];

/// Git commands of the process, with a call that comes after the run has begun. The process is killed while git is at it;
/// git goes on, some time later, beside the process that has taken the run up again.
const ORPHANS: [(&str, u32); 12] = [
    ("rebase", 1),
    ("rebase", 2),
    ("read-tree", 4),
    ("init", 2),
    ("update-ref", 3),
    ("update-ref", 9),
    ("fetch", 3),
    ("fetch", 8),
    ("commit-tree", 4),
    ("merge-tree", 2),
    ("status", 5),
    ("write-tree", 3),
];
/// How much later, ms: before, while and after the process is back.
const ORPHAN_MS: [u32; 3] = [0, 150, 600];

/// Which of the former at which of the latter when there is little time.
const FEW_ORPHANS: [(usize, usize); 6] = [(0, 2), (1, 1), (2, 2), (4, 0), (6, 1), (8, 2)];

/// Ways of merging that land several changes at once, and points that all of them come to.
const STRATEGIES: [&str; 2] = ["batch", "speculative"];
const LANE_POINTS: [(&str, u32); 4] =
    [("candidate.before_pin", 2), ("candidate.after_pin", 1), ("land.before_ref", 1), ("land.after_ref", 2)];

#[derive(Clone, Debug)]
enum Hurt {
    /// The process is killed while its `nth` git command of a kind is about to begin; git begins so much later.
    Git { command: &'static str, nth: u32, later_ms: u32 },
    /// The process hurts itself, in each of so many lives. `certain`: it comes to the point in the first of them.
    Point { points: String, lives: usize, target: Target, certain: bool },
    /// The same in one life, under another way of merging.
    Lane { strategy: &'static str, points: String, certain: bool },
    /// A shim is hurt; with it, where named, the process.
    Shim { point: &'static str, hit: u32, with: &'static str },
    /// SIGKILL from outside, after so many milliseconds each.
    Outside(Vec<u64>),
}

fn long() -> bool {
    std::env::var_os("PPE_TEST_LONG").is_some()
}

fn cases() -> Vec<Hurt> {
    let point = |points: String, lives, target| Hurt::Point { points, lives, target, certain: true };
    let mut cases = Vec::new();
    for (name, hit) in POINTS {
        cases.push(point(format!("crash:{name}@{hit}"), 1, Target::Aside));
        if long() {
            for more in [1, 2, 3, 5].into_iter().filter(|more| *more != hit) {
                let points = format!("crash:{name}@{more}");
                cases.push(Hurt::Point { points, lives: 1, target: Target::Aside, certain: false });
            }
            cases.push(point(format!("crash:{name}@{hit}"), 3, Target::Aside));
        }
    }
    for (name, hit) in HALVES {
        cases.push(point(format!("half:{name}@{hit}"), if long() { 3 } else { 1 }, Target::Aside));
    }
    for name in ["log.synced@2", "agent.before_told@1", "land.after_ref@1", "workspace.after_pin@1"] {
        cases.push(point(format!("crash:{name}"), 3, Target::Aside));
    }
    for name in ["land.before_merge@1", "land.after_merge@2"] {
        cases.push(point(format!("crash:{name}"), 1, Target::CheckedOut));
    }
    for strategy in STRATEGIES {
        let points = |name: &str, hit: u32| format!("crash:{name}@{hit}");
        for (name, hit) in LANE_POINTS {
            cases.push(Hurt::Lane { strategy, points: points(name, hit), certain: true });
        }
        for (name, hit) in POINTS.into_iter().filter(|point| long() && !LANE_POINTS.contains(point)) {
            cases.push(Hurt::Lane { strategy, points: points(name, hit), certain: false });
        }
    }
    for (shim, hit) in SHIMS {
        cases.push(Hurt::Shim { point: shim, hit, with: "" });
        // The process dies early here, so the shim must be an early one too.
        if long() || shim == "crash:shim.after_started" {
            cases.push(Hurt::Shim { point: shim, hit, with: "crash:job.after_started@3" });
            cases.push(Hurt::Shim { point: shim, hit, with: "crash:job.after_spawn@4" });
        }
    }
    for (at, (command, nth)) in ORPHANS.into_iter().enumerate() {
        let times = ORPHAN_MS
            .into_iter()
            .enumerate()
            .filter(|(time, _)| long() || FEW_ORPHANS.contains(&(at, *time)));
        cases.extend(times.map(|(_, later_ms)| Hurt::Git { command, nth, later_ms }));
    }
    let chosen = std::env::var("PPE_KILL_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut seed: u64 = chosen.unwrap_or(0x9e37_79b9_7f4a_7c15);
    for _ in 0..if long() { 60 } else { 2 } {
        cases.push(Hurt::Outside((0..3).map(|_| 50 + random(&mut seed) % 2_500).collect()));
    }
    cases
}

/// The next of a fixed sequence of numbers (xorshift).
fn random(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

fn run_case(case: &Hurt) -> Vec<String> {
    match case {
        Hurt::Point { points, lives, target, certain } => {
            let world = World::new(*target);
            let mut wrong = Vec::new();
            for life in 0..*lives {
                let ended = begin(&world, life, points);
                // Later lives may have nothing left to do at the point.
                if !ended.was_killed() && life == 0 && *certain {
                    wrong.push(format!(
                        "the point was not passed: {}, {}",
                        ended.status,
                        last_lines(&ended.text)
                    ));
                }
            }
            wrong.extend(world.finish());
            wrong
        }
        Hurt::Lane { strategy, points, certain } => {
            let world = World::merging(strategy);
            let ended = begin(&world, 0, points);
            let missed = *certain && !ended.was_killed();
            let mut wrong: Vec<String> = missed
                .then(|| format!("the point was not passed: {}", last_lines(&ended.text)))
                .into_iter()
                .collect();
            wrong.extend(world.finish());
            wrong
        }
        Hurt::Git { command, nth, later_ms } => {
            let world = World::new(Target::Aside);
            world.kill_at_git(command, *nth, *later_ms);
            let first = begin(&world, 0, "");
            let mut wrong = Vec::new();
            if !first.was_killed() {
                wrong.push(format!("git {command} was not called: {}", last_lines(&first.text)));
            }
            wrong.extend(world.finish());
            wrong
        }
        Hurt::Shim { point, hit, with } => {
            let world = World::new(Target::Aside);
            let claim = world.root().join("claim");
            let points = format!("{with},{point}@{hit}!{}", claim.display());
            let first = begin(&world, 0, &points);
            let mut wrong = Vec::new();
            // Where `ppe` is killed as well, it may be before any shim comes to the point.
            if with.is_empty() && !claim.with_extension(hit.to_string()).exists() {
                wrong.push(format!("no shim came to the point: {}", last_lines(&first.text)));
            }
            wrong.extend(world.finish());
            wrong
        }
        Hurt::Outside(moments) => {
            let world = World::new(Target::Aside);
            for (life, ms) in moments.iter().enumerate() {
                let command = if life == 0 { "run" } else { "resume" };
                let _ended =
                    world.ppe_killed_after(&[command, "--yes", "--plain"], "", Duration::from_millis(*ms));
            }
            world.finish()
        }
    }
}

fn begin(world: &World, life: usize, points: &str) -> Ended {
    match life {
        0 => world.ppe(&["run", "--yes", "--plain"], points),
        _ => world.go_on(points),
    }
}

#[test]
fn a_run_that_is_killed_and_resumed_ends_as_if_nothing_had_been() {
    let only = std::env::var("PPE_KILL_ONLY").unwrap_or_default();
    let cases: Vec<Hurt> = cases().into_iter().filter(|case| format!("{case:?}").contains(&only)).collect();
    let (next, begun) = (AtomicUsize::new(0), Instant::now());
    let work = || {
        let mut failed = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let wrong = run_case(case);
            if !wrong.is_empty() {
                failed.push(format!("{case:?}: {}", wrong.join("\n    ")));
            }
        }
        failed
    };
    let failed: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    println!("{} cases, {} failed, {} s", cases.len(), failed.len(), begun.elapsed().as_secs());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
