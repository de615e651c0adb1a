//! Where the tests happen: a hermetic place with a model, and what each agent is told so that it uses that one.

use ppe_core::event::{After, Event};
use ppe_core::ids::TaskId;
use ppe_core::outcome::AgentEnd;
use ppe_core::state::{Closure, Step};
use ppe_testkit::env::TestEnv;
use ppe_testkit::loopback::only_loopback;
use ppe_testkit::model::Model;
use serde_json::{Value, json};
use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

/// A place with a model. The agents of tasks that name none are chosen with [`Place::runs`].
pub(crate) struct Place {
    env: TestEnv,
    /// The model of all agents.
    pub(crate) model: Model,
}

impl Deref for Place {
    type Target = TestEnv;
    fn deref(&self) -> &TestEnv {
        &self.env
    }
}

impl DerefMut for Place {
    fn deref_mut(&mut self) -> &mut TestEnv {
        &mut self.env
    }
}

/// Where the agents are installed.
pub(crate) fn installed(name: &str) -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/agent-clis");
    let cache = std::env::var_os("PPE_AGENT_CLIS").map_or_else(default, PathBuf::from);
    let program = cache.join("bin").join(name);
    program
        .canonicalize()
        .unwrap_or_else(|_| panic!("{} is missing: scripts/agent-clis --all", program.display()))
}

