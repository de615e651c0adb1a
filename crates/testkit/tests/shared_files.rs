//! A plan of many tasks that name the same files costs no more to run than any other of its size.

use ppe_core::policy::Policy;
use ppe_testkit::cost::at_work;
use ppe_testkit::drive::{Drive, plan, task};
use std::time::Duration;

/// Everybody names the same few files; a start looks at all who are ready.
#[test]
fn ten_thousand_tasks_that_share_files_are_started_in_no_time() {
    let names: Vec<String> = (0..20).map(|n| format!("src/{n}.rs")).collect();
    let tasks = (0..10_000_usize).map(|n| {
        let files = [names[n % 20].as_str(), names[(n / 7) % 20].as_str(), names[(n / 11) % 20].as_str()];
        task(&format!("T-{n:05}"), "work").commits(1).files(&files)
    });
    let mut drive = Drive::with(
        plan("many", tasks.collect()),
        Policy { stagger_ms: 0, backoff_ms: 0, ..Policy::default() },
        &[],
    );
    let before = at_work();
    for n in 1..=30 {
        let task = drive.active()[0].clone();
        drive.branches(&[], &[(&task, "src/1.rs"), (&task, &format!("src/{}.rs", n % 20))]);
        drive.land(&task, 1, n);
    }
    let took = at_work().saturating_sub(before);
    println!("{took:?} for 30 starts");
    assert!(took < Duration::from_secs(2), "{took:?}");
}
