//! The forge of a run, as configured. The one place that knows which there are.

use super::Site;
use super::check::{Check, bad, good, warning};
use super::runs::over_with_lane;
use crate::error::AppError;
use ppe_adapters::config::{ForgeKind, ForgeMode};
use ppe_adapters::forge::github::port::GitHubPort;
use ppe_adapters::forge::github::{
    Authority, GitHubSettings, Guarantee, Landing, Level, Mode, Pace, Place, PullSettings, Secret, Standing,
    TokenSource, Webhook, landing, survey, tickets as issues,
};
use ppe_adapters::forge::local::port::LocalForgePort;
use ppe_adapters::forge::local::{LocalForge, Upstream};
use ppe_adapters::git::Identity;
use ppe_adapters::state_dir::RunDir;
use ppe_core::ids::{Branch, ChangeNumber, CommitId, RunId};
use ppe_core::input::{Observed, Trouble};
use ppe_core::outcome::{BuildOutcome, LandOutcome, Verdict};
use ppe_core::policy::{Approval, MergeStrategy, Policy};
use ppe_core::state::{Stage, State, Task};
use ppe_engine::ports::{
    BuildSpec, ChangeSpec, CheckReport, CiSpec, Forge, HeadSpec, LabelSpec, LandSpec, Lane, Look,
    PublishSpec, Published, Tickets,
};
use std::net::SocketAddr;
use std::time::Duration;

/// The variable with the secret that GitHub signs its calls with.
const WEBHOOK_SECRET: &str = "PPE_WEBHOOK_SECRET";
/// What its checks are called.
const NAME: &str = "forge";

/// The forge of a run.
pub(crate) enum RunForge {
    /// The embedded one.
    Local(LocalForgePort),
    /// GitHub.
    GitHub(Box<GitHubPort>),
}

impl RunForge {
    /// As configured, for a run with this policy. Commits of ours are by `identity`.
    pub(super) fn new(
        site: &Site,
        run: &RunId,
        identity: Identity,
        policy: &Policy,
    ) -> Result<Self, AppError> {
        let changes = site.state.folder().join("forge").join("changes");
        let local = LocalForgePort::new(LocalForge::open(&site.repo, &changes)?, run.clone(), identity);
        Ok(match site.settings.forge.kind {
            ForgeKind::Local => Self::Local(match upstream(site)? {
                None => local,
                Some(upstream) => local.pushing_to(upstream),
            }),
            ForgeKind::GitHub => {
                let mut settings = github(site, policy)?;
                let recorded = recorded(&site.state.run(run));
                settings.mode = settings.mode.or(recorded.mode);
                if settings.pulls.approvals > 0 {
                    settings.pulls.approvals = settings.pulls.approvals.max(recorded.approvals);
                }
                Self::GitHub(Box::new(GitHubPort::new(site.repo.clone(), run.clone(), settings, local)))
            }
        })
    }
}

impl RunForge {
    /// Takes away what a run has left elsewhere and does not need any more.
    pub(super) async fn clear(&self, state: &State) -> Result<(), Trouble> {
        let Self::GitHub(forge) = self else { return Ok(()) };
        let closed = state.tasks.iter().filter(|task| task.is_closed());
        let mut over: Vec<Branch> = closed.filter_map(|task| task.facts.branch.clone()).collect();
        if state.tasks.iter().all(Task::is_closed) {
            over.push(state.target.clone());
        }
        let chain = &state.lane.chain;
        let candidates = chain.iter().map(|candidate| candidate.id).collect();
        let lands = chain.iter().filter(|candidate| matches!(candidate.stage, Stage::Landing { .. }));
        let change = |task| state.task(task).and_then(|task| task.facts.change);
        let landing = lands.flat_map(|candidate| &candidate.members).filter_map(change).collect();
        forge.clear(Standing { target: state.target.clone(), candidates, landing, over }).await
    }

    /// The runs that were killed before they could take away what they have made elsewhere.
    pub(super) fn unclear(&self, site: &Site, run: &RunId) -> Result<Vec<RunId>, AppError> {
        match self {
            Self::GitHub(_) => over_with_lane(site, run),
            Self::Local(_) => Ok(Vec::new()),
        }
    }

    /// Takes away what runs that are over have left elsewhere.
    pub(super) async fn clear_over(&self, runs: Vec<RunId>) -> Result<(), Trouble> {
        match self {
            Self::GitHub(forge) if !runs.is_empty() => forge.clear_over(runs).await,
            Self::GitHub(_) | Self::Local(_) => Ok(()),
        }
    }

