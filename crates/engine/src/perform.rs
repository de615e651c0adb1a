//! Intents become calls of ports, and their answers inputs. Looks up what a wish needs in the durable state; decides
//! nothing.

use crate::ports::{
    AgentJob, BuildSpec, ChangeSpec, CheckJob, CheckReport, CiSpec, Executor, Forge, HeadSpec, JobKey,
    LabelSpec, LandSpec, Lane, Member, NEEDS_REVIEW, Ports, PublishSpec, Purpose, Release, SnapshotSpec,
    Stamp, Trouble, VerifyJob, Wished, WorkspaceSpec, WorkspaceStart,
};
use ppe_core::ids::{Attempt, Branch, CandidateId, ChangeNumber, CommitId, TaskId};
use ppe_core::input::Input;
use ppe_core::intent::{Intent, JobName};
use ppe_core::outcome::{Built, Verdict};
use ppe_core::plan::TaskSpec;
use ppe_core::policy::Update;
use ppe_core::prompt;
use ppe_core::state::{Candidate, Collect, Kind, Round, Session, Stack, Stage, State, Subject, Worked};
use std::sync::Arc;

/// Fulfils a wish and says what came of it.
pub(crate) async fn perform<P: Ports>(ports: Arc<P>, state: Arc<State>, intent: Intent) -> Input {
    let answer = match &intent {
        Intent::EnsurePreloaded { task } => preload(&*ports, &state, task).await,
        Intent::EnsureWorkspace { task, attempt } => prepare(&*ports, &state, task, *attempt).await,
        Intent::EnsureAgent { task, attempt, round } => agent(&*ports, &state, task, *attempt, *round).await,
        Intent::EnsureStopped { task, attempt, job } => stop(&*ports, &state, task, *attempt, *job).await,
        Intent::EnsureSnapshot { task, attempt, worked, collect } => {
            snapshot(&*ports, &state, task, *attempt, (*worked, *collect)).await
        }
        Intent::EnsureVerified { task, attempt, job } => verify(&*ports, &state, task, *attempt, *job).await,
        Intent::EnsurePublished { task } => publish(&*ports, &state, task).await,
        Intent::EnsureChange { task } => open(&*ports, &state, task).await,
        Intent::EnsureHeadJudged { task, tip } => judge_head(&*ports, &state, task, tip).await,
        Intent::EnsureLabelled { task } => label(&*ports, &state, task).await,
        Intent::EnsureCandidate { candidate } => build(&*ports, &state, *candidate).await,
        Intent::EnsureChecked { subject, run } => check(&*ports, &state, subject, *run).await,
        Intent::EnsureLanded { candidate } => land(&*ports, &state, *candidate).await,
        Intent::EnsureReleased { task } => {
            let released = ports.executor().release(Release { task: task.clone() }).await;
            released.map(|()| Input::Released { task: task.clone() })
        }
    };
    answer.unwrap_or_else(|trouble| Input::IntentFailed { intent, trouble })
}

type Answer = Result<Input, Trouble>;

/// A wish about something that the durable state does not have: it is over, and a tick looks again.
const OVER: Answer = Ok(Input::Tick);

fn wished_branch(state: &State, at: usize) -> Branch {
    state.tasks[at]
        .facts
        .branch
        .clone()
        .unwrap_or_else(|| Branch::new(state.plan.tasks[at].branch_name.clone()))
}

/// The commit that the branch of a task's change must not lose, where branches only go forward.
fn keeps(state: &State, at: usize) -> Option<CommitId> {
    let facts = &state.tasks[at].facts;
    match state.policy.update {
        Update::Rebase => None,
        // What is begun anew has no change yet.
        Update::Merge => facts.published.clone().filter(|_| facts.change.is_some()),
    }
}

