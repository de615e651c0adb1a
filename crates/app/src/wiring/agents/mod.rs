//! The agents a plan would use: each there, of a version that works, logged in as far as can be told, and with what of
//! the user's own will act beside ours.
//!
//! No request is made and nothing is written. Whether the work itself will go well is not known here.

mod login;
mod own;
mod probe;

use super::Site;
use super::check::{Check, bad, good, warning};
use super::launch::agent_settings;
use ppe_adapters::config::{Home, NativeAgent, Permissions};
use ppe_adapters::executor::drivers::{Driver, UnknownAgent};
use ppe_core::ids::TaskId;
use ppe_core::plan::Plan;
use ppe_core::state::Assignment;
use std::collections::{BTreeMap, BTreeSet};

/// What every check of this kind is called.
const NAME: &str = "agent";

/// How closely agents are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// What decides whether a run can start. No program is run.
    Start,
    /// Everything; programs are asked for their version.
    Everything,
}

/// Who is named where.
#[derive(Debug, Default)]
struct Uses {
    /// The tasks whose work it does, if all goes well.
    tasks: BTreeMap<String, Vec<TaskId>>,
    /// Other places that name it.
    places: BTreeMap<String, BTreeSet<String>>,
}

impl Uses {
    fn of(site: &Site, plan: Option<&Plan>) -> Self {
        let (settings, mut uses) = (&site.settings, Self::default());
        let policy = &settings.policy;
        uses.place(&policy.agent, "agent.name".to_owned());
        for (rule, origin) in policy.rules.iter().zip(&settings.rule_origins) {
            for name in [&rule.agent, &rule.fallback].into_iter().flatten() {
                uses.place(name, format!("the rule at {origin}"));
            }
        }
        if let Some(reviewer) = &policy.review {
            uses.place(&reviewer.agent, "review.agent".to_owned());
        }
        let mut at_work: BTreeSet<String> = BTreeSet::from([policy.agent.clone()]);
        at_work.extend(policy.rules.iter().filter_map(|rule| rule.agent.clone()));
        for task in plan.map_or(&[][..], |plan| &plan.tasks) {
            let who = Assignment::of(policy, &task.spec, task.spec.priority);
            at_work.insert(who.agent.clone());
            uses.tasks.entry(who.agent).or_default().push(task.spec.id.value.clone());
        }
        for agent in at_work {
            if let Some(other) = policy.agents.get(&agent).and_then(|known| known.fallback.as_ref()) {
                uses.place(other, format!("the fallback of {agent}"));
            }
        }
        uses
    }

    fn place(&mut self, agent: &str, place: String) {
        self.places.entry(agent.to_owned()).or_default().insert(place);
    }

    fn names(&self) -> BTreeSet<&String> {
        self.tasks.keys().chain(self.places.keys()).collect()
    }

