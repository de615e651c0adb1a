//! The configuration from the outside: what is accepted, what is refused with which words, what wins.

use super::key::{Key, Kind};
use super::keys;
use super::*;
use ppe_core::outcome::{Class, Red};
use ppe_core::plan::Priority;
use ppe_core::policy::{
    Approval, Budget, Changes, MergeMethod, MergeStrategy, Mode, NoChange, Order, Policy, Retries, Update,
    Waves,
};
use ppe_engine::ports::{FoundPlan, SourceKind};

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn with_env(pairs: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    settle(&Inputs { env: env(pairs), ..Inputs::default() })
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where an absent document may")]
fn document(name: &str, text: &str) -> Option<Document> {
    Some(Document { name: name.to_owned(), text: text.to_owned() })
}

fn with_file(text: &str) -> Result<Settings, ConfigError> {
    settle(&Inputs { project: document("ppe.toml", text), ..Inputs::default() })
}

fn flag(flag: &str, key: &str, value: &str) -> Flag {
    Flag { flag: flag.to_owned(), key: key.to_owned(), value: value.to_owned() }
}

fn said(result: Result<Settings, ConfigError>) -> String {
    result.map_or_else(|e| e.to_string(), |_| "accepted".to_owned())
}

fn lines(settings: &Settings) -> Vec<String> {
    render(settings).iter().map(ToString::to_string).collect()
}

#[test]
fn the_defaults_are_those_of_the_policy() {
    let settings = settle(&Inputs::default()).unwrap();
    // What it knows of agents comes from their own keys.
    let agents = settings.policy.agents.clone();
    assert_eq!(settings.policy, Policy { agents, ..Policy::default() });
    assert_eq!(settings.policy.agents["claude"].model.as_deref(), Some("sonnet"));
    assert_eq!(settings.dashboard_refresh_ms, 30_000);
    assert_eq!(settings.limits.disk_floor_bytes, 1 << 30);
    assert_eq!(settings.next_steps.len(), 4);
}

#[test]
fn a_wrong_variable_is_named_with_its_value_and_what_is_allowed() {
    let slots = "slots must be 1 to 10 on one machine";
    let share = "wave_threshold must be above 0 and at most 1";
    let strategy = "merge_strategy must be independent, priority, batch or speculative";
    for (variable, value, message) in [
        ("MAX_PARALLEL_TASKS", "11", slots.to_owned()),
        ("MAX_PARALLEL_TASKS", "0", slots.to_owned()),
        ("MAX_PARALLEL_TASKS", "-1", slots.to_owned()),
        ("MAX_PARALLEL_TASKS", "seven", slots.to_owned()),
        ("MAX_PARALLEL_TASKS", "99999999999", slots.to_owned()),
        ("MAX_CONCURRENT_TASKS", "11", slots.to_owned()),
        ("PPE_SLOTS", "11", slots.to_owned()),
        ("WAVE_THRESHOLD", "0", share.to_owned()),
        ("WAVE_THRESHOLD", "1.1", share.to_owned()),
        ("WAVE_THRESHOLD", "-0.5", share.to_owned()),
        ("WAVE_THRESHOLD", "NaN", share.to_owned()),
        ("WAVE_THRESHOLD", "80%", share.to_owned()),
        ("WAVE_COMPLETION_THRESHOLD", "2", share.to_owned()),
        ("MERGE_STRATEGY", "bacth", format!("{strategy}: did you mean batch?")),
        ("MERGE_STRATEGY", "priorty", format!("{strategy}: did you mean priority?")),
        ("MERGE_STRATEGY", "all", strategy.to_owned()),
        ("DASHBOARD_REFRESH", "0", "dashboard_refresh_s must be 1 to 3600".to_owned()),
        ("MAX_TASK_RETRIES", "many", "retries_tasks must be 0 to 100".to_owned()),
        ("MAX_COMPILATION_RETRIES", "-1", "retries_build must be 0 to 100".to_owned()),
        ("AUTO_CREATE_PR", "maybe", "changes_open must be true or false".to_owned()),
        ("REPORT_EVERY_N_COMMITS", "0", "report_every_commits must be 1 to 10000".to_owned()),
        ("PLAN_EXECUTION_MODE", "serial", {
            "the mode must be autonomous, commit-by-commit or phase-by-phase, or parallel or sequential"
                .to_owned()
        }),
        ("PPE_BUDGET_USD", "-1", "budget_usd must be 0 to 1000000, with six decimals at most".to_owned()),
        ("PPE_BUDGET_USD", "1e3", "budget_usd must be 0 to 1000000, with six decimals at most".to_owned()),
        (
            "PPE_BUDGET_USD",
            "1000000.000001",
            "budget_usd must be 0 to 1000000, with six decimals at most".to_owned(),
        ),
        ("PPE_BUDGET_TOKENS", "many", "budget_tokens must be 0 to 1000000000000000".to_owned()),
        ("PPE_SILENCE_MIN", "-5", "silence_min must be 0 to 525600".to_owned()),
        (
            "PPE_ORDER",
            "plann",
            "order must be priority, critical-path or plan: did you mean plan?".to_owned(),
        ),
        ("PPE_NOTIFY_COMMAND", "[]", {
            "notify_command must be a shell command or a list of a program and its arguments".to_owned()
        }),
        ("PPE_ENV_PASS", "[1]", "env_pass must be a list of texts".to_owned()),
    ] {
        assert_eq!(said(with_env(&[(variable, value)])), format!("{variable}={value}: {message}"));
    }
}

#[test]
fn a_wrong_value_in_a_file_is_named_with_its_line() {
    for (text, message) in [
        ("[run]\nslots = 11", "ppe.toml:2: run.slots = 11: slots must be 1 to 10 on one machine"),
        ("[run]\nslots = \"7\"", "ppe.toml:2: run.slots = \"7\": slots must be 1 to 10 on one machine"),
        ("run.slots = 7.5", "ppe.toml:1: run.slots = 7.5: slots must be 1 to 10 on one machine"),
        ("run = { slots = 0 }", "ppe.toml:1: run.slots = 0: slots must be 1 to 10 on one machine"),
        ("run = 7", "ppe.toml:1: run is a section: write [run]"),
        (
            "\n[changes]\nopen = \"yes\"",
            "ppe.toml:3: changes.open = \"yes\": changes_open must be true or false",
        ),
        ("[plan]\npath = \" \"", "ppe.toml:2: plan.path = \" \": plan_path must be a text that is not empty"),
        ("[workspace]\ncopy = \".env\"", {
            "ppe.toml:2: workspace.copy = \".env\": workspace_copy must be a list of texts"
        }),
        ("[merge]\ncheck_slots = 0", {
            "ppe.toml:2: merge.check_slots = 0: merge_check_slots must be 1 to 16"
        }),
        ("[[verify]]\nrun = \"x\"\nkind = \"tset\"", {
            "ppe.toml:3: verify.kind = \"tset\": kind must be fix, build, test, coverage or other: did you mean test?"
        }),
        ("[[verify]]\nrun = \"\"", {
            "ppe.toml:2: verify.run = \"\": run must be a shell command or a list of a program and its arguments"
        }),
        ("\n[[check]]\nname = \"x\"", "ppe.toml:2: [[check]] x: run is missing"),
        ("verify = \"make test\"", "ppe.toml:1: verify is a list of tables: write [[verify]] before each"),
        ("[verify]\nrun = \"x\"", "ppe.toml:1: verify is a list of tables: write [[verify]] before each"),
        ("[[agent.rule]]\nmodel = \"x\"", {
            "ppe.toml:1: [[agent.rule]] match is missing: it says which tasks, match = { title = \"docs\" }"
        }),
        ("\n[[agent.rule]]\nmatch = { id = \"T-0*\" }", {
            "ppe.toml:2: [[agent.rule]] it says nothing: give it agent, model or fallback"
        }),
        ("[[agent.rule]]\nmatch = { id = \"T-*1\" }\nmodel = \"x\"", {
            "ppe.toml:1: [[agent.rule]] match.id may have a `*` at its end only"
        }),
        ("[[agent.rule]]\nmatch = \"docs\"\nmodel = \"x\"", {
            "ppe.toml:2: agent.rule.match = \"docs\": match must be a table: match = { title = \"docs\" }"
        }),
        ("[[agent.rule]]\nmodel = \"x\"\nmatch = { priority = \"hihg\" }", {
            "ppe.toml:3: agent.rule.match.priority = \"hihg\": match_priority must be low, medium, high or critical: \
             did you mean high?"
        }),
        ("[agent]\nrule = 7", "ppe.toml:2: agent.rule is a list of tables: write [[agent.rule]] before each"),
        ("[[verify]]\nname = \"a\"\nrun = \"x\"\n[[verify]]\nname = \"a\"\nrun = \"y\"", {
            "ppe.toml:4: [[verify]] a: the name is taken"
        }),
    ] {
        assert_eq!(said(with_file(text)), message, "for {text:?}");
    }
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_what_was_meant() {
    for (text, message) in [
        ("[run]\nslot = 7", "ppe.toml:2: unknown key run.slot: did you mean run.slots?"),
        ("\nslots = 7", "ppe.toml:2: unknown key slots: did you mean run.slots?"),
        (
            "[run]\nstrategy = \"priority\"",
            "ppe.toml:2: unknown key run.strategy: did you mean merge.strategy?",
        ),
        ("[rnu]\nslots = 7", "ppe.toml:1: unknown section rnu: did you mean run?"),
        ("[[verfy]]\nrun = \"x\"", "ppe.toml:1: unknown section verfy: did you mean verify?"),
        (
            "[[verify]]\nrun = \"x\"\ntimeout = 3",
            "ppe.toml:3: unknown key verify.timeout: did you mean verify.timeout_min?",
        ),
        ("[[verify]]\nrun = \"x\"\ntimeout_mn = 3", {
            "ppe.toml:3: unknown key verify.timeout_mn: did you mean verify.timeout_min?"
        }),
        ("[[agent.rule]]\nmatch = { title = \"x\" }\nmodle = \"y\"", {
            "ppe.toml:3: unknown key agent.rule.modle: did you mean agent.rule.model?"
        }),
        ("[[agent.rule]]\ntitle = \"x\"", {
            "ppe.toml:2: unknown key agent.rule.title: did you mean agent.rule.match.title?"
        }),
        ("[[agent.rule]]\nmatch.titel = \"x\"\nmodel = \"y\"", {
            "ppe.toml:2: unknown key agent.rule.match.titel: did you mean agent.rule.match.title?"
        }),
        ("[[agent.rules]]\nmodel = \"y\"", {
            "ppe.toml:1: unknown section agent.rules: did you mean agent.rule?"
        }),
        (
            "[agent.comand]\ncmd = \"x\"",
            "ppe.toml:1: unknown section agent.comand: did you mean agent.command?",
        ),
        ("[run]\nblue_whale = 1", "ppe.toml:2: unknown key run.blue_whale"),
    ] {
        assert_eq!(said(with_file(text)), message, "for {text:?}");
    }
}

#[test]
fn everything_wrong_is_said_at_once() {
    let inputs = Inputs {
        user: document("config.toml", "[merge]\nmethod = \"reabse\"\n"),
        project: document("ppe.toml", "[run]\nwave_threshold = 2\nslots = 99\nordr = \"plan\"\n"),
        env: env(&[("DASHBOARD_REFRESH", "x")]),
        flags: vec![flag("--slots", "run.slots", "12")],
    };
    assert_eq!(
        said(settle(&inputs)),
        "config.toml:2: merge.method = \"reabse\": merge_method must be merge, squash or rebase: did you mean rebase?\n\
         ppe.toml:2: run.wave_threshold = 2: wave_threshold must be above 0 and at most 1\n\
         ppe.toml:3: run.slots = 99: slots must be 1 to 10 on one machine\n\
         ppe.toml:4: unknown key run.ordr: did you mean run.order?\n\
         DASHBOARD_REFRESH=x: dashboard_refresh_s must be 1 to 3600\n\
         --slots 12: slots must be 1 to 10 on one machine"
    );
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_its_line() {
    let error = said(with_file("[run]\nslots = 7\norder = \n"));
    assert!(error.starts_with("ppe.toml:3: "), "{error}");
    let error = said(with_file("[run]\nslots = 7\nslots = 8\n"));
    assert!(error.starts_with("ppe.toml:3: ") && error.contains("duplicate"), "{error}");
}

#[test]
fn the_higher_layer_wins() {
    let mut inputs = Inputs::default();
    let mut seen = Vec::new();
    let mut look = |inputs: &Inputs| {
        let settings = settle(inputs).unwrap();
        seen.push(format!("{} ({})", settings.policy.slots, settings.origin("run.slots").unwrap()));
    };
    look(&inputs);
    inputs.user = document("/home/u/.config/ppe/config.toml", "[run]\nslots = 2\n");
    look(&inputs);
    inputs.project = document("ppe.toml", "\n[run]\n\nslots = 3\n");
    look(&inputs);
    inputs.env = env(&[("MAX_PARALLEL_TASKS", "4")]);
    look(&inputs);
    inputs.flags = vec![flag("--slots", "run.slots", "5")];
    look(&inputs);
    assert_eq!(
        seen,
        [
            "7 (default)",
            "2 (/home/u/.config/ppe/config.toml:2)",
            "3 (ppe.toml:4)",
            "4 (environment: MAX_PARALLEL_TASKS)",
            "5 (--slots)"
        ]
    );
}

#[test]
fn two_names_of_one_setting_must_agree() {
    let both = |a, b| with_env(&[("MAX_PARALLEL_TASKS", a), ("MAX_CONCURRENT_TASKS", b)]);
    assert_eq!(both("5", "5").unwrap().policy.slots, 5);
    assert_eq!(both("", "5").unwrap().policy.slots, 5, "an empty variable is not set");
    assert_eq!(
        said(both("5", "6")),
        "MAX_PARALLEL_TASKS=5 and MAX_CONCURRENT_TASKS=6 both set slots: unset one of them or make them equal"
    );
    let thresholds = with_env(&[("WAVE_THRESHOLD", "0.80"), ("WAVE_COMPLETION_THRESHOLD", "0.8")]);
    assert!((thresholds.unwrap().policy.wave_threshold - 0.8).abs() < f64::EPSILON);
    let own = said(with_env(&[("WAVE_COMPLETION_THRESHOLD", "0.5"), ("PPE_WAVE_THRESHOLD", "0.6")]));
    assert!(own.contains("WAVE_COMPLETION_THRESHOLD=0.5 and PPE_WAVE_THRESHOLD=0.6"), "{own}");
}

#[test]
fn the_variables_of_the_first_description_work_as_named() {
    let settings = with_env(&[
        ("MAX_PARALLEL_TASKS", "5"),
        ("WAVE_THRESHOLD", "1.0"),
        ("MERGE_STRATEGY", "priority"),
        ("DASHBOARD_REFRESH", "5"),
        ("MAX_TASK_RETRIES", "1"),
        ("VIBEKANBAN_PROJECT_ID", "9b2c"),
        ("MAX_CI_RETRIES", "2"),
        ("AUTO_CREATE_PR", "false"),
        ("REPORT_EVERY_N_COMMITS", "10"),
        ("PLAN_EXECUTION_MODE", "parallel"),
    ])
    .unwrap();
    let policy = &settings.policy;
    assert_eq!(
        (policy.slots, policy.merge_strategy, policy.changes),
        (5, MergeStrategy::Priority, Changes::Off)
    );
    assert_eq!(
        policy.retries,
        Retries { execution: 1, verification: 1, build: None, test: None, ci: 2, conflict: 1 }
    );
    assert_eq!((policy.report_every_commits, settings.dashboard_refresh_ms), (10, 5_000));
    assert_eq!(settings.board.project.as_deref(), Some("9b2c"));
    assert_eq!(policy.threshold_of(31), 31);
}

#[test]
fn sequential_is_one_slot_unless_a_flag_says_more() {
    let mut inputs = Inputs {
        env: env(&[("PLAN_EXECUTION_MODE", "sequential"), ("MAX_PARALLEL_TASKS", "5")]),
        ..Inputs::default()
    };
    let settings = settle(&inputs).unwrap();
    assert_eq!(settings.policy.slots, 1);
    assert_eq!(settings.origin("run.slots").unwrap().to_string(), "environment: PLAN_EXECUTION_MODE");
    inputs.flags = vec![flag("--slots", "run.slots", "3")];
    assert_eq!(settle(&inputs).unwrap().policy.slots, 3);
}

#[test]
fn the_mode_goes_by_both_names() {
    let mode = |pairs: &[(&str, &str)]| {
        let settings = with_env(pairs).unwrap();
        (settings.policy.mode, settings.policy.slots, settings.origin("run.mode").unwrap().to_string())
    };
    let origin = "environment: PLAN_EXECUTION_MODE".to_owned();
    assert_eq!(
        mode(&[("PLAN_EXECUTION_MODE", "commit-by-commit")]),
        (Mode::CommitByCommit, 7, origin.clone())
    );
    assert_eq!(mode(&[("PLAN_EXECUTION_MODE", " autonomous ")]), (Mode::Autonomous, 7, origin));
    assert_eq!(mode(&[("PLAN_EXECUTION_MODE", "sequential")]), (Mode::Autonomous, 1, "default".to_owned()));
    let both = |word| with_env(&[("PLAN_EXECUTION_MODE", "phase-by-phase"), ("PPE_MODE", word)]);
    assert_eq!(both("phase-by-phase").unwrap().policy.mode, Mode::PhaseByPhase);
    assert_eq!(
        said(both("autonomous")),
        "PLAN_EXECUTION_MODE=phase-by-phase and PPE_MODE=autonomous both set mode: unset one of them or make them equal"
    );
}

#[test]
fn the_rules_of_the_project_replace_those_of_the_user() {
    let rule = |model| format!("[[agent.rule]]\nmatch = {{ title = \"docs\" }}\nmodel = \"{model}\"\n");
    let inputs = Inputs {
        user: document("config.toml", &rule("a").repeat(2)),
        project: document("ppe.toml", &rule("b")),
        ..Inputs::default()
    };
    let settings = settle(&inputs).unwrap();
    assert_eq!(settings.policy.rules.len(), 1);
    let wanted = r#"agent.rule.1 = { match = { title = "docs" }, model = "b" } (ppe.toml:1)"#;
    assert_eq!(lines(&settings).last().map(String::as_str), Some(wanted));
}

#[test]
fn dollars_are_kept_to_the_millionth() {
    let usd = |value: &str| {
        let settings = with_env(&[("PPE_BUDGET_USD", value)]).unwrap();
        let line = lines(&settings).into_iter().find(|line| line.starts_with("budget_usd = ")).unwrap();
        (settings.policy.budget.run_micro_usd, line.split(' ').nth(2).unwrap().to_owned())
    };
    assert_eq!(usd("20"), (20_000_000, "20".to_owned()));
    assert_eq!(usd("0.000001"), (1, "0.000001".to_owned()));
    assert_eq!(usd("0.30"), (300_000, "0.3".to_owned()));
    assert_eq!(usd("0"), (0, "0".to_owned()));
}

#[test]
fn a_finer_retry_limit_wins_over_the_general_one() {
    let limit = |red: Red, key: &str, text: &str, pairs: &[(&str, &str)]| {
        let inputs = Inputs { project: document("ppe.toml", text), env: env(pairs), ..Inputs::default() };
        let settings = settle(&inputs).unwrap();
        let origin = settings.origin(key).unwrap().to_string();
        (settings.policy.retries.of(Class::Verification, red), origin)
    };
    let verification =
        |text: &str, pairs: &[(&str, &str)]| limit(Red::Other, "retries.verification", text, pairs);
    let by = |n, origin: &str| (n, origin.to_owned());
    assert_eq!(verification("", &[]), by(3, "default"));
    assert_eq!(verification("", &[("MAX_TASK_RETRIES", "0")]), by(0, "environment: MAX_TASK_RETRIES"));
    let fine = "[retries]\nverification = 4\n";
    assert_eq!(verification(fine, &[("MAX_TASK_RETRIES", "0")]), by(4, "ppe.toml:2"));
    let build = ("MAX_COMPILATION_RETRIES", "1");
    assert_eq!(verification(fine, &[build]), by(4, "ppe.toml:2"));
    let builds = |pairs: &[(&str, &str)]| limit(Red::Build, "retries.build", fine, pairs);
    let tests = |pairs: &[(&str, &str)]| limit(Red::Test, "retries.test", fine, pairs);
    assert_eq!(builds(&[build]), by(1, "environment: MAX_COMPILATION_RETRIES"));
    assert_eq!(tests(&[build]), by(4, "ppe.toml:2"), "the other kind goes by the class");
    assert_eq!(tests(&[("MAX_TEST_RETRIES", "2")]), by(2, "environment: MAX_TEST_RETRIES"));
}

#[test]
fn every_key_can_be_set_by_its_own_variable() {
    for key in keys::all() {
        let settings = with_env(&[(&key.own_variable(), sample(key))]);
        let settings = settings.unwrap_or_else(|e| panic!("{}: {e}", key.path));
        let origin = Origin::Environment { variable: key.own_variable() };
        assert_eq!(settings.origin(key.path), Some(&origin), "{}", key.path);
    }
}

fn sample(key: &Key<Settings>) -> &'static str {
    match &key.kind {
        Kind::Whole { .. } | Kind::Real { .. } | Kind::Count { .. } | Kind::Dollars { .. } => "1",
        Kind::Choice { names, .. } => names[0].0,
        Kind::Switch { .. } => "on",
        Kind::Text { .. } | Kind::Command { .. } => "x",
        Kind::List { .. } => "A, B",
    }
}

const FULL: &str = r#"
[plan]
path = "docs/plan"
name = "APiGen 3.0"
source = "markdown"
tag = "v2"
[repo]
target = "develop"
[run]
order = "critical-path"
waves = "gate"
no_change = "accept"
ramp = 2
mode = "phase-by-phase"
question_timeout_min = 2
[merge]
method = "squash"
update = "merge"
approval = "wave"
[limits]
attempt_min = 3
silence_min = 9
grace_s = 4
output_mb = 5
verify_min = 6
open_changes = 8
[agent]
name = "scripted"
[agent.command]
cmd = ["my-agent", "--flag"]
env = ["MY_KEY"]
account = "acme"
[agent.scripted]
script = "script.json"
speed = 2.5
[[agent.rule]]
match = { title = "docs", priority = "high" }
model = "haiku"
[[agent.rule]]
match.id = "T-0*"
agent = "codex"
fallback = "claude"
[budget]
usd = 12.5
tokens = 5_000_000_000
task_usd = 3
task_tokens = 7
[workspace]
copy = [".env*"]
setup = ["npm ci"]
[env]
pass = ["EXTRA_*"]
[notify]
command = "notify-send ppe"
[[verify]]
name = "compile"
run = "make -j2"
kind = "build"
timeout_min = 1
[[verify]]
run = ["make", "test"]
kind = "test"
"#;

#[test]
fn a_file_says_everything() {
    let settings = with_file(FULL).unwrap();
    let policy = &settings.policy;
    assert_eq!(
        (policy.order, policy.waves, policy.no_change),
        (Order::CriticalPath, Waves::Gate, NoChange::Accept)
    );
    assert_eq!((policy.merge_method, policy.ramp, policy.open_changes), (MergeMethod::Squash, 2, 8));
    assert_eq!((policy.update, policy.approval), (Update::Merge, Approval::Wave));
    assert_eq!(
        (policy.question_timeout_ms, policy.attempt_limit_ms, policy.grace_ms),
        (120_000, 180_000, 4_000)
    );
    assert_eq!(settings.plan, {
        let (path, name) = (Some("docs/plan".to_owned()), Some("APiGen 3.0".to_owned()));
        PlanSettings { path, name, source: Some(SourceKind::Markdown), tag: Some("v2".to_owned()) }
    });
    assert_eq!((settings.target.as_deref(), policy.agent.as_str()), (Some("develop"), "scripted"));
    assert_eq!(settings.limits.output_bytes, 5 << 20);
    assert_eq!(settings.command_agent.argv, ["my-agent", "--flag"]);
    assert_eq!(settings.command_agent.account.as_deref(), Some("acme"));
    let [docs, first] = policy.rules.as_slice() else { panic!("two rules") };
    assert_eq!((docs.title.as_deref(), docs.priority), (Some("docs"), Some(Priority::High)));
    assert_eq!((docs.model.as_deref(), docs.agent.as_deref()), (Some("haiku"), None));
    assert_eq!((first.id.as_deref(), first.agent.as_deref()), (Some("T-0*"), Some("codex")));
    assert_eq!(first.fallback.as_deref(), Some("claude"));
    let Budget { run_micro_usd, run_tokens, task_micro_usd, task_tokens } = policy.budget;
    assert_eq!((run_micro_usd, run_tokens), (12_500_000, 5_000_000_000));
    assert_eq!((task_micro_usd, task_tokens), (3_000_000, 7));
    assert_eq!((policy.mode, policy.silence_ms), (Mode::PhaseByPhase, 540_000));
    assert!((settings.scripted_agent.speed - 2.5).abs() < f64::EPSILON);
    assert_eq!(
        (&settings.workspace.copy, &settings.workspace.setup),
        (&vec![".env*".into()], &vec!["npm ci".into()])
    );
    assert_eq!(settings.notify, ["sh", "-c", "notify-send ppe"]);
    let [compile, test] = settings.verify.as_slice() else { panic!("two commands") };
    assert_eq!(
        (compile.name.as_str(), compile.timeout_ms, compile.kind),
        ("compile", 60_000, CommandKind::Build)
    );
    assert_eq!(compile.run, ["sh", "-c", "make -j2"]);
    assert_eq!((test.name.as_str(), test.timeout_ms, test.kind), ("verify-2", 360_000, CommandKind::Test));
    assert_eq!(test.run, ["make", "test"]);
    assert_eq!(settings.checks(), settings.verify, "without checks the verify commands are the checks");
}

#[test]
fn the_commands_of_the_project_replace_those_of_the_user() {
    let inputs = Inputs {
        user: document("config.toml", "[[verify]]\nrun = \"a\"\n[[check]]\nrun = \"b\"\n"),
        project: document("ppe.toml", "[[verify]]\nrun = \"c\"\n"),
        ..Inputs::default()
    };
    let settings = settle(&inputs).unwrap();
    assert_eq!(settings.verify.iter().map(|c| c.run[2].as_str()).collect::<Vec<_>>(), ["c"]);
    assert_eq!(settings.checks()[0].run[2], "b");
}

#[test]
fn no_cut_of_a_file_makes_it_panic_or_point_outside() {
    for (end, _) in FULL.char_indices() {
        if let Err(error) = with_file(&FULL[..end]) {
            for problem in error.problems {
                let line = problem.line().unwrap();
                assert!((1..=FULL[..end].lines().count() + 1).contains(&line), "{problem}");
            }
        }
    }
}

#[test]
fn every_line_says_where_its_value_came_from() {
    let inputs = Inputs {
        project: document(
            "ppe.toml",
            "[plan]\npath = \"docs/plan\"\n[[verify]]\nname = \"t\"\nrun = \"make test\"\n",
        ),
        env: env(&[("MERGE_STRATEGY", "priority")]),
        flags: vec![flag("--slots", "run.slots", "5")],
        ..Inputs::default()
    };
    let lines = lines(&settle(&inputs).unwrap());
    for expected in [
        "plan_path = docs/plan (ppe.toml:2)",
        "plan_name is not set",
        "slots = 5 (--slots)",
        "wave_threshold = 0.8 (default)",
        "merge_strategy = priority (environment: MERGE_STRATEGY)",
        "retries_ci = 3 (default)",
        "workspace_copy = [] (default)",
        "verify.t = \"make test\" (ppe.toml:3)",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected:?} is missing in {lines:#?}");
    }
    let plain = settle(&Inputs::default()).unwrap();
    assert!(self::lines(&plain).contains(&"merge_strategy = independent (default)".to_owned()));
    assert_eq!(render(&plain).len(), keys::all().count(), "every key has a line");
}

#[test]
fn jobs_see_tool_chains_and_no_secrets() {
    let all = env(&[
        ("PATH", "/bin"),
        ("JAVA_HOME", "/jdk"),
        ("GRADLE_OPTS", "-q"),
        ("LC_ALL", "C"),
        ("https_proxy", "p"),
        ("CARGO_HOME", "/c"),
        ("CARGO_REGISTRY_TOKEN", "s"),
        ("NODE_AUTH_TOKEN", "s"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("GITHUB_TOKEN", "s"),
        ("SSH_AUTH_SOCK", "/s"),
        ("LD_PRELOAD", "x"),
        ("GIT_DIR", "x"),
        ("EXTRA_ONE", "1"),
        ("MY_KEY", "k"),
    ]);
    let names = |seen: BTreeMap<String, String>| seen.into_keys().collect::<Vec<_>>().join(" ");
    let usual = "CARGO_HOME GRADLE_OPTS JAVA_HOME LC_ALL PATH https_proxy";
    assert_eq!(names(settle(&Inputs::default()).unwrap().job_environment(&all)), usual);
    let settings = with_file(FULL).unwrap();
    let more = "CARGO_HOME EXTRA_ONE GRADLE_OPTS JAVA_HOME LC_ALL PATH https_proxy";
    assert_eq!(names(settings.job_environment(&all)), more);
    let agent = "CARGO_HOME EXTRA_ONE GRADLE_OPTS JAVA_HOME LC_ALL MY_KEY PATH https_proxy";
    assert_eq!(names(settings.agent_environment("command", &all)), agent);
}

#[test]
fn files_are_read_where_they_are_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (repo, home) = (dir.path().join("repo"), dir.path().join("home"));
    fs::create_dir_all(&repo).unwrap();
    fs::create_dir_all(home.join(".config/ppe")).unwrap();
    fs::write(home.join(".config/ppe/config.toml"), "[run]\nslots = 2\nramp = 1\n").unwrap();
    let home_env = env(&[("HOME", home.to_str().unwrap()), ("XDG_CONFIG_HOME", "relative")]);
    assert_eq!(load(&repo, home_env.clone(), Vec::new()).unwrap().policy.slots, 2);
    fs::write(repo.join("ppe.toml"), "[run]\nslots = 3\n").unwrap();
    let settings = load(&repo, home_env.clone(), Vec::new()).unwrap();
    assert_eq!((settings.policy.slots, settings.policy.ramp), (3, 1));
    assert_eq!(settings.origin("run.slots").unwrap().to_string(), "ppe.toml:2");
    assert_eq!(load(&repo, BTreeMap::new(), Vec::new()).unwrap().policy.ramp, 0, "no home, no user file");

    fs::remove_file(repo.join("ppe.toml")).unwrap();
    fs::create_dir(repo.join("ppe.toml")).unwrap();
    let error = said(load(&repo, home_env, Vec::new()));
    assert!(error.starts_with(&format!("cannot read {}", repo.join("ppe.toml").display())), "{error}");
}

/// Compares a generated file with what is checked in. `PPE_REWRITE=1` writes it anew instead.
#[track_caller]
fn assert_current(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    if std::env::var_os("PPE_REWRITE").is_some() {
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "docs/reference/{name} is not current: run the tests once with PPE_REWRITE=1");
}

#[test]
fn the_reference_is_current() {
    assert_current("ppe.schema.json", &schema());
    assert_current("configuration.md", &reference());
}

#[test]
fn the_schema_knows_every_key_and_its_default() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    for key in keys::all() {
        let pointer = format!("/properties/{}", key.path.replace('.', "/properties/"));
        let field = schema.pointer(&pointer).unwrap_or_else(|| panic!("{} is missing", key.path));
        assert_eq!(field["description"], key.doc);
    }
    assert_eq!(schema["properties"]["run"]["properties"]["slots"]["default"], 7);
    assert_eq!(schema["properties"]["run"]["properties"]["slots"]["maximum"], 10);
    let rule = &schema["properties"]["agent"]["properties"]["rule"]["items"];
    assert_eq!(rule["required"][0], "match");
    assert_eq!(rule["properties"]["match"]["properties"]["priority"]["enum"][2], "high");
    assert_eq!(rule["properties"]["model"]["type"], "string");
    assert_eq!(schema["properties"]["verify"]["items"]["required"][0], "run");
}

/// A repository with these files.
fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

#[test]
fn what_init_proposes_is_a_configuration_that_fits() {
    let npm = r#"{"scripts": {"build": "tsc", "test": "vitest"}}"#;
    let fixing = r#"{"scripts": {"format": "prettier --write .", "fix": "true", "test:cov": "c8"}}"#;
    let empty = r#"{"scripts": {"test": "echo \"Error: no test specified\" && exit 1"}}"#;
    type Files<'a> = &'a [(&'a str, &'a str)];
    let kinds: &[(Files<'_>, &[&str])] = &[
        (&[("Cargo.toml", "")], &["cargo build", "cargo test"]),
        (&[("gradlew", "")], &["./gradlew assemble", "./gradlew test"]),
        (&[("Cargo.toml", "[workspace]\n"), ("rustfmt.toml", ""), ("Makefile", "x:\n\tcargo llvm-cov\n")], {
            &[
                "cargo fmt",
                "cargo build {modules:-p %s|--workspace}",
                "cargo test {modules:-p %s|--workspace}",
                "cargo llvm-cov --lcov --output-path target/lcov.info",
            ]
        }),
        (
            &[
                ("gradlew", ""),
                ("settings.gradle", "include 'a'\n"),
                ("a/build.gradle", "plugins { id 'jacoco' }"),
                ("build.gradle", "plugins { id 'com.diffplug.spotless' }"),
            ],
            &[
                "./gradlew spotlessApply",
                "./gradlew {modules:%s:assemble|assemble}",
                "./gradlew {modules:%s:test|test}",
                "./gradlew {modules:%s:jacocoTestReport|jacocoTestReport}",
            ],
        ),
        (&[("gradlew", ""), ("settings.gradle", "includeBuild 'x'\n")], {
            &["./gradlew assemble", "./gradlew test"]
        }),
        (&[("pom.xml", "<modules>spotless-maven-plugin jacoco-maven-plugin")], {
            &[
                "mvn -B spotless:apply",
                "mvn -B test-compile {modules:-pl %s -am}",
                "mvn -B test {modules:-pl %s -am}",
                "mvn -B jacoco:report {modules:-pl %s -am}",
            ]
        }),
        (&[("package.json", fixing)], &["npm run format", "npm run test:cov"]),
        (&[("pyproject.toml", "[tool.ruff]\n[tool.black]\nx = ['pytest-cov']")], {
            &[
                "python -m ruff check --fix .",
                "python -m black .",
                "python -m pytest",
                "python -m pytest --cov --cov-report=xml",
            ]
        }),
        (&[("pom.xml", "")], &["mvn -B test-compile", "mvn -B test"]),
        (&[("pom.xml", ""), ("mvnw", "")], &["./mvnw -B test-compile", "./mvnw -B test"]),
        (&[("package.json", npm)], &["npm run build", "npm run test"]),
        (&[("package.json", npm), ("pnpm-lock.yaml", "")], &["pnpm run build", "pnpm run test"]),
        (&[("package.json", empty)], &[]),
        (&[("pyproject.toml", "[tool.pytest.ini_options]")], &["python -m pytest"]),
        (&[("pyproject.toml", "dev = ['pytest']"), ("uv.lock", "")], &["uv run pytest"]),
        (&[("go.mod", "")], &["go fmt ./...", "go build ./...", "go test ./..."]),
        (&[("Makefile", "all:\n\ntest: all\n")], &["make test"]),
        (&[("Makefile", "test:\n"), ("go.mod", "")], &["go fmt ./...", "go build ./...", "go test ./..."]),
        (&[("Cargo.toml", ""), ("package.json", npm)], {
            &["cargo build", "cargo test", "npm run build", "npm run test"]
        }),
        (&[], &[]),
    ];
    for (files, commands) in kinds {
        let dir = repository(files);
        let text = propose(&survey(dir.path(), "main", Vec::new(), |_| true));
        let settings = with_file(&text).unwrap_or_else(|e| panic!("{files:?}: {e}\n{text}"));
        assert_eq!(
            settings.verify.iter().map(|c| c.run[2].as_str()).collect::<Vec<_>>(),
            *commands,
            "{files:?}"
        );
        assert_eq!((settings.target.as_deref(), settings.policy.slots), (Some("main"), 7));
        assert!(text.contains("Start with 5 to 7"));
    }
}

#[test]
fn init_finds_the_plan_and_the_files_that_nobody_commits() {
    let dir = repository(&[
        ("package.json", "{}"),
        ("package-lock.json", "{}"),
        (".env", ""),
        (".env.example", ""),
        (".env.local", ""),
        ("local.properties", ""),
    ]);
    let plan = |kind, path: &str| FoundPlan { kind, path: path.to_owned() };
    let plans = vec![plan(SourceKind::Markdown, "docs/my \"plan\"")];
    let facts = survey(dir.path(), "release/\"2\"", plans, |path| path != ".env.example");
    let settings = with_file(&propose(&facts)).unwrap();
    assert_eq!(settings.plan.path.as_deref(), Some("docs/my \"plan\""));
    assert_eq!(settings.target.as_deref(), Some("release/\"2\""));
    assert_eq!(settings.workspace.copy, [".env", ".env.local", "local.properties"]);
    assert_eq!(settings.workspace.setup, ["npm ci"]);
}

#[test]
fn init_proposes_the_board_that_agents_are_given_and_names_what_it_needs_without_its_secrets() {
    let proposed = |server: &str| {
        let dir = repository(&[(".mcp.json", &format!(r#"{{"mcpServers": {{"vibe-kanban": {server}}}}}"#))]);
        let text = propose(&survey(dir.path(), "main", Vec::new(), |_| false));
        (with_file(&text).unwrap_or_else(|error| panic!("{error}\n{text}")).board, text)
    };
    let env = r#"{"command": "npx", "args": ["vibe", "--mcp"],
        "env": {"BACKEND_PORT": "9", "BOARD_KEY": "hush", "a\n[board]": "x"}}"#;
    let (board, text) = proposed(env);
    assert_eq!(board.server, ["npx", "vibe", "--mcp"]);
    assert!(text.contains("variables there: BACKEND_PORT, BOARD_KEY.") && !text.contains("hush"), "{text}");
    let http = r#"{"url": "http://127.0.0.1:9/mcp", "headers": {"Authorization": "Bearer hush"}}"#;
    let (board, text) = proposed(http);
    assert_eq!(board.url.as_deref(), Some("http://127.0.0.1:9/mcp"));
    assert!(text.contains("headers there: Authorization.") && text.contains("# token_file"), "{text}");
    assert!(!text.contains("hush") && !text.contains("variables"), "{text}");
}

#[test]
fn init_names_a_plan_of_another_program_and_leaves_a_choice_to_the_user() {
    let plan = |kind, path: &str| FoundPlan { kind, path: path.to_owned() };
    let beads = plan(SourceKind::Beads, ".beads/issues.jsonl");
    let settled =
        |plans| with_file(&propose(&Facts { target: "main".to_owned(), plans, ..Facts::default() }));
    let settings = settled(vec![beads.clone()]).unwrap();
    assert_eq!(settings.plan.path.as_deref(), Some(".beads/issues.jsonl"));
    assert_eq!(settings.plan.source, Some(SourceKind::Beads));
    let several = settled(vec![beads, plan(SourceKind::Markdown, "plan")]).unwrap();
    assert_eq!(several.plan, PlanSettings::default());
}
