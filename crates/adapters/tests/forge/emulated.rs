//! Our client against a GitHub that is not ours: the emulator `emulate`, which git reaches as a folder (`emulate.mjs`).
//!
//! What it lacks, our client does without, as on hosts that lack it: GraphQL (checks are asked for by REST), merges in the
//! background (it merges at once), rules of branches (there are none). It has no merge queue and no auto-merge.
//!
//! Where it differs from GitHub, the contract of the ports does not reach, since only changes that were opened on the target's
//! tip land there, by its own merge:
//!
//! - An open pull request stays at the head that it was opened with, wherever its branch goes.
//! - Nor does it see that a branch was pushed into the target: it stays open.
//! - It merges onto the target as that was when the pull request was opened, and takes the head's tree as it is.
//! - It answers 422 where GitHub says 405 or 409.
//! - It knows no commit statuses: `emulate.mjs` says for it that there are none.

use crate::bench::{Bench, Shown, World, plumbing, run};
use ppe_adapters::forge::github::port::GitHubPort;
use ppe_adapters::forge::github::{GitHubSettings, Mode, Place, PullSettings, TokenSource};
use ppe_core::ids::ChangeNumber;
use ppe_core::policy::MergeMethod;
use ppe_testkit::emulator::Emulator;
use ppe_testkit::github::TOKEN;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A bench on the emulator.
pub(crate) struct Emulated {
    world: World,
    emulator: Emulator,
    port: GitHubPort,
}

#[derive(Deserialize)]
struct Pull {
    number: u64,
    state: String,
    merged_at: Option<String>,
    body: Option<String>,
    head: Head,
    labels: Vec<Label>,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "ref")]
    name: String,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

impl Emulated {
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.emulator.ask(method, &format!("/repos/o/r{path}"), &body);
        assert!(status < 300, "{method} {path}: {status} {answer}");
        serde_json::from_str(&answer).unwrap()
    }
}

impl Bench for Emulated {
    type Port = GitHubPort;

    fn new() -> Self {
        let world = World::new(None);
        let emulator = Emulator::start(world.dir.path());
        let remote = emulator.git_dir.to_str().unwrap().to_owned();
        crate::bench::git(world.root(), &["push", "-q", &remote, "main"]);
        let place = Place::of(&remote, Some("o/r"), Some(&emulator.api_url())).unwrap();
        let env = BTreeMap::from([("GH_TOKEN".to_owned(), TOKEN.to_owned())]);
        let tokens = TokenSource { file: None, env, host: place.host.clone() };
        let settings = GitHubSettings {
            remote,
            place,
            tokens,
            authority: None,
            pace: crate::bench::QUICK,
            mode: Some(Mode::Merge),
            method: MergeMethod::Merge,
            pulls: PullSettings::default(),
            auto_merge: false,
        };
        let port = GitHubPort::new(world.repo.clone(), run(), settings, plumbing(&world));
        Self { world, emulator, port }
    }

    fn world(&self) -> &World {
        &self.world
    }

    fn port(&self) -> &GitHubPort {
        &self.port
    }

    fn branches(&self) -> PathBuf {
        self.emulator.git_dir.clone()
    }

    fn changes(&self) -> Vec<Shown> {
        let pulls = self.ask("GET", "/pulls?state=all&direction=asc", &Value::Null);
        let pulls: Vec<Pull> = serde_json::from_value(pulls).unwrap();
        let comments = |number| {
            let all = self.ask("GET", &format!("/issues/{number}/comments"), &Value::Null);
            let bodies = all.as_array().unwrap().iter().map(|one| one["body"].as_str().unwrap().to_owned());
            bodies.collect()
        };
        let shown = |pull: Pull| Shown {
            number: pull.number,
            head: pull.head.name,
            state: match (&pull.merged_at, pull.state.as_str()) {
                (Some(_), _) => "merged",
                (None, "open") => "open",
                (None, _) => "closed",
            },
            body: pull.body.unwrap_or_default(),
            labels: pull.labels.into_iter().map(|label| label.name).collect(),
            comments: comments(pull.number),
        };
        pulls.into_iter().map(shown).collect()
    }

    fn person_closes(&self, change: ChangeNumber) {
        self.ask("PATCH", &format!("/pulls/{}", change.0), &json!({"state": "closed"}));
    }

    fn makes_landings(&self) -> bool {
        true
    }
}