impl Place {
    /// A place whose model plays these scenarios.
    pub(crate) fn new(scenarios: &Value) -> Self {
        only_loopback();
        let mut env = TestEnv::new(env!("CARGO_BIN_EXE_ppe"));
        let model = Model::start(&env.at("model"), scenarios);
        // No agent looks for anything but its model, whatever network there is.
        for name in ["DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY", "DISABLE_ERROR_REPORTING"] {
            env.set(name, "1");
        }
        env.set("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
        env.set("PPE_ENV_PASS", "DISABLE_*,CLAUDE_CODE_DISABLE_*");
        env.set("PPE_STAGGER_MS", "100");
        Self { env, model }
    }

    /// Has an agent, which plays a scenario, work on tasks that name none.
    pub(crate) fn runs(&mut self, agent: &str, scenario: &str) {
        self.set("PPE_AGENT_NAME", agent);
        self.knows(agent, scenario);
    }

    /// Tells an agent where its model is: a scenario.
    pub(crate) fn knows(&mut self, agent: &str, scenario: &str) {
        let url = self.model.url(scenario, agent);
        if agent != "acp" {
            let program = installed(agent).display().to_string();
            self.set(&format!("PPE_AGENT_{}_PROGRAM", agent.to_uppercase()), &program);
        }
        match agent {
            "claude" => {
                self.set("ANTHROPIC_BASE_URL", &url);
                self.set("ANTHROPIC_API_KEY", "dummy");
            }
            "codex" => self.codex(&url),
            "opencode" => self.opencode(&url),
            "gemini" => self.gemini(&url),
            "acp" => {
                self.opencode(&url);
                let program = installed("opencode").display().to_string();
                self.set("PPE_AGENT_ACP_CMD", &json!([program, "acp"]).to_string());
                self.set("PPE_AGENT_ACP_ENV", "OPENCODE_*");
            }
            other => panic!("nothing is known of {other}"),
        }
    }

    fn codex(&mut self, url: &str) {
        let home = self.at("codex");
        fs::create_dir_all(&home).unwrap();
        let text = format!(
            "model = \"scripted\"\nmodel_provider = \"scripted\"\ncheck_for_update_on_startup = false\n\
             [analytics]\nenabled = false\n\
             [model_providers.scripted]\nname = \"scripted\"\nbase_url = \"{url}/v1\"\n\
             env_key = \"OPENAI_API_KEY\"\nwire_api = \"responses\"\n"
        );
        fs::write(home.join("config.toml"), text).unwrap();
        self.set("CODEX_HOME", &home.display().to_string());
        self.set("OPENAI_API_KEY", "dummy");
    }

    fn opencode(&mut self, url: &str) {
        let file = self.at("opencode.json");
        let models = json!({"scripted": {"name": "scripted", "cost": {"input": 1, "output": 2}}});
        let provider = json!({
            "npm": "@ai-sdk/openai-compatible", "name": "Scripted", "models": models,
            "options": {"baseURL": format!("{url}/v1"), "apiKey": "dummy"},
        });
        let model = "scripted/scripted";
        let config = json!({"model": model, "small_model": model, "provider": {"scripted": provider}});
        fs::write(&file, config.to_string()).unwrap();
        self.set("OPENCODE_CONFIG", &file.display().to_string());
        for what in ["AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS"] {
            self.set(&format!("OPENCODE_DISABLE_{what}"), "1");
        }
    }

    fn gemini(&mut self, url: &str) {
        let settings = json!({
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "privacy": {"usageStatisticsEnabled": false},
            "general": {"disableAutoUpdate": true},
        });
        fs::create_dir_all(self.at("home/.gemini")).unwrap();
        fs::write(self.at("home/.gemini/settings.json"), settings.to_string()).unwrap();
        self.set("GOOGLE_GEMINI_BASE_URL", url);
        self.set("GEMINI_API_KEY", "dummy");
        self.set("PPE_AGENT_GEMINI_MODEL", "gemini-2.5-pro");
    }

    /// How the agents of a task ended, the first one first.
    pub(crate) fn ends(&self, task: &str) -> Vec<AgentEnd> {
        let end = |event| match event {
            Event::AgentEnded { task: of, end, .. } if of == TaskId::new(task) => Some(end),
            _ => None,
        };
        self.events().into_iter().filter_map(end).collect()
    }

    /// How many attempts there were, of one task or, without a name, of all.
    pub(crate) fn attempts(&self, task: &str) -> usize {
        let is = |of: &TaskId| task.is_empty() || *of == TaskId::new(task);
        self.count(|e| matches!(e, Event::AttemptStarted { task, .. } if is(task)))
    }

    /// Demands that no failure of any task cost a try.
    #[track_caller]
    pub(crate) fn no_try_is_burnt(&self) {
        let failed =
            |e: &Event| matches!(e, Event::AttemptFailed { after: After::Retry { .. } | After::Hold(_), .. });
        let failed: Vec<Event> = self.events().into_iter().filter(failed).collect();
        assert_eq!(failed, [], "a try was burnt");
    }

    /// Demands that a task landed once, whole, with its `commits` and nothing else, on top of what it depends on.
    #[track_caller]
    pub(crate) fn has_landed(&self, task: &str, depends_on: &[&str], commits: u32) {
        let landing = self.landing(task);
        assert!(self.git_agrees(&["merge-base", "--is-ancestor", &landing, "main"]), "{task} is not on main");
        let trailer = format!("--grep=^Ppe-Task: {task}$");
        let trailers = self.git(&["log", "--format=%H", "--first-parent", &trailer, "main"]);
        assert_eq!(trailers.trim(), landing, "landings of {task}");
        let work = format!("{landing}^1..{landing}^2");
        let subjects = self.git(&["log", "--reverse", "--format=%s", &work]);
        let planned: Vec<String> = (1..=commits).map(|n| format!("feat({task}): part {n}")).collect();
        assert_eq!(subjects.lines().collect::<Vec<_>>(), planned, "commits of {task}");
        let files = self.git(&["diff", "--name-only", &format!("{landing}^1"), &landing]);
        let named: Vec<String> = (1..=commits).map(|n| format!("{task}-{n}.txt")).collect();
        assert_eq!(files.lines().collect::<Vec<_>>(), named, "files of {task}");
        for (n, file) in (1..).zip(&named) {
            assert_eq!(self.git(&["show", &format!("main:{file}")]), format!("{n}\n"), "{file}");
        }
        let first = self.git(&["rev-list", "--reverse", &work]);
        let first = first.lines().next().unwrap();
        for earlier in depends_on {
            let earlier = self.landing(earlier);
            let there = self.git_agrees(&["merge-base", "--is-ancestor", &earlier, first]);
            assert!(there, "{task} began without {earlier}");
        }
    }

    /// The commit that a task landed with.
    #[track_caller]
    fn landing(&self, task: &str) -> String {
        match &self.state().task(&TaskId::new(task)).expect("the task").step {
            Step::Closed(Closure::Landed(commit)) => commit.as_str().to_owned(),
            other => panic!("{task} is {other:?}; {:#?}", self.ends(task)),
        }
    }

    /// Demands what holds at the end of every run: all is by the user and speaks of no agent, nothing is left running.
    #[track_caller]
    pub(crate) fn is_clean(&self) {
        let log = self.git(&["log", "--format=%an <%ae>%n%cn <%ce>", "main"]);
        assert!(log.lines().all(|who| who == "Uma User <uma@example.org>"), "{log}");
        let messages = self.git(&["log", "--format=%B", "main"]).to_lowercase();
        for word in ["claude", "codex", "opencode", "gemini", "co-authored", "generated"] {
            assert!(!messages.contains(word), "`{word}` in:\n{messages}");
        }
        self.finish();
    }
}

/// A scenario of turns.
pub(crate) fn turns(turns: &[Value]) -> Value {
    json!({"turns": turns})
}

/// A turn that makes a task's planned commit.
pub(crate) fn part(n: u32) -> Value {
    let sh =
        format!("echo {n} > {{task}}-{n}.txt && git add -A && git commit -q -m 'feat({{task}}): part {n}'");
    let n = u64::from(n);
    json!({"say": format!("Part {n}."), "sh": sh, "usage": [100 + n, 10 + n, 1000 * n, 300 + n]})
}

/// A turn that ends the work.
pub(crate) fn done() -> Value {
    json!({"say": "All planned commits are made.", "usage": [7, 5, 3, 2]})
}

/// The same turn after some seconds.
pub(crate) fn after(seconds: f64, mut turn: Value) -> Value {
    turn["wait_s"] = seconds.into();
    turn
}

/// A scenario that makes two commits and ends.
pub(crate) fn two_commits() -> Value {
    turns(&[part(1), part(2), done()])
}

/// A scenario that falls into faults before it makes two commits.
pub(crate) fn faults(faults: &[Value]) -> Value {
    json!({"faults": faults, "turns": two_commits()["turns"]})
}