    /// Takes GitHub's calls, if it is to.
    pub(super) fn webhook(&self, site: &Site) -> Result<Option<Webhook>, AppError> {
        let (Self::GitHub(forge), Some((address, secret))) = (self, webhook(site)?) else { return Ok(None) };
        let forge = forge.clone();
        let opened = Webhook::open(address, secret, move || forge.wake()).map_err(|error| {
            AppError::environment(format!("GitHub's calls cannot be taken at {address}: {error}"))
                .hint("choose another port for forge.webhook")
        })?;
        Ok(Some(opened))
    }
}

/// Where GitHub's calls are to be taken, and the secret that they are signed with.
fn webhook(site: &Site) -> Result<Option<(SocketAddr, Secret)>, AppError> {
    let Some(address) = &site.settings.forge.webhook else { return Ok(None) };
    let address = address.parse().map_err(|_| {
        AppError::environment(format!("forge.webhook must be an address and a port, not {address}"))
            .hint("[forge] webhook = \"127.0.0.1:8417\"")
    })?;
    let secret = site.env.get(WEBHOOK_SECRET).and_then(|text| Secret::new(text)).ok_or_else(|| {
        AppError::environment(format!("forge.webhook needs a secret in {WEBHOOK_SECRET}"))
            .hint("the secret that stands in the webhook's settings on GitHub")
    })?;
    Ok(Some((address, secret)))
}

/// Calls the same of whichever it is.
macro_rules! of_either {
    ($forge:expr, $call:ident($argument:expr)) => {
        match $forge {
            RunForge::Local(forge) => forge.$call($argument).await,
            RunForge::GitHub(forge) => forge.$call($argument).await,
        }
    };
}

impl Lane for RunForge {
    async fn build(&self, spec: BuildSpec) -> Result<BuildOutcome, Trouble> {
        of_either!(self, build(spec))
    }
}

impl Forge for RunForge {
    async fn publish(&self, spec: PublishSpec) -> Result<Published, Trouble> {
        of_either!(self, publish(spec))
    }

    async fn open(&self, spec: ChangeSpec) -> Result<ChangeNumber, Trouble> {
        of_either!(self, open(spec))
    }

    async fn ci(&self, spec: CiSpec) -> Result<Verdict, Trouble> {
        of_either!(self, ci(spec))
    }

    async fn head_checks(&self, spec: HeadSpec) -> Result<Verdict, Trouble> {
        of_either!(self, head_checks(spec))
    }

    async fn report_check(&self, report: CheckReport) -> Result<(), Trouble> {
        of_either!(self, report_check(report))
    }

    async fn label(&self, spec: LabelSpec) -> Result<(), Trouble> {
        of_either!(self, label(spec))
    }

    async fn land(&self, spec: LandSpec) -> Result<LandOutcome, Trouble> {
        of_either!(self, land(spec))
    }

    async fn look(&self, look: Look) -> Result<Vec<Observed>, Trouble> {
        of_either!(self, look(look))
    }
}

/// The remote that the local forge's landings are pushed to, if any.
fn upstream(site: &Site) -> Result<Option<Upstream>, AppError> {
    let Some(name) = &site.settings.forge.push else { return Ok(None) };
    let url = site.repo.remote_url(name)?.ok_or_else(|| {
        AppError::environment(format!("there is no remote {name}"))
            .hint("add it with `git remote add`, or name another: [forge] push = \"…\"")
    })?;
    Ok(Some(Upstream::new(&site.repo, name, &url)))
}

/// What the pre-flight finds of the local forge.
fn local_checks(site: &Site, target: &Branch) -> Check {
    let upstream = match upstream(site) {
        Ok(None) => return good(NAME, "local: changes in files of their own"),
        Ok(Some(upstream)) => upstream,
        Err(error) => return bad(NAME, error.message, error.hints.join("; ")),
    };
    match upstream.survey(target) {
        Ok(None) => good(NAME, format!("local: landings are pushed to {} first", upstream.name())),
        Ok(Some(apart)) => bad(NAME, apart, "merge or rebase one onto the other"),
        Err(trouble) => bad(NAME, trouble.to_string(), "mend it, or push nowhere: take [forge] push out"),
    }
}

