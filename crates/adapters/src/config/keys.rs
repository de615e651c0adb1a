//! The table of keys. What is read, refused, suggested, printed and documented is derived from it.
//!
//! Does not know where values come from, nor the defaults: those are in `defaults.toml`.

use super::agent_keys::{AGENT_KEYS, NATIVE_KEYS};
use super::board_keys::BOARD_KEYS;
use super::forge_keys::FORGE_KEYS;
use super::key::{
    Key, Kind, YEAR_MIN, choice, command, count, dollars, key, list, mebibytes, minutes, real, retries,
    seconds, text, whole,
};
use super::merge_keys::MERGE_KEYS;
use super::settings::{CommandKind, Daemons, Draft, Settings, Weight};
use ppe_core::policy::{Attribution, Changes, MAX_SLOTS, Mode, NoChange, Order, StartOn, Waves};
use ppe_engine::ports::SourceKind;

/// The sections with their meaning, in the order in which they are shown.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("plan", "The plan that is run."),
    ("repo", "The repository."),
    ("run", "How many agents work at once, and in which order."),
    ("merge", "How changes get into the target branch."),
    ("forge", "Where changes are reviewed, checked and landed."),
    ("retries", "Further attempts after a first failure."),
    ("limits", "Bounds on time, output, disk and open changes."),
    (
        "budget",
        "What may be spent. Nothing new starts once it is; what is at work ends, and is kept. 0 is no limit.",
    ),
    ("agent", "Who does the work."),
    ("agent.claude", "The agent `claude`: Claude Code."),
    ("agent.codex", "The agent `codex`: Codex."),
    ("agent.opencode", "The agent `opencode`."),
    ("agent.gemini", "The agent `gemini`: Gemini CLI."),
    ("agent.acp", "The agent `acp`: any program that speaks the Agent Client Protocol."),
    ("agent.command", "The agent `command`: any program that reads a prompt on its standard input."),
    ("agent.scripted", "The agent `scripted`: plays a script, for trials without a model."),
    ("workspace", "What a task's private clone holds besides the commit."),
    ("env", "Which variables of the environment agents, verify and check commands see."),
    (
        "review",
        "An agent that looks at verified work before it becomes a pull request. Either key turns it on.",
    ),
    ("changes", "Pull requests."),
    ("report", "Progress lines and the final summary."),
    ("notify", "Being told when something needs you."),
    ("board", "The kanban board that mirrors the tasks: a server, an address or a file."),
];

/// The sections that may be written many times, `[[verify]]`, with their meaning.
pub(super) const COMMAND_SECTIONS: &[(&str, &str)] = &[
    ("verify", "Commands that must succeed in the workspace before a task's work becomes a change."),
    (
        "check",
        "Commands that judge a change, merged with the target's tip, before it lands. Without any, the verify commands are run. On GitHub its CI follows.",
    ),
];

/// Keys of `[[verify]]` and `[[check]]`.
pub(super) static COMMAND_KEYS: &[Key<Draft>] = &[
    key(
        "name",
        text(|c, t| c.name = Some(t)),
        &[],
        "The name that is shown; its section and number by default.",
    ),
    key(
        "run",
        command(|c, argv| c.run = argv),
        &[],
        "The command. A text is given to `sh -c`. `{module}` and `{modules}` are what the work concerns, see below.",
    ),
    key(
        "timeout_min",
        whole(0, YEAR_MIN, |c, n| c.timeout_ms = Some(minutes(n))),
        &[],
        "Minutes it may take; 0 is for ever. `limits.verify_min` by default.",
    ),
    key(
        "kind",
        choice(&[
            ("fix", |c| c.kind = CommandKind::Fix),
            ("build", |c| c.kind = CommandKind::Build),
            ("test", |c| c.kind = CommandKind::Test),
            ("coverage", |c| c.kind = CommandKind::Coverage),
            ("other", |c| c.kind = CommandKind::Other),
        ]),
        &[],
        "What it does: builds and tests have retries of their own, the rest is told below. `other` by default.",
    ),
    key(
        "heavy",
        Kind::Switch { on: |c| c.weight = Some(Weight::Heavy), off: |c| c.weight = Some(Weight::Light) },
        &[],
        "Whether it takes one of `limits.heavy` slots. By default on where Gradle, Maven, Cargo, Bazel or sbt is called.",
    ),
];

/// More tokens than anyone means.
const MOST_TOKENS: u64 = 1_000_000_000_000_000;