/// What a task's workspace is to be made from.
fn workspace_spec(state: &State, at: usize, attempt: Option<Attempt>) -> WorkspaceSpec {
    let facts = &state.tasks[at].facts;
    let kind = state.tasks[at].running().map(|r| r.kind);
    let begun = facts.base.is_some();
    let start = match (kind, &facts.tip) {
        (Some(Kind::Conflict | Kind::Restack), Some(tip)) => {
            // What lost a commit that is published cannot be gone on from where none may be lost.
            let lost = facts.snapshot.as_ref().is_some_and(|snapshot| snapshot.loses_published);
            let keeps = keeps(state, at).filter(|_| lost);
            WorkspaceStart::Onto { tip: keeps.unwrap_or_else(|| tip.clone()) }
        }
        (Some(_), tip) if begun || facts.published.is_some() => WorkspaceStart::Continue { tip: tip.clone() },
        _ => WorkspaceStart::Fresh,
    };
    let stack = state.stack(at);
    let landed = |dep: &usize| Some((state.id(*dep).clone(), state.tasks[*dep].closure()?.commit()?.clone()));
    // Work that stands on another's has that, whatever landed of it since, until it is brought onto the target.
    let stays = begun && !matches!(start, WorkspaceStart::Onto { .. });
    let has = |dep: &&usize| stays && stack.is_some_and(|stack| stack.holds(state.id(**dep)));
    let must_contain = state.plan.tasks[at].needs.iter().filter(|dep| !has(dep)).filter_map(landed).collect();
    WorkspaceSpec {
        task: state.id(at).clone(),
        attempt,
        target: state.target.clone(),
        branch: wished_branch(state, at),
        published: facts.published.clone(),
        base: facts.base.clone(),
        start,
        stack: stack.map(|stack| stack.parents.clone()).unwrap_or_default(),
        grounds: stack.map(|stack| grounds(state, stack)).unwrap_or_default(),
        at: state.tasks[at].since,
        update: state.policy.update,
        must_contain,
    }
}

/// What work that is being brought onto the target leaves behind: all that it may have stood on, where any of that was given
/// up. Where nothing is taken out of a history it stays in that.
fn leaves(state: &State, at: usize) -> Vec<CommitId> {
    let kind = state.tasks[at].running().map(|running| running.kind);
    let moves = matches!(kind, Some(Kind::Conflict | Kind::Restack)) && state.policy.update == Update::Rebase;
    let stack = state.stack(at).filter(|stack| moves && state.was_given_up(stack));
    stack.map(|stack| grounds(state, stack)).unwrap_or_default()
}

/// Where stacked work may stand: on the only parent as that is now, if somebody has brought it there, or where it began.
fn grounds(state: &State, stack: &Stack) -> Vec<CommitId> {
    let now = stack.single().and_then(|parent| state.task(&parent.task)?.facts.tip.clone());
    now.into_iter().chain(stack.base.clone()).collect()
}

async fn preload(ports: &impl Ports, state: &State, task: &TaskId) -> Answer {
    let Some(at) = state.position(task) else { return OVER };
    // Dependencies have not landed yet: the start moves the workspace to the tip that has them.
    let spec = WorkspaceSpec { must_contain: Vec::new(), ..workspace_spec(state, at, None) };
    ports.executor().prepare(spec).await?;
    Ok(Input::Preloaded { task: task.clone() })
}

async fn prepare(ports: &impl Ports, state: &State, task: &TaskId, attempt: Attempt) -> Answer {
    let Some(at) = state.position(task) else { return OVER };
    let prepared = ports.executor().prepare(workspace_spec(state, at, Some(attempt))).await?;
    Ok(Input::Prepared { task: task.clone(), attempt, prepared })
}

fn planned(spec: &TaskSpec) -> Vec<(String, Vec<String>)> {
    let files =
        |c: &ppe_core::plan::PlannedCommit| c.files.iter().map(std::string::ToString::to_string).collect();
    spec.commits.iter().map(|c| (c.subject.to_string(), files(c))).collect()
}

fn phases(spec: &TaskSpec) -> Vec<(String, u32)> {
    let last = |phase: usize| spec.commits.iter().rposition(|c| c.phase.is_some_and(|p| p as usize == phase));
    let upto = |phase: usize| last(phase).and_then(|at| u32::try_from(at + 1).ok()).unwrap_or(0);
    spec.phases.iter().enumerate().map(|(at, name)| (name.to_string(), upto(at))).collect()
}

async fn agent(ports: &impl Ports, state: &State, task: &TaskId, attempt: Attempt, round: Round) -> Answer {
    let Some(job) = agent_job(state, task, attempt, round) else { return OVER };
    let end = ports.executor().agent(job).await?;
    Ok(Input::AgentEnded { task: task.clone(), attempt, round, end: Box::new(end) })
}