/// GitHub as configured, the repository read from the remote's address.
fn github(site: &Site, policy: &Policy) -> Result<GitHubSettings, AppError> {
    let forge = &site.settings.forge;
    let remote = site.repo.remote_url(&forge.remote)?.ok_or_else(|| {
        AppError::environment(format!("there is no remote {}", forge.remote))
            .hint("add it with `git remote add`, or name another: [forge] remote = \"…\"")
    })?;
    let place = Place::of(&remote, forge.repository.as_deref(), forge.api_url.as_deref())
        .map_err(AppError::environment)?;
    let file = forge.token_file.as_ref().map(|path| site.path(path));
    let tokens = TokenSource { file, env: site.env.clone(), host: place.host.clone() };
    let authority = forge.ca_file.as_ref().map(|path| Authority::read(&site.path(path)));
    let authority = authority.transpose().map_err(AppError::environment)?;
    let pace = Pace {
        spacing: Duration::from_millis(forge.write_spacing_ms),
        poll: Duration::from_millis(forge.poll_ms),
        settle: Duration::from_millis(forge.settle_ms),
        patience: Duration::from_millis(forge.checks_ms),
        limit: Duration::from_millis(forge.timeout_ms),
        wait: Duration::from_millis(forge.timeout_ms),
    };
    let mode = forge.mode.map(|mode| match mode {
        ForgeMode::Push => Mode::Push,
        ForgeMode::Merge => Mode::Merge,
        ForgeMode::Queue => Mode::Queue,
    });
    let pulls = PullSettings {
        draft: forge.draft,
        reviewers: forge.reviewers.clone(),
        review_comments: forge.review_comments,
        approvals: u64::from(policy.approval != Approval::None),
    };
    let method = policy.merge_method;
    let auto_merge = forge.auto_merge;
    Ok(GitHubSettings { remote, place, tokens, authority, pace, mode, method, pulls, auto_merge })
}

/// The tips of all branches on the forge; none where they are in the repository.
pub(super) fn heads(site: &Site) -> Result<Vec<CommitId>, Trouble> {
    match site.settings.forge.kind {
        ForgeKind::Local => Ok(Vec::new()),
        ForgeKind::GitHub => {
            let settings = github(site, &site.settings.policy);
            let settings = settings.map_err(|error| Trouble::Elsewhere(error.message))?;
            ppe_adapters::forge::github::heads(&site.repo, &settings)
        }
    }
}

/// What the number of a change completes to its address, where changes have one.
pub(super) fn change_url(site: &Site) -> Option<String> {
    let forge = &site.settings.forge;
    let remote = match forge.kind {
        ForgeKind::Local => return None,
        ForgeKind::GitHub => site.repo.remote_url(&forge.remote).ok()??,
    };
    let place = Place::of(&remote, forge.repository.as_deref(), forge.api_url.as_deref()).ok()?;
    Some(format!("https://{}/{}/{}/pull/", place.host, place.owner, place.name))
}

/// The issues with a label, whichever forge changes go to.
pub(super) fn tickets(site: &Site, label: &str) -> Result<Tickets, AppError> {
    issues(&github(site, &site.settings.policy)?, label).map_err(|trouble| {
        AppError::environment(format!("the issues cannot be read: {trouble}"))
            .hint("`[forge] remote` is the remote of whose repository they are")
    })
}

/// Where changes live, in words.
pub(crate) fn in_words(site: &Site) -> &'static str {
    match site.settings.forge.kind {
        ForgeKind::Local => "the local forge",
        ForgeKind::GitHub => "GitHub",
    }
}

/// What the pre-flight finds of the forge.
pub(super) fn checks(site: &Site, target: &Branch) -> Vec<Check> {
    if site.settings.forge.kind == ForgeKind::Local {
        return vec![local_checks(site, target)];
    }
    let settings = match github(site, &site.settings.policy) {
        Ok(settings) => settings,
        Err(error) => return vec![bad(NAME, error.message, error.hints.join("; "))],
    };
    let found = survey(&site.repo, &settings, target);
    let check = |finding: ppe_adapters::forge::github::Finding| {
        let hint = finding.hint.unwrap_or_default();
        match finding.level {
            Level::Good => good(NAME, finding.text),
            Level::Warning => warning(NAME, finding.text, hint),
            Level::Bad => bad(NAME, finding.text, hint),
        }
    };
    let mut checks: Vec<Check> = found.findings.into_iter().map(check).collect();
    checks.extend(found.landing.and_then(|landing| several_at_once(site, landing)));
    checks.extend(match webhook(site) {
        Ok(None) => None,
        Ok(Some((address, _))) => Some(good(NAME, format!("GitHub's calls are taken at {address}"))),
        Err(error) => Some(bad(NAME, error.message, error.hints.join("; "))),
    });
    checks
}

