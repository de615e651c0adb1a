//! A local forge whose landings go to a remote: it has them first, and what others push there is followed.

use crate::{NO_CHECK, hold_work, landed, open_gate, place, until_prepared};
use ppe_core::event::Event;
use ppe_testkit::env::TestEnv;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// A place with a bare repository that holds its target as `origin`.
fn with_origin() -> TestEnv {
    with_origin_and(|_| {})
}

fn with_origin_and(more: impl FnOnce(&TestEnv)) -> TestEnv {
    let mut env = place();
    more(&env);
    env.task("T-001", "One", &[], 1);
    env.task("T-002", "Two", &["T-001"], 1);
    env.set("PPE_FORGE_PUSH", "origin");
    let bare = env.at("origin.git").display().to_string();
    env.git(&["init", "-q", "--bare", &bare]);
    env.git(&["remote", "add", "origin", &bare]);
    env.ready();
    env.git(&["push", "-q", &bare, "main"]);
    env
}

fn there(env: &TestEnv) -> String {
    env.git_in(&env.at("origin.git"), &["rev-parse", "main"])
}

/// Somebody pushes a commit there.
fn somebody_pushes(env: &TestEnv, file: &str) {
    let (clone, bare) = (env.at("theirs"), env.at("origin.git").display().to_string());
    env.git(&["clone", "-q", "-b", "main", &bare, clone.to_str().unwrap()]);
    fs::write(clone.join(file), "theirs\n").unwrap();
    env.git_in(&clone, &["add", file]);
    let they = ["-c", "user.name=T", "-c", "user.email=t@example.org"];
    env.git_in(&clone, &[&they[..], &["commit", "-q", "-m", "feat: theirs"]].concat());
    env.git_in(&clone, &["push", "-q", "origin", "main"]);
    fs::remove_dir_all(&clone).unwrap();
}

#[test]
fn every_landing_goes_to_the_remote_and_what_others_push_there_is_followed() {
    let env = with_origin_and(|env| {
        hold_work(env, "one/part_1.txt");
        env.add_config(NO_CHECK);
    });
    let run = env.spawn(&["run", "--yes"]);
    until_prepared(&env, "T-001");
    somebody_pushes(&env, "theirs.txt");
    open_gate(&env);
    run.wait().exits(0);
    landed(&env, "T-002");
    assert_eq!(there(&env), env.git(&["rev-parse", "main"]));
    assert!(env.git(&["log", "--format=%s", "main"]).contains("feat: theirs"));
    env.finish();
}

#[test]
fn killed_between_the_remote_and_here_it_lands_once() {
    let env = with_origin();
    let end = env.command(&["run", "--yes"]).env("PPE_FAILPOINT", "crash:land.after_push").output().unwrap();
    assert!(!end.status.success(), "{end:?}");
    assert_ne!(there(&env), env.git(&["rev-parse", "main"]), "it had landed there alone");
    env.ppe(&["resume", "--yes"]).exits(0);
    assert_eq!(there(&env), env.git(&["rev-parse", "main"]));
    let log = env.git(&["log", "--format=%(trailers:key=Ppe-Task,valueonly)", "--first-parent", "main"]);
    assert_eq!(log.matches("T-001").count(), 1, "{log}");
    env.finish();
}

#[test]
fn a_remote_that_takes_nothing_is_waited_for_and_nothing_lands_here() {
    let env = with_origin();
    let (before, hook) = (there(&env), env.at("origin.git/hooks/pre-receive"));
    fs::write(&hook, "#!/bin/sh\necho main is closed >&2\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let run = env.spawn(&["run", "--yes"]);
    let waits = env.until_event("it waits", |e| matches!(e, Event::IntentDeferred { .. }));
    let Event::IntentDeferred { why, .. } = waits else { unreachable!("it was asked for") };
    assert!(why.contains("origin does not take main") && why.contains("main is closed"), "{why}");
    assert_eq!((there(&env), env.git(&["rev-parse", "main"])), (before.clone(), before));
    fs::remove_file(&hook).unwrap();
    run.wait().exits(0);
    assert_eq!(there(&env), env.git(&["rev-parse", "main"]));
    env.finish();
}

#[test]
fn doctor_says_where_landings_go_and_what_stands_against_it() {
    let mut env = with_origin();
    env.ppe(&["doctor"]).exits(0).says("landings are pushed to origin first");
    somebody_pushes(&env, "theirs.txt");
    env.git(&["commit", "-q", "--allow-empty", "-m", "mine"]);
    env.git(&["branch", "-f", "main", "HEAD"]);
    env.ppe(&["doctor"]).says("main here and main on origin have gone apart");
    env.set("PPE_FORGE_PUSH", "elsewhere");
    env.ppe(&["doctor"]).says("there is no remote elsewhere");
}