    /// Where it is named: its tasks first.
    fn shown(&self, agent: &str) -> String {
        let tasks = self.tasks.get(agent).map(|ids| ppe_core::wording::list(ids));
        tasks
            .into_iter()
            .chain(self.places.get(agent).into_iter().flatten().cloned())
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Looks at every agent that the plan, the rules or the settings name.
pub(super) fn checks(site: &Site, plan: Option<&Plan>, depth: Depth) -> Vec<Check> {
    let uses = Uses::of(site, plan);
    let mut checks = Vec::new();
    for name in uses.names() {
        let found = one(site, name, depth, &uses);
        // What no task of this plan needs does not keep it from being run, unless it is a name that nobody has.
        let needed = plan.is_none() || uses.tasks.contains_key(name) || no_such(site, name);
        checks.extend(found.into_iter().map(|check| if needed { check } else { check.softened() }));
    }
    if depth == Depth::Everything {
        checks.extend(own::instructions(&site.repo.root));
    }
    checks
}

fn no_such(site: &Site, name: &str) -> bool {
    matches!(Driver::by_name(name, &agent_settings(site)), Err(UnknownAgent::Name { .. }))
}

fn one(site: &Site, name: &str, depth: Depth, uses: &Uses) -> Vec<Check> {
    let settings = &site.settings;
    let rehearse = "[agent] name = \"scripted\" rehearses; [agent.command] cmd = [\"…\"] runs any program";
    if let Err(unknown) = Driver::by_name(name, &agent_settings(site)) {
        return vec![bad(NAME, format!("{unknown} (named by {})", uses.shown(name)), rehearse)];
    }
    match name {
        "scripted" => vec![good(NAME, "scripted: built in")],
        "command" => vec![program(site, name, settings.command_agent.argv.first(), rehearse)],
        "acp" => vec![program(
            site,
            name,
            settings.acp_agent.argv.first(),
            "set agent.acp.cmd to a program that is there",
        )],
        "claude" => native(site, name, &settings.agents.claude, depth),
        "codex" => native(site, name, &settings.agents.codex, depth),
        "opencode" => native(site, name, &settings.agents.opencode, depth),
        "gemini" => native(site, name, &settings.agents.gemini, depth),
        other => vec![good(NAME, other)],
    }
}

/// Whether the program of an agent of the user's making is there.
fn program(site: &Site, agent: &str, program: Option<&String>, hint: &str) -> Check {
    let program = program.map_or("", String::as_str);
    match probe::find(program, &site.repo.root, &site.settings.agent_environment(agent, &site.env)) {
        Some(found) => good(NAME, format!("{agent}: {}", found.display())),
        None => bad(NAME, format!("{agent}: there is no program `{program}`"), hint),
    }
}

/// Everything about an agent that is a program of its own kind.
fn native(site: &Site, name: &str, agent: &NativeAgent, depth: Depth) -> Vec<Check> {
    let env = site.settings.agent_environment(name, &site.env);
    let Some(found) = probe::find(&agent.program, &site.repo.root, &env) else {
        let text = format!("{name}: there is no program `{}`", agent.program);
        return vec![bad(NAME, text, probe::how_to_install(name))];
    };
    let mut checks = Vec::new();
    let mut text = format!("{name}: {}", found.display());
    if depth == Depth::Everything {
        match probe::version(&found, &env) {
            Ok(version) => {
                text = format!("{text}, {version}");
                checks.extend(
                    probe::known_bad(name, &version)
                        .map(|(why, hint)| warning(NAME, format!("{name} {version}: {why}"), hint)),
                );
            }
            Err(why) => checks.push(warning(
                NAME,
                format!("{name}: its version cannot be told: {why}"),
                format!(
                    "`{} --version` must work in the environment of agents; `ppe config` shows it",
                    agent.program
                ),
            )),
        }
    }
    match login::of(name, agent.home, &env, &site.env) {
        login::Login::Found(by) => text = format!("{text}, login: {by}"),
        login::Login::Missing { why, hint } => checks.push(warning(NAME, format!("{name}: {why}"), hint)),
    }
    checks.insert(0, good(NAME, text));
    if name == "claude" {
        checks.extend(root(agent, &env));
        checks.extend(own::of_claude(&site.repo.root, agent, &env, depth));
    }
    checks
}

/// Claude Code does not give up its checks for root, unless it is told that a sandbox is around it.
fn root(agent: &NativeAgent, env: &BTreeMap<String, String>) -> Option<Check> {
    let is_root = nix::unistd::geteuid().is_root();
    let refuses =
        is_root && agent.permissions == Permissions::All && env.get("IS_SANDBOX").is_none_or(|v| v != "1");
    refuses.then(|| {
        bad(
            NAME,
            "claude: as root it refuses to start with permissions = \"all\"",
            "run as another user, or set agent.claude.permissions = \"edits\"; in a real sandbox, and only there, set \
             IS_SANDBOX=1 and add it to agent.claude.env",
        )
    })
}

/// Whether the user's own folder is the agent's.
fn is_users(home: Home) -> bool {
    match home {
        Home::User => true,
        Home::Private => false,
    }
}
