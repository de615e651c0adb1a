//! The pre-flight: everything that is looked at before anything is made. `ppe doctor` is this and nothing else.

use super::agents::{self, Depth};
use super::check::{Check, CheckLevel, bad, good, warning};
use super::found::Found;
use super::launch::LocalPorts;
use super::plans::find_plan;
use super::reading::read_plan;
use super::runs::{RunLock, latest};
use super::site::Site;
use crate::error::AppError;
use ppe_adapters::config::ForgeKind;
use ppe_adapters::git::lane;
use ppe_adapters::log::digest;
use ppe_adapters::state_dir::RunDir;
use ppe_core::event::Before;
use ppe_core::ids::{Branch, CommitId, RunId, TaskId, TreeId};
use ppe_core::input::Trouble;
use ppe_core::outcome::Verdict;
use ppe_core::plan::{Checked, Plan};
use ppe_core::state::{Closure, Subject};
use ppe_core::wording::counted;
use ppe_engine::ports::{CheckJob, CiSpec, Executor, Forge, Ports};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What the pre-flight found.
pub(crate) struct Preflight {
    /// Everything that was looked at.
    pub(crate) checks: Vec<Check>,
    /// The target.
    pub(crate) target: Branch,
    /// Its tip.
    pub(crate) tip: CommitId,
    /// The tip's tree.
    pub(crate) tree: TreeId,
    /// Tasks that were done before.
    pub(crate) before: Vec<Before>,
    /// The user's own template of prompts.
    pub(crate) prompt: Option<String>,
}

impl Preflight {
    /// The first thing that stops a start, as an error.
    pub(crate) fn stop(&self) -> Option<AppError> {
        let bad: Vec<_> = self.checks.iter().filter(|c| c.level == CheckLevel::Bad).collect();
        bad.first()?;
        let message =
            bad.iter().map(|c| format!("{}: {}", c.name, c.text)).collect::<Vec<_>>().join("\nerror: ");
        let mut error = AppError::environment(message);
        let mut hints: Vec<_> = bad.iter().filter_map(|c| c.hint.as_ref()).collect();
        hints.dedup();
        for hint in hints {
            error = error.hint(hint);
        }
        Some(error)
    }
}

/// Looks at everything that costs nothing. Makes nothing.
pub(crate) fn preflight(
    site: &Site,
    plan: Option<&Plan>,
    done: &BTreeSet<TaskId>,
    again: &BTreeSet<TaskId>,
) -> Result<Preflight, AppError> {
    look(site, plan, (done, again), Depth::Start)
}

fn look(
    site: &Site,
    plan: Option<&Plan>,
    (done, again): (&BTreeSet<TaskId>, &BTreeSet<TaskId>),
    depth: Depth,
) -> Result<Preflight, AppError> {
    let target = site.target()?;
    let tip = lane::tip(&site.repo, &target)?;
    let tree = lane::tree_of(&site.repo, &tip)?;
    let mut checks = vec![
        git_version(site),
        good("repository", format!("{}", site.repo.root.display())),
        identity(site)?,
        target_check(site, &target, &tip)?,
        disk(site)?,
    ];
    checks.extend(agents::checks(site, plan, depth));
    let (prompt, said) = super::prompt::look(site);
    checks.extend(said);
    checks.extend(judges(site));
    checks.extend(super::forge::checks(site, &target));
    checks.extend(checkout(site, &target)?);
    let before = match plan {
        Some(plan) => before(site, plan, &tip, done, again)?,
        None => Vec::new(),
    };
    if !before.is_empty() {
        let ids: Vec<_> = before.iter().map(|b| b.task.clone()).collect();
        checks.push(warning(
            "done before",
            format!("{} are done: {}", ids.len(), ppe_core::wording::list(&ids)),
            "`--again ID` does one of them anew",
        ));
    }
    Ok(Preflight { checks, target, tip, tree, before, prompt })
}

fn git_version(site: &Site) -> Check {
    match site.repo.git.version() {
        Ok((major, minor)) => good("git", format!("{major}.{minor}")),
        Err(error) => bad("git", error.to_string(), "install git 2.39 or newer"),
    }
}

fn identity(site: &Site) -> Result<Check, AppError> {
    Ok(match site.repo.identity()? {
        Some(who) => good("identity", format!("{} <{}>", who.name, who.email)),
        None => bad(
            "identity",
            "git does not know who commits are by",
            "git config user.name \"…\" and git config user.email \"…\"",
        ),
    })
}

