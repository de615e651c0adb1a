//! Bad input of every kind against the real binary: what is said, where it lies, what to do next, and that nothing was
//! made. Each row of a table names itself when it fails.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "the whole of this program is a test")]

mod config;
mod plan;
mod repository;
mod simulate;
mod terminal;
mod text;

use ppe_testkit::env::TestEnv;

/// A place with one task that is ready to run.
fn place() -> TestEnv {
    let env = TestEnv::new(env!("CARGO_BIN_EXE_ppe"));
    env.task("T-001", "First task", &[], 1);
    env
}

/// Demands that nothing was made: no run, no ref of ours, no branch, and nothing in the checkout.
#[track_caller]
fn nothing_made(env: &TestEnv, what: &str) {
    assert!(env.runs().is_empty(), "{what}: a run was made");
    assert_eq!(
        env.git(&["for-each-ref", "--format=%(refname)", "refs/ppe", "refs/heads/feat"]),
        "",
        "{what}"
    );
    env.untouched();
}