/// The keys that are of one kind only.
static PLAIN_KEYS: &[Key<Settings>] = &[
    key(
        "plan.path",
        text(|s, t| s.plan.path = Some(t)),
        &[],
        "Folder or file of the plan, seen from the repository.",
    ),
    key(
        "plan.name",
        text(|s, t| s.plan.name = Some(t)),
        &[],
        "The plan's name on screens, instead of its own.",
    ),
    key(
        "plan.source",
        choice(&[
            ("auto", |s| s.plan.source = None),
            ("markdown", |s| s.plan.source = Some(SourceKind::Markdown)),
            ("backlog", |s| s.plan.source = Some(SourceKind::Backlog)),
            ("task-master", |s| s.plan.source = Some(SourceKind::TaskMaster)),
            ("spec-kit", |s| s.plan.source = Some(SourceKind::SpecKit)),
            ("beads", |s| s.plan.source = Some(SourceKind::Beads)),
            ("compozy", |s| s.plan.source = Some(SourceKind::Compozy)),
            ("ccpm", |s| s.plan.source = Some(SourceKind::Ccpm)),
            ("github", |s| s.plan.source = Some(SourceKind::GitHub)),
            ("board", |s| s.plan.source = Some(SourceKind::Board)),
        ]),
        &[],
        "What the plan is written in. By default that is found out, but for `github` and `board`, which are asked only by name.",
    ),
    key(
        "plan.tag",
        text(|s, t| s.plan.tag = Some(t)),
        &[],
        "The tag whose tasks are read, where Task Master keeps several; the label of the issues that are, on GitHub.",
    ),
    key("repo.target", text(|s, t| s.target = Some(t)), &[], "The branch that changes land on."),
    key(
        "run.slots",
        Kind::Whole { min: 1, max: MAX_SLOTS, note: " on one machine", set: |s, n| s.policy.slots = n },
        &["MAX_PARALLEL_TASKS", "MAX_CONCURRENT_TASKS"],
        "Agents at work at once. Start with 5 to 7. `PLAN_EXECUTION_MODE=sequential` makes it 1.",
    ),
    key(
        "run.wave_threshold",
        real(1.0, |s, x| s.policy.wave_threshold = x),
        &["WAVE_THRESHOLD", "WAVE_COMPLETION_THRESHOLD"],
        "Share of a wave that has closed when workspaces of the next are made ready. It holds no task back.",
    ),
    key(
        "run.order",
        choice(&[
            ("priority", |s| s.policy.order = Order::Priority),
            ("critical-path", |s| s.policy.order = Order::CriticalPath),
            ("plan", |s| s.policy.order = Order::Plan),
        ]),
        &[],
        "Which ready task starts first: by priority then longest path, by longest path first, or by priority then id.",
    ),
    key(
        "run.waves",
        choice(&[
            ("free", |s| s.policy.waves = Waves::Free),
            ("gate", |s| s.policy.waves = Waves::Gate),
            ("ask", |s| s.policy.waves = Waves::Ask),
        ]),
        &[],
        "Whether a wave waits for the one before: never, until its threshold, or until you say so.",
    ),
    key(
        "run.start_on",
        choice(&[
            ("landed", |s| s.policy.start_on = StartOn::Landed),
            ("checks-green", |s| s.policy.start_on = StartOn::ChecksGreen),
        ]),
        &[],
        "When a task starts: once all it depends on has landed, or once that stands as changes with green checks, stacked on them. It lands after them either way.",
    ),
    key(
        "run.no_change",
        choice(&[
            ("ask", |s| s.policy.no_change = NoChange::Ask),
            ("accept", |s| s.policy.no_change = NoChange::Accept),
        ]),
        &[],
        "What happens when an agent says that nothing needs to change and verification is green.",
    ),
    key(
        "run.mode",
        choice(&[
            ("autonomous", |s| s.policy.mode = Mode::Autonomous),
            ("commit-by-commit", |s| s.policy.mode = Mode::CommitByCommit),
            ("phase-by-phase", |s| s.policy.mode = Mode::PhaseByPhase),
        ]),
        &[],
        "How much of a task an agent does before you are asked. `PLAN_EXECUTION_MODE` takes these words as well.",
    ),
    key(
        "run.stagger_ms",
        whole(0, 600_000, |s, n| s.policy.stagger_ms = u64::from(n)),
        &[],
        "Pause between two starts, in milliseconds.",
    ),
    key(
        "run.ramp",
        whole(0, MAX_SLOTS, |s, n| s.policy.ramp = n),
        &[],
        "Tasks that may start before the first one has landed; 0 is all.",
    ),
    key(
        "run.dashboard_refresh_s",
        whole(1, 3_600, |s, n| s.dashboard_refresh_ms = seconds(n)),
        &["DASHBOARD_REFRESH"],
        "Seconds between two looks at board and forge, and between plain progress lines.",
    ),
    key(
        "run.question_timeout_min",
        whole(0, YEAR_MIN, |s, n| s.policy.question_timeout_ms = minutes(n)),
        &[],
        "Minutes until a question nobody answers is answered by its default; 0 is for ever.",
    ),
    key(
        "retries.tasks",
        retries(|s, n| s.retries.tasks = n),
        &["MAX_TASK_RETRIES"],
        "For every class without its own.",
    ),
    key(
        "retries.execution",
        retries(|s, n| s.retries.execution = Some(n)),
        &[],
        "When an agent fails or makes nothing.",
    ),
    key(
        "retries.verification",
        retries(|s, n| s.retries.verification = Some(n)),
        &[],
        "When a verify command fails; each kind is counted by itself.",
    ),
    key(
        "retries.build",
        retries(|s, n| s.retries.build = Some(n)),
        &["MAX_COMPILATION_RETRIES"],
        "When a verify command of kind `build` fails; without it, as `verification`. Builds are counted by themselves.",
    ),
    key(
        "retries.test",
        retries(|s, n| s.retries.test = Some(n)),
        &["MAX_TEST_RETRIES"],
        "When a verify command of kind `test` fails; without it, as `verification`. Tests are counted by themselves.",
    ),
    key(
        "retries.ci",
        retries(|s, n| s.retries.ci = Some(n)),
        &["MAX_CI_RETRIES"],
        "When a check on a change fails.",
    ),
    key(
        "retries.conflict",
        retries(|s, n| s.retries.conflict = Some(n)),
        &[],
        "When a change does not merge.",
    ),
    key(
        "retries.backoff_ms",
        whole(0, 3_600_000, |s, n| s.policy.backoff_ms = u64::from(n)),
        &[],
        "Milliseconds before a retry; doubled each time, five times at most.",
    ),
    key(
        "limits.attempt_min",
        whole(0, YEAR_MIN, |s, n| s.policy.attempt_limit_ms = minutes(n)),
        &[],
        "Minutes one attempt of an agent may take; 0 is no limit.",
    ),
    key(
        "limits.silence_min",
        whole(0, YEAR_MIN, |s, n| s.policy.silence_ms = minutes(n)),
        &[],
        "Minutes an agent may say and commit nothing before you are asked about it; 0 is for ever.",
    ),
    key(
        "limits.stuck_after_min",
        whole(0, YEAR_MIN, |s, n| s.policy.stuck_after_ms = minutes(n)),
        &[],
        "Minutes without any move before you are told what a task waits for; work itself has four times that. 0 is never.",
    ),
    key(
        "limits.verify_min",
        whole(0, YEAR_MIN, |s, n| s.limits.verify_ms = minutes(n)),
        &[],
        "Minutes a verify or check command may take that names no limit; 0 is no limit.",
    ),
    key(
        "limits.grace_s",
        whole(0, 3_600, |s, n| s.policy.grace_ms = seconds(n)),
        &[],
        "Seconds an agent has to end after it was asked to.",
    ),
    key(
        "limits.output_mb",
        whole(1, 1_000_000, |s, n| s.limits.output_bytes = mebibytes(n)),
        &[],
        "Output kept of one job, in MiB.",
    ),
    key(
        "limits.disk_floor_mb",
        whole(0, 100_000_000, |s, n| s.limits.disk_floor_bytes = mebibytes(n)),
        &[],
        "Free disk space below which nothing new starts, in MiB.",
    ),
    key(
        "limits.memory_floor_mb",
        whole(0, 100_000_000, |s, n| s.limits.memory_floor_bytes = mebibytes(n)),
        &[],
        "Available memory below which nothing new starts, in MiB.",
    ),
    key(
        "limits.heavy",
        whole(0, 1_000, |s, n| s.limits.heavy = n),
        &[],
        "Heavy commands that run at once, over all your runs on this machine; 0 is one for every four processors.",
    ),
    key(
        "limits.open_changes",
        whole(0, 10_000, |s, n| s.policy.open_changes = n),
        &[],
        "Changes that wait for a person above which nothing new starts; 0 is no limit.",
    ),
    key(
        "budget.usd",
        dollars(1_000_000, |s, n| s.policy.budget.run_micro_usd = n),
        &[],
        "US dollars for the whole run.",
    ),
    key(
        "budget.tokens",
        count(MOST_TOKENS, |s, n| s.policy.budget.run_tokens = n),
        &[],
        "Tokens for the whole run.",
    ),
    key(
        "budget.task_usd",
        dollars(1_000_000, |s, n| s.policy.budget.task_micro_usd = n),
        &[],
        "US dollars for one task, over all its attempts.",
    ),
    key(
        "budget.task_tokens",
        count(MOST_TOKENS, |s, n| s.policy.budget.task_tokens = n),
        &[],
        "Tokens for one task, over all its attempts.",
    ),
    key(
        "workspace.copy",
        list(|s, l| s.workspace.copy = l),
        &[],
        "Git-ignored files that are copied into every workspace, as patterns; they never get into a commit.",
    ),
    key(
        "workspace.setup",
        list(|s, l| s.workspace.setup = l),
        &[],
        "Shell commands that run once in a new workspace, in this order.",
    ),
    key(
        "workspace.daemons",
        choice(&[
            ("own", |s| s.workspace.daemons = Daemons::Own),
            ("shared", |s| s.workspace.daemons = Daemons::Shared),
        ]),
        &[],
        "Whose Gradle daemons a workspace uses: its own, which no other build stops, or those of your home.",
    ),
    key(
        "env.base",
        list(|s, l| s.env.base = l),
        &[],
        "The usual variables of systems and tool chains. Write it only to narrow them.",
    ),
    key(
        "env.pass",
        list(|s, l| s.env.pass = l),
        &[],
        "Further variables. `*` stands for any text, `!` before a pattern takes away; the last match holds.",
    ),
    key(
        "review.agent",
        text(|s, t| s.reviewer.agent = Some(t)),
        &[],
        "The agent that reviews; `agent.name` by default. What it finds goes back to the task's agent once, at no cost of a try.",
    ),
    key(
        "review.model",
        text(|s, t| s.reviewer.model = Some(t)),
        &[],
        "Its model; by default the one that this agent has.",
    ),
    key(
        "changes.open",
        Kind::Switch { on: |s| s.policy.changes = Changes::Open, off: |s| s.policy.changes = Changes::Off },
        &["AUTO_CREATE_PR"],
        "Whether finished work becomes a pull request. Off: branches are published and landings only observed.",
    ),
    key(
        "changes.attribution",
        choice(&[
            ("forbid", |s| s.policy.attribution = Attribution::Forbid),
            ("allow", |s| s.policy.attribution = Attribution::Allow),
        ]),
        &[],
        "Whether commits and added lines may name an AI as their author. `forbid`: the agent is asked once, then it is taken out.",
    ),
    key(
        "changes.attribution_patterns",
        list(|s, l| s.attribution_patterns = l),
        &[],
        "Further texts that count as naming an AI, wherever they stand in a line and whatever their case.",
    ),
    key(
        "report.every_commits",
        whole(1, 10_000, |s, n| s.policy.report_every_commits = n),
        &["REPORT_EVERY_N_COMMITS"],
        "A progress line every this many commits of a task.",
    ),
    key(
        "report.next_steps",
        list(|s, l| s.next_steps = l),
        &[],
        "The last lines of the summary. `{plan}` is the plan's name.",
    ),
    key(
        "notify.command",
        command(|s, argv| s.notify = argv),
        &[],
        "A program that is run when something needs you, and at the end; it gets one line of JSON on its standard input: `kind`, `run`, `task`, `text`, `at_ms`.",
    ),
];

/// Every key that stands once.
pub(super) fn all() -> impl Iterator<Item = &'static Key<Settings>> {
    PLAIN_KEYS
        .iter()
        .chain(MERGE_KEYS)
        .chain(FORGE_KEYS)
        .chain(BOARD_KEYS)
        .chain(AGENT_KEYS)
        .chain(NATIVE_KEYS.iter().flat_map(|group| group.iter()))
}

/// The key with this `section.name`.
pub(super) fn find(path: &str) -> Option<&'static Key<Settings>> {
    all().find(|key| key.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_keys_share_a_name() {
        let mut names = BTreeSet::new();
        for key in all() {
            let all = [key.label(), key.own_variable()].into_iter();
            for name in all.chain(key.variables.iter().map(|v| (*v).to_owned())) {
                assert!(names.insert(name.clone()), "{name} names two keys");
            }
        }
    }

    #[test]
    fn every_key_stands_in_a_section_that_is_explained() {
        for key in all() {
            let section = key.path.rsplit_once('.').unwrap().0;
            assert!(SECTIONS.iter().any(|(name, _)| *name == section), "[{section}] has no meaning written");
        }
    }
}
