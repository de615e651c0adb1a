//! A run like the example plan's: 45 tasks, 1,208 planned commits, seven slots, a few hours in.

use ppe_core::outcome::Class;
use ppe_core::plan::{Plan, Priority};
use ppe_core::policy::{Order, Policy};
use ppe_core::view::{Outside, RunView, view};
use ppe_testkit::drive::{Draft, Drive, MINUTE, plan, task};

type Row = (&'static str, &'static str, &'static str, &'static [(&'static str, usize)]);

/// The seven that start first in the example, as it describes them.
const FIRST: [Row; 7] = [
    (
        "T-001",
        "GraphQL Subscriptions",
        "apigen-graphql",
        &[("Infrastructure", 7), ("Generation", 8), ("Integration", 5)],
    ),
    ("T-002", "Contract Testing", "apigen-codegen", &[("Contracts", 6), ("Stubs", 6), ("Integration", 6)]),
    ("T-003", "Kubernetes Manifests", "apigen-gateway", &[("Base manifests", 11), ("Overlays", 11)]),
    ("T-004", "Two-Factor Auth", "apigen-security", &[("TOTP implementation", 15), ("Recovery", 14)]),
    (
        "T-005",
        "Multi-Database Support",
        "apigen-core",
        &[("Drivers", 8), ("Connection pooling", 9), ("Migrations", 8)],
    ),
    ("T-006", "Dashboard Generation", "apigen-codegen", &[("Model", 10), ("Template generation", 15)]),
    ("T-007", "WebSocket API", "apigen-core", &[("Protocol", 8), ("Server", 8)]),
];

/// What depends on what in the example.
const NEEDS: [(u32, u32); 14] = [
    (9, 2),
    (10, 3),
    (18, 4),
    (32, 4),
    (33, 5),
    (37, 6),
    (15, 8),
    (16, 9),
    (17, 10),
    (22, 7),
    (43, 12),
    (27, 16),
    (28, 17),
    (29, 17),
];

/// Done first in this run.
pub(crate) const EARLY: [u32; 11] = [23, 24, 25, 26, 30, 31, 34, 35, 36, 38, 39];

pub(crate) fn name(n: u32) -> String {
    format!("T-{n:03}")
}

/// Commits of a task beyond the first seven, so that all make 1,208.
pub(crate) fn commits_of(n: u32) -> usize {
    if n < 35 { 28 } else { 27 }
}

fn draft(n: u32) -> Draft {
    let id = name(n);
    let needs: Vec<String> =
        NEEDS.iter().filter(|(task, _)| *task == n).map(|(_, need)| name(*need)).collect();
    let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
    let draft = match FIRST.iter().find(|row| row.0 == id) {
        Some((id, title, module, phases)) => task(id, title).module(module).phases(phases),
        None => task(&id, &format!("Feature {n}")).module("apigen-core").commits(commits_of(n)),
    };
    let draft = if EARLY.contains(&n) { draft.priority(Priority::High) } else { draft };
    draft.needs(&needs).weeks(if n <= 30 { 3 } else { 2 })
}

/// The plan.
pub(crate) fn apigen() -> Plan {
    plan("APiGen 3.0", (1..=45).map(draft).collect())
}

/// The policy: seven slots, the plan's own order.
pub(crate) fn policy() -> Policy {
    Policy { stagger_ms: 0, backoff_ms: 0, order: Order::Plan, ..Policy::default() }
}

/// A fresh run.
pub(crate) fn begun() -> Drive {
    Drive::with(apigen(), policy(), &[])
}

/// The run of the example's dashboard: eleven done, six of the first seven at work, the seventh in review.
pub(crate) fn busy() -> Drive {
    let mut drive = begun();
    drive.later(40 * MINUTE);
    for (change, n) in (140..).zip(EARLY) {
        drive.land(&name(n), u32::try_from(commits_of(n)).expect("small"), change);
        drive.later(7 * MINUTE);
    }
    for (id, commits) in [("T-001", 5), ("T-004", 2), ("T-005", 3), ("T-006", 8)] {
        drive.sight(id, commits, None);
    }
    drive.later(60 * MINUTE);
    drive.to_review("T-007", 16, 159);
    drive.build();
    for (id, commits) in
        [("T-001", 12), ("T-002", 17), ("T-003", 10), ("T-004", 7), ("T-005", 9), ("T-006", 15)]
    {
        drive.sight(id, commits, None);
    }
    drive.later(2 * MINUTE);
    drive
}

/// The same, with T-003 out of tries.
pub(crate) fn stuck() -> Drive {
    let mut drive = busy();
    for _ in 0..4 {
        drive.fail("T-003", Class::Verification, "does not compile");
        drive.later(1);
        make_room(&mut drive, "T-003");
    }
    drive
}

/// Parks tasks of no further interest until the wanted one is at work.
fn make_room(drive: &mut Drive, wanted: &str) {
    use ppe_core::ids::TaskId;
    use ppe_core::input::Command;
    use ppe_core::outcome::{Claim, Exit};
    use ppe_core::state::Step;
    while matches!(drive.state.task(&TaskId::new(wanted)).map(|t| &t.step), Some(Step::Ready { .. })) {
        let last = drive.active().pop().expect("all slots are held");
        drive.command(Command::Pause(Some(TaskId::new(last.as_str()))));
        drive.agent_ends(&last, 0, Exit::Stopped, Claim::Nothing);
    }
}

/// Everything lands, one after the other.
pub(crate) fn land_everything(drive: &mut Drive, each_ms: u64) {
    let mut change = 300;
    while let Some(id) = drive.active().first().cloned() {
        drive.later(each_ms);
        let at = drive.state.position(&ppe_core::ids::TaskId::new(id.as_str())).expect("in the plan");
        let commits = drive.state.plan.tasks[at].spec.planned_commits();
        change += 1;
        drive.land(&id, commits, change);
    }
}

/// The view of a run now.
pub(crate) fn seen(drive: &Drive) -> RunView {
    let outside = Outside { forge: "local".into(), guarantee: "exact".into(), ..Outside::default() };
    view(&drive.state, drive.now, &outside)
}