fn agent_job(state: &State, task: &TaskId, attempt: Attempt, round: Round) -> Option<AgentJob> {
    let at = state.position(task)?;
    let (spec, facts) = (&state.plan.tasks[at].spec, &state.tasks[at].facts);
    let (running, base) = (state.tasks[at].running()?, facts.base.clone()?);
    let worker = match &state.policy.review {
        Some(reviewer) if round == Round::Review => (&reviewer.agent, &reviewer.model),
        Some(_) | None => (&running.agent, &running.model),
    };
    // A reviewer begins anew: it is to see the work, not what its maker thought.
    let resumed = |session: &&Session| session.agent == running.agent && round != Round::Review;
    let session = facts.session.as_ref().filter(resumed);
    Some(AgentJob {
        task: task.clone(),
        title: spec.title.to_string(),
        attempt,
        round,
        purpose: match round {
            Round::Main => Purpose::Work(running.kind),
            Round::Leftovers => Purpose::Leftovers,
            Round::Review => Purpose::Review,
        },
        agent: worker.0.clone(),
        model: worker.1.clone(),
        account: state.account(worker.0).to_owned(),
        session: session.map(|session| session.id.clone()),
        session_usage: session.map(|session| session.usage).unwrap_or_default(),
        budget_micro_usd: state.task_money_left(at),
        // What was permitted was said of the task's agent, in its words.
        allow: if round == Round::Review { Vec::new() } else { facts.allowed.clone() },
        branch: wished_branch(state, at),
        base,
        tip: facts.tip.clone().filter(|_| round == Round::Review),
        prompt: prompt::prompt(state, task),
        planned: planned(spec),
        phases: phases(spec),
    })
}

async fn stop(ports: &impl Ports, state: &State, task: &TaskId, attempt: Attempt, job: JobName) -> Answer {
    let key = JobKey::Attempt { task: task.clone(), attempt, job };
    ports.executor().stop(key, state.policy.grace_ms).await?;
    let round = match job {
        JobName::Agent => Round::Main,
        JobName::Leftovers => Round::Leftovers,
        JobName::Review => Round::Review,
        JobName::Recheck | JobName::Verify => {
            let verdict = Verdict::Unevaluated("stopped".to_owned());
            return Ok(Input::VerifyEnded { task: task.clone(), attempt, job, verified: verdict.into() });
        }
    };
    // A job that has ended tells its end again: what it used, and the session it can go on with.
    agent(ports, state, task, attempt, round).await
}

async fn snapshot(
    ports: &impl Ports,
    state: &State,
    task: &TaskId,
    attempt: Attempt,
    (worked, collect): (Worked, Collect),
) -> Answer {
    let Some(at) = state.position(task) else { return OVER };
    let Some(base) = state.tasks[at].facts.base.clone() else { return OVER };
    let spec = SnapshotSpec {
        task: task.clone(),
        attempt,
        branch: wished_branch(state, at),
        base,
        keeps: keeps(state, at),
        leaves: leaves(state, at),
        collect,
        attribution: state.policy.attribution,
        at: state.tasks[at].since,
    };
    let outcome = ports.executor().snapshot(spec).await?;
    Ok(Input::SnapshotTaken { task: task.clone(), attempt, worked, collect, outcome })
}

async fn verify(ports: &impl Ports, state: &State, task: &TaskId, attempt: Attempt, job: JobName) -> Answer {
    let Some(at) = state.position(task) else { return OVER };
    let facts = &state.tasks[at].facts;
    let (Some(base), Some(tip)) = (facts.base.clone(), facts.tip.clone()) else { return OVER };
    let verify = VerifyJob {
        task: task.clone(),
        attempt,
        job,
        branch: wished_branch(state, at),
        base,
        tip,
        coverage_target: state.plan.tasks[at].spec.coverage_target,
        at: state.tasks[at].since,
    };
    let verified = ports.executor().verify(verify).await?;
    Ok(Input::VerifyEnded { task: task.clone(), attempt, job, verified })
}

async fn publish(ports: &impl Ports, state: &State, task: &TaskId) -> Answer {
    let Some(at) = state.position(task) else { return OVER };
    let facts = &state.tasks[at].facts;
    let Some(tip) = facts.tip.clone() else { return OVER };
    let spec = PublishSpec {
        task: task.clone(),
        branch: wished_branch(state, at),
        tip,
        last: facts.published.clone(),
        shown: facts.change.map(|change| (change, shown_against(state, at))),
    };
    let published = ports.forge().publish(spec).await?;
    Ok(Input::Published { task: task.clone(), branch: published.branch, tip: published.tip })
}