fn target_check(site: &Site, target: &Branch, tip: &CommitId) -> Result<Check, AppError> {
    let at = format!("{target} at {}", ppe_core::wording::short(tip));
    Ok(match site.repo.lag(target)? {
        Some(lag) if lag.behind > 0 => warning(
            "target",
            format!("{at}, {} commits behind {}", lag.behind, lag.upstream),
            format!("bring it up to date first: git fetch, then git merge --ff-only {}", lag.upstream),
        ),
        Some(_) | None => good("target", at),
    })
}

fn disk(site: &Site) -> Result<Check, AppError> {
    let folder = site.state.folder();
    let there = folder.ancestors().find(|p| p.exists()).unwrap_or(folder);
    let stat = nix::sys::statvfs::statvfs(there).map_err(std::io::Error::from)?;
    let free = stat.blocks_available() * stat.fragment_size();
    let floor = site.settings.limits.disk_floor_bytes;
    let text = format!("{} MiB free for workspaces in {}", free >> 20, folder.display());
    Ok(if free < floor {
        let hint =
            format!("free some, lower limits.disk_floor_mb ({} MiB), or set PPE_STATE_DIR", floor >> 20);
        bad("disk", text, hint)
    } else {
        good("disk", text)
    })
}

fn judges(site: &Site) -> Vec<Check> {
    let names = |commands: &[ppe_adapters::config::Command]| {
        commands.iter().map(|c| c.name.clone()).collect::<Vec<_>>().join(", ")
    };
    if site.settings.verify.is_empty() && site.settings.checks().is_empty() {
        return vec![warning(
            "verify",
            "no command judges the work: whatever agents commit will land",
            "add [[verify]] to ppe.toml; `ppe init` proposes some",
        )];
    }
    vec![good("verify", names(&site.settings.verify)), good("checks", names(site.settings.checks()))]
}

fn checkout(site: &Site, target: &Branch) -> Result<Vec<Check>, AppError> {
    let holders = site.repo.holders(target)?;
    Ok(holders
        .iter()
        .map(|holder| {
            warning(
                "checkout",
                format!(
                    "{target} is checked out in {}: each landing moves that checkout forward",
                    holder.path.display()
                ),
                "a branch that nobody has checked out is never in anybody's way",
            )
        })
        .collect())
}

/// Tasks that were done before the run: by their trailers on the target, by their files, or by the user's word.
fn before(
    site: &Site,
    plan: &Plan,
    tip: &CommitId,
    done: &BTreeSet<TaskId>,
    again: &BTreeSet<TaskId>,
) -> Result<Vec<Before>, AppError> {
    if let Some(unknown) = done.iter().chain(again).find(|id| plan.position(id).is_none()) {
        return Err(AppError::usage(format!("the plan has no task {unknown}")));
    }
    let landed: BTreeMap<_, _> =
        lane::landed_tasks(&site.repo, tip, None)?.into_iter().rev().map(|f| (f.task, f.commit)).collect();
    let closure = |id: &TaskId, written_done: bool| match landed.get(id) {
        Some(commit) => Some(Closure::Landed(commit.clone())),
        None if written_done || done.contains(id) => Some(Closure::DoneBefore),
        None => None,
    };
    Ok(plan
        .tasks
        .iter()
        .map(|task| (&task.spec.id.value, task.spec.done.is_some()))
        .filter(|(id, _)| !again.contains(id))
        .filter_map(|(id, written)| Some(Before { task: id.clone(), closure: closure(id, written)? }))
        .collect())
}

/// What the forge is asked of the target's tip.
fn of_target(found: &Preflight) -> CiSpec {
    CiSpec {
        subject: Subject::Base(found.tip.clone()),
        run: 1,
        commit: found.tip.clone(),
        base: found.tip.clone(),
        target: found.target.clone(),
        members: Vec::new(),
    }
}