/// GitHub merges one pull request at a time, so nothing can be checked and landed together.
fn several_at_once(site: &Site, landing: Landing) -> Option<Check> {
    let strategy = match (landing.mode, site.settings.policy.merge_strategy) {
        (Mode::Push, _) | (_, MergeStrategy::Independent | MergeStrategy::Priority) => return None,
        (Mode::Merge | Mode::Queue, MergeStrategy::Batch) => "batch",
        (Mode::Merge | Mode::Queue, MergeStrategy::Speculative) => "speculative",
    };
    Some(bad(
        NAME,
        format!(
            "merge.strategy = \"{strategy}\" lands several changes at once, and GitHub merges one by one"
        ),
        "merge.strategy = \"independent\" or \"priority\"; or let the token's user push, with forge.mode = \"push\"",
    ))
}

/// Remembers where a run's changes live and how they land; a run that has some elsewhere does not go on here.
pub(super) fn settle(site: &Site, dir: &RunDir) -> Result<(), AppError> {
    let known = recorded(dir);
    let (place, mode) = match site.settings.forge.kind {
        ForgeKind::Local => ("local".to_owned(), None),
        ForgeKind::GitHub => {
            let settings = github(site, &site.settings.policy)?;
            let Place { host, owner, name, .. } = &settings.place;
            (format!("github {host}/{owner}/{name}"), settings.mode)
        }
    };
    match &known.place {
        Some(there) if *there != place => {
            return Err(AppError::environment(format!(
                "the run's changes are on {there}, and the settings say {place}"
            ))
            .hint("set [forge] back as it was when the run began"));
        }
        Some(_) if mode.is_none() || mode == known.mode => return Ok(()),
        Some(_) | None => {}
    }
    let line = match site.settings.forge.kind {
        ForgeKind::Local => String::new(),
        ForgeKind::GitHub => {
            let landing = landing(&github(site, &site.settings.policy)?, &site.target()?)
                .map_err(|trouble| AppError::environment(trouble.to_string()))?;
            let Landing { mode, guarantee, approvals } = landing;
            format!("\n{} {} {approvals}", mode_word(mode), guarantee_word(guarantee))
        }
    };
    Ok(std::fs::write(dir.forge(), place + &line)?)
}

fn mode_word(mode: Mode) -> &'static str {
    match mode {
        Mode::Push => "push",
        Mode::Merge => "merge",
        Mode::Queue => "queue",
    }
}

fn guarantee_word(guarantee: Guarantee) -> &'static str {
    match guarantee {
        Guarantee::Exact => "exact",
        Guarantee::Serialised => "forge-serialised",
        Guarantee::Detected => "detected-afterwards",
    }
}

/// Where a run's changes live and how they land, as it began.
#[derive(Default)]
struct Recorded {
    place: Option<String>,
    mode: Option<Mode>,
    guarantee: Option<String>,
    approvals: u64,
}

fn recorded(dir: &RunDir) -> Recorded {
    let text = std::fs::read_to_string(dir.forge()).unwrap_or_default();
    let mut lines = text.lines();
    let place = lines.next().filter(|line| !line.is_empty()).map(str::to_owned);
    let mut words = lines.next().unwrap_or_default().split_whitespace();
    let mode = words.next().map(|word| match word {
        "merge" => Mode::Merge,
        "queue" => Mode::Queue,
        _ => Mode::Push,
    });
    let guarantee = words.next().map(str::to_owned);
    let approvals = words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
    Recorded { place, mode, guarantee, approvals }
}

/// A run's forge in a word.
pub(super) fn word(dir: &RunDir) -> String {
    let place = recorded(dir).place.unwrap_or_default();
    place.split(' ').next().filter(|word| !word.is_empty()).unwrap_or("local").to_owned()
}

/// What is known of a run's landings when they are over, in a word.
pub(super) fn guarantee(dir: &RunDir) -> String {
    recorded(dir).guarantee.unwrap_or_else(|| guarantee_word(Guarantee::Exact).to_owned())
}