async fn open(ports: &impl Ports, state: &State, task: &TaskId) -> Answer {
    let Some(at) = state.position(task) else { return OVER };
    let Some(tip) = state.tasks[at].facts.tip.clone() else { return OVER };
    let spec = &state.plan.tasks[at].spec;
    let change = ChangeSpec {
        task: task.clone(),
        branch: wished_branch(state, at),
        tip,
        from: state.tasks[at].facts.base.clone(),
        base: shown_against(state, at),
        title: prompt::change_title(spec),
        body: prompt::change_body(state, at),
        labels: spec.module.iter().map(std::string::ToString::to_string).collect(),
    };
    let change = ports.forge().open(change).await?;
    Ok(Input::ChangeOpened { task: task.clone(), change })
}

/// The branch that a change is shown against: that of the only task it stands on, until that lands.
fn shown_against(state: &State, at: usize) -> Branch {
    let parent = state.stack(at).and_then(Stack::single).and_then(|parent| state.position(&parent.task));
    let lands =
        |parent: &usize| state.tasks[*parent].is_closed() || is_being_landed(state, state.id(*parent));
    match parent.filter(|parent| !lands(parent)) {
        Some(parent) => wished_branch(state, parent),
        None => state.target.clone(),
    }
}

fn is_being_landed(state: &State, task: &TaskId) -> bool {
    let carries = |candidate: &&Candidate| candidate.members.contains(task);
    let candidate = state.lane.chain.iter().find(carries);
    candidate.is_some_and(|candidate| matches!(candidate.stage, Stage::Landing { .. }))
}

async fn judge_head(ports: &impl Ports, state: &State, task: &TaskId, tip: &CommitId) -> Answer {
    let Some((member, branch)) = member(state, task) else { return OVER };
    let head = Member { head: tip.clone(), ..member };
    let verdict = ports.forge().head_checks(HeadSpec { head, branch, target: state.target.clone() }).await?;
    Ok(Input::HeadJudged { task: task.clone(), tip: tip.clone(), verdict })
}

async fn label(ports: &impl Ports, state: &State, task: &TaskId) -> Answer {
    let Some(t) = state.task(task) else { return OVER };
    let Some(change) = t.facts.change else { return OVER };
    let why = t.facts.failure.as_ref().map_or("", |f| f.summary.as_str());
    let comment =
        format!("{task} needs a person: {why}\n\nPush a fix to the branch, or run `ppe retry {task}`.");
    ports.forge().label(LabelSpec { change, label: NEEDS_REVIEW.to_owned(), comment }).await?;
    Ok(Input::Labelled { task: task.clone() })
}

/// A task's change with its branch.
fn member(state: &State, id: &TaskId) -> Option<(Member, Branch)> {
    let at = state.position(id)?;
    let facts = &state.tasks[at].facts;
    let title = state.plan.tasks[at].spec.title.to_string();
    let member = Member { task: id.clone(), title, head: facts.tip.clone()?, change: facts.change };
    Some((member, wished_branch(state, at)))
}

fn members(state: &State, candidate: CandidateId) -> Option<(Vec<(Member, Branch)>, Stage)> {
    let candidate = state.lane.candidate(candidate)?;
    let members = candidate.members.iter().map(|id| member(state, id)).collect::<Option<Vec<_>>>()?;
    Some((members, candidate.stage.clone()))
}

async fn build(ports: &impl Ports, state: &State, candidate: CandidateId) -> Answer {
    let Some((members, _)) = members(state, candidate) else { return OVER };
    let before = state.lane.before(candidate).map(|before| before.stage.built());
    // What it is to be built on has not been built, or is gone.
    if before.is_some_and(|built| built.is_none()) {
        return OVER;
    }
    let at = members.first().and_then(|(m, _)| state.task(&m.task)).map_or(state.clock.started, |t| t.since);
    let spec = BuildSpec {
        candidate,
        target: state.target.clone(),
        onto: before.flatten().map(|built| built.commit.clone()),
        members: members.into_iter().map(|(member, _)| member).collect(),
        method: state.policy.merge_method,
        trailers: state.policy.trailers,
        stamp: Stamp { at, run: state.run.clone() },
    };
    let outcome = ports.forge().build(spec).await?;
    Ok(Input::CandidateBuilt { candidate, outcome })
}