/// Runs the verify commands and checks once on the target's tip, in exactly the environment that agents' work is judged
/// in, then asks the forge. What was found green before is not judged again.
pub(crate) async fn judge_target(
    site: &Site,
    found: &Preflight,
    dir: &RunDir,
    run: &RunId,
) -> Result<Verdict, AppError> {
    let known = site.state.folder().join("green-trees");
    // A forge's checks are about a commit, not about what is in it.
    let judged = match site.settings.forge.kind {
        ForgeKind::Local => found.tree.to_string(),
        ForgeKind::GitHub => found.tip.to_string(),
    };
    let commands = format!("{:?} {:?}", site.settings.verify, site.settings.checks());
    let key = digest(format!("{commands} {judged}").as_bytes());
    let seen = std::fs::read_to_string(&known).unwrap_or_default();
    if seen.lines().any(|line| line == key) {
        return Ok(Verdict::Green);
    }
    let (ports, _) = LocalPorts::new(site, dir, run, None)?;
    let subject = Subject::Base(found.tip.clone());
    let job = CheckJob { subject, run: 1, commit: found.tip.clone(), seat: 0 };
    let unknown =
        |trouble: Trouble| AppError::environment(format!("the target could not be checked: {trouble}"));
    let mut verdict = ports.executor().check(job).await.map_err(unknown)?;
    if verdict == Verdict::Green {
        verdict = ports.forge().ci(of_target(found)).await.map_err(unknown)?;
    }
    if verdict == Verdict::Green {
        std::fs::write(&known, format!("{seen}{key}\n"))?;
    }
    Ok(verdict)
}

/// Everything that can be looked at without starting anything; with `run_checks` the target is judged as well.
pub(crate) fn doctor(site: &Site, plan: Option<&Path>, run_checks: bool) -> Result<Vec<Check>, AppError> {
    let source = find_plan(&site.repo.root, plan, &site.settings);
    let checked = source.and_then(|source| read_plan(&source));
    let (plan, plan_check) = match checked {
        Err(error) => (None, bad("plan", error.message, error.hints.join("; "))),
        Ok(Checked { plan: None, findings }) => {
            let text = findings.first().map_or_else(String::new, ToString::to_string);
            (None, bad("plan", text, "`ppe plan check` lists everything"))
        }
        Ok(Checked { plan: Some(plan), findings }) if findings.is_empty() => {
            let text = format!(
                "{}: {} in {}",
                plan.name,
                counted(plan.tasks.len(), "task"),
                counted(plan.waves.len(), "wave")
            );
            (Some(plan), good("plan", text))
        }
        Ok(Checked { plan: Some(plan), findings }) => {
            let text = format!("{}: {} tasks, {} warnings", plan.name, plan.tasks.len(), findings.len());
            (Some(plan), warning("plan", text, "`ppe plan check` lists them"))
        }
    };
    let nothing = (&BTreeSet::new(), &BTreeSet::new());
    let found = look(site, plan.as_ref(), nothing, Depth::Everything)?;
    let mut checks = vec![plan_check];
    checks.extend(found.checks.iter().cloned());
    checks.extend(super::board::check(site));
    checks.push(other_run(site)?);
    if run_checks {
        checks.push(target_judged(site, &found)?);
    }
    Ok(checks)
}

fn other_run(site: &Site) -> Result<Check, AppError> {
    if RunLock::is_held(site)? {
        return Ok(bad("other run", "a run is live on this repository", "`ppe status` shows it"));
    }
    Ok(match latest(site, None)?.filter(Found::is_unfinished) {
        Some(found) => {
            warning("other run", format!("{} is unfinished", found.id), "`ppe resume` goes on with it")
        }
        None => good("other run", "none"),
    })
}

/// Judges the target in a folder of its own, which is a run's in all but its log.
fn target_judged(site: &Site, found: &Preflight) -> Result<Check, AppError> {
    let id = RunId::new("doctor");
    let dir = site.state.run(&id);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    Ok(verdict_check(&runtime.block_on(judge_target(site, found, &dir, &id))?))
}

/// A verdict on the target as a finding.
pub(crate) fn verdict_check(verdict: &Verdict) -> Check {
    match verdict {
        Verdict::Green => good("target green", "verify commands and checks pass on it"),
        Verdict::Red(failure) => bad(
            "target green",
            format!("{}: {}", failure.summary, ppe_core::wording::first_line(&failure.detail, 200)),
            "agents' work is judged by the same commands: make the target green first",
        ),
        Verdict::Unevaluated(why) => bad(
            "target green",
            format!("it could not be found out: {why}"),
            "the command must run in this environment",
        ),
    }
}
