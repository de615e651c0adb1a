//! The token goes to GitHub and nowhere else.

use crate::bench::{Bench, Candidate, OnGitHub, QUICK};
use ppe_core::input::Trouble;
use ppe_core::outcome::BuildOutcome;
use ppe_core::policy::MergeMethod;
use ppe_engine::ports::{Forge, Lane};
use ppe_testkit::github::TOKEN;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn no_argument_and_no_file_holds_the_token_and_git_has_it_only_on_its_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let (program, log) = (dir.path().join("git"), dir.path().join("log"));
    let text = format!(
        "#!/bin/sh\n{{ printf 'args'; printf ' %s' \"$@\"; echo; env | grep '^PPE_GIT_TOKEN='; }} >>{}\nexec git \"$@\"\n",
        log.display()
    );
    fs::write(&program, text).unwrap();
    fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    let bench = OnGitHub::with(QUICK, Some(&program), TOKEN);
    let work = bench.world().work(&bench.world().tip(), "a", "1\n");
    let candidate = Candidate::new(&bench, 1, "T-1", &work, MergeMethod::Merge).await;
    let BuildOutcome::Built { built, .. } = bench.port().build(candidate.build.clone()).await.unwrap() else {
        panic!("it merges")
    };
    bench.port().land(candidate.landing(&built.base, &built.commit)).await.unwrap();

    let seen = fs::read_to_string(&log).unwrap();
    let (mut with, mut without) = (0, 0);
    for call in seen.split("args ").skip(1) {
        let (args, env) = call.split_once('\n').unwrap();
        assert!(!args.contains(TOKEN), "{args}");
        let goes_out = [" fetch ", " push ", " ls-remote "].iter().any(|verb| args.contains(verb));
        assert_eq!(env.contains(TOKEN), goes_out, "{args}");
        if goes_out { with += 1 } else { without += 1 }
    }
    assert!(with > 3 && without > 3, "{with}, {without}");
    assert!(!holds(bench.world().dir.path(), TOKEN), "a file holds it");
}

/// Whether a file below a folder holds a text.
fn holds(dir: &std::path::Path, text: &str) -> bool {
    fs::read_dir(dir).unwrap().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return holds(&path, text);
        }
        fs::read(&path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(text))
    })
}

#[tokio::test]
async fn a_wrong_token_is_said_to_be_wrong_and_is_not_told() {
    let bench = OnGitHub::with(QUICK, None, "ghp_Wrong");
    let work = bench.world().work(&bench.world().tip(), "a", "1\n");
    let by_git = bench.port().publish(crate::bench::publish("T-1", &work, None)).await;
    let by_api = bench.port().open(crate::bench::change("T-1", &work)).await;
    let (Err(Trouble::Elsewhere(git)), Err(Trouble::Elsewhere(api))) = (by_git, by_api) else {
        panic!("both are refused")
    };
    assert!(git.contains("does not let git in") && git.contains("is the token right"), "{git}");
    assert!(api.starts_with("GitHub does not accept the token: renew it; tried again at "), "{api}");
    assert!(!git.contains("ghp_Wrong") && !api.contains("ghp_Wrong"));
}