fn check_job(state: &State, subject: &Subject, run: u32) -> Option<CheckJob> {
    let job =
        |commit: &CommitId, seat| CheckJob { subject: subject.clone(), run, commit: commit.clone(), seat };
    match subject {
        Subject::Base(commit) => Some(job(commit, 0)),
        Subject::Candidate(id) => {
            let candidate = state.lane.candidate(*id)?;
            match &candidate.stage {
                Stage::Checking { built, .. } => Some(job(&built.commit, candidate.seat)),
                Stage::Building
                | Stage::Red { .. }
                | Stage::CheckingBase { .. }
                | Stage::Green { .. }
                | Stage::Landing { .. } => None,
            }
        }
    }
}

/// What the forge is asked of a commit that passed our own checks.
fn ci_spec(state: &State, job: &CheckJob) -> CiSpec {
    let members = match job.subject {
        Subject::Candidate(id) => members(state, id),
        Subject::Base(_) => None,
    };
    let base = members.as_ref().and_then(|(_, stage)| stage.built()).map(|built| built.base.clone());
    CiSpec {
        subject: job.subject.clone(),
        run: job.run,
        commit: job.commit.clone(),
        base: base.unwrap_or_else(|| job.commit.clone()),
        target: state.target.clone(),
        members: members.map(|(members, _)| members).unwrap_or_default(),
    }
}

async fn check(ports: &impl Ports, state: &State, subject: &Subject, run: u32) -> Answer {
    let Some(job) = check_job(state, subject, run) else { return OVER };
    let ci = ci_spec(state, &job);
    let mut verdict = ports.executor().check(job).await?;
    // What is red here is not worth the forge's time.
    if verdict == Verdict::Green {
        verdict = ports.forge().ci(ci.clone()).await?;
    }
    for change in ci.members.iter().filter_map(|(member, _)| member.change) {
        let (commit, verdict) = (ci.commit.clone(), verdict.clone());
        ports.forge().report_check(CheckReport { change, commit, run, verdict }).await?;
    }
    Ok(Input::CheckEnded { subject: subject.clone(), run, verdict })
}

/// The changes of tasks that stand on one of these.
fn stacked_on(state: &State, members: &[(Member, Branch)]) -> Vec<ChangeNumber> {
    let is_on = |stack: &Stack| members.iter().any(|(member, _)| stack.holds(&member.task));
    let on_them = (0..state.tasks.len()).filter(|at| state.stack(*at).is_some_and(is_on));
    on_them.filter_map(|at| state.tasks[at].facts.change).collect()
}

async fn land(ports: &impl Ports, state: &State, candidate: CandidateId) -> Answer {
    let Some((members, Stage::Landing { built })) = members(state, candidate) else { return OVER };
    let stacked = stacked_on(state, &members);
    let target = state.target.clone();
    let go = state.lane.candidate(candidate).and_then(|c| c.red.as_ref()).map_or(0, |red| red.times);
    let given_up = |(m, _): &(Member, Branch)| state.task(&m.task).is_some_and(|t| t.facts.wish.is_some());
    let wished = if members.iter().any(given_up) { Wished::NoMore } else { Wished::Still };
    let Built { base, commit, .. } = built;
    let spec = LandSpec { candidate, target, base, commit, members, go, wished, stacked };
    let outcome = ports.forge().land(spec).await?;
    Ok(Input::LandEnded { candidate, outcome })
}

/// Intents that do nothing but wait for what goes on without us: a process, or checks elsewhere.
pub(crate) fn only_waits(intent: &Intent) -> bool {
    matches!(
        intent,
        Intent::EnsureAgent { .. }
            | Intent::EnsureVerified { .. }
            | Intent::EnsureChecked { .. }
            | Intent::EnsureHeadJudged { .. }
    )
}

/// The job that a wish is about.
pub(crate) fn job_of(intent: &Intent) -> Option<JobKey> {
    match intent {
        Intent::EnsureAgent { task, attempt, round } => {
            Some(JobKey::Attempt { task: task.clone(), attempt: *attempt, job: (*round).into() })
        }
        Intent::EnsureStopped { task, attempt, job } | Intent::EnsureVerified { task, attempt, job } => {
            Some(JobKey::Attempt { task: task.clone(), attempt: *attempt, job: *job })
        }
        Intent::EnsureChecked { subject, run } => Some(JobKey::Check { subject: subject.clone(), run: *run }),
        _ => None,
    }
}
