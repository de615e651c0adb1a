//! An agent's job: started or adopted, watched while it works, and its end told in the driver's words.

use super::secrets::Parted;
use super::{Inner, first_run, trouble};
use crate::executor::drivers::{Driver, Places, ProcessEnd, Seen, hopeless, report};
use crate::executor::job::{self, Ensured, LostCause, NotStarted, Settled};
use crate::executor::output::{self, LineReader, Stream};
use crate::executor::record::{self, End, Exit, JobSpec, StopReason};
use crate::failpoint;
use crate::git::live::Live;
use ppe_core::ids::Millis;
use ppe_core::input::Trouble;
use ppe_core::outcome::{AgentEnd, Exit as AgentExit};
use ppe_core::state::Sighting;
use ppe_engine::ports::{AgentJob, JobKey};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often a working agent is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// An agent that was not heard of for so long is quiet.
const QUIET: Duration = Duration::from_mins(2);
/// So much of its standard error is looked at when it has ended.
const STDERR_BYTES: u64 = 4_096;

/// Files of an agent's job besides those of every job.
const PROMPT: &str = "prompt";
const JOB: &str = "job.json";

/// Starts or adopts an agent and waits for its end.
pub(super) async fn run(inner: Arc<Inner>, agent: AgentJob) -> Result<AgentEnd, Trouble> {
    let driver = match Driver::by_name(&agent.agent, &inner.settings.agents) {
        Ok(driver) => driver,
        Err(unknown) => {
            let exit = AgentExit::CannotStart(unknown.to_string());
            return Ok(AgentEnd::new(exit));
        }
    };
    let key = JobKey::Attempt { task: agent.task.clone(), attempt: agent.attempt, job: agent.round.into() };
    let dir = inner.job_dir(&key);
    if !dir.join(record::SPEC).exists()
        && let Some(exit) = inner.accounts.closed(&agent.account, Millis(record::wall_ms()))
    {
        return Ok(AgentEnd::new(exit));
    }
    let mut watch = Watch::new(&inner, &dir, &agent, driver);
    let started = {
        let (inner, dir, agent, driver) =
            (Arc::clone(&inner), dir.clone(), agent.clone(), watch.driver.clone());
        blocking(move || inner.start_agent(&dir, &agent, &driver)).await?
    };
    let settled = match started {
        Ensured::Settled(settled) => settled,
        Ensured::Running(_) => {
            let settling = blocking(move || job::settle(&dir).map_err(trouble::machine));
            tokio::pin!(settling);
            loop {
                tokio::select! {
                    settled = &mut settling => break settled?,
                    () = tokio::time::sleep(LOOK) => {
                        watch.look(&inner);
                        watch.end_hopeless(inner.settings.grace_ms);
                    }
                }
            }
        }
    };
    failpoint::hit("agent.before_told");
    let looking = Arc::clone(&inner);
    let looked = tokio::task::spawn_blocking(move || {
        watch.finish(&looking);
        watch
    });
    let watch = looked.await.map_err(trouble::machine)?;
    match settled {
        Settled::NeverStarted(NotStarted::ShimFailed { text, .. }) => Err(Trouble::Machine(text)),
        settled => {
            let mut seen = watch.seen;
            if let Settled::Ended(exit) = &settled {
                seen.ended_at = Some(Millis(exit.ended_at_ms));
            }
            let end = watch.driver.finish(&process_end(&settled), &seen, &agent.session_usage);
            inner.accounts.note(&agent.account, &end.exit, Millis(record::wall_ms()));
            Ok(end)
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    tokio::task::spawn_blocking(work).await.map_err(trouble::machine)?
}

impl Inner {
    fn start_agent(&self, dir: &Path, agent: &AgentJob, driver: &Driver) -> Result<Ensured, Trouble> {
        record::make_dir(dir).map_err(trouble::machine)?;
        let (home, temp) = (self.task_home(&agent.task), self.task_temp(&agent.task));
        for needed in [&home, &temp, &dir.join(report::DIR)] {
            record::make_dir(needed).map_err(trouble::machine)?;
        }
        let workspace = self.workspace_dir(&agent.task);
        let (prompt_file, job_file, report_file) = (dir.join(PROMPT), dir.join(JOB), dir.join(report::FILE));
        if !dir.join(record::SPEC).exists() {
            failpoint::write_file("agent.prompt", &prompt_file, agent.prompt.as_bytes())
                .map_err(trouble::machine)?;
            let job = serde_json::to_vec_pretty(agent).map_err(trouble::machine)?;
            failpoint::write_file("agent.job", &job_file, &job).map_err(trouble::machine)?;
        }
        let places = Places {
            job_dir: dir,
            workspace: &workspace,
            home: &home,
            temp: &temp,
            prompt_file: &prompt_file,
            job_file: &job_file,
            report_file: &report_file,
            program: &self.settings.program,
        };
        let launch = driver.launch(agent, &places);
        let mut env = self.settings.agent_env.get(&agent.agent).cloned().unwrap_or_default();
        env.extend(launch.env);
        if let Some(first) = driver.first_run(&env).filter(|_| !dir.join(record::SPEC).exists()) {
            first_run::see_to(&first, &env, &workspace);
        }
        self.fit_out(&agent.task, &mut env)?;
        let Parted { env, secrets, shim } = self.parted(dir, env);
        let spec = JobSpec {
            marker: self.marker(dir),
            argv: launch.argv,
            cwd: workspace,
            env,
            secrets,
            stdin: launch.stdin,
            output_cap_bytes: self.settings.output_cap_bytes,
            wall_limit_ms: None,
            grace_ms: self.settings.grace_ms,
            cgroup: None,
        };
        job::ensure(dir, &spec, &shim).map_err(trouble::machine)
    }
}

/// What is followed of a working agent.
struct Watch {
    driver: Driver,
    seen: Seen,
    output: LineReader,
    report: LineReader,
    live: Live,
    workspace: PathBuf,
    dir: PathBuf,
    job: AgentJob,
    told: Sighting,
    /// When it last said or committed something.
    heard: Instant,
}

impl Watch {
    fn new(inner: &Inner, dir: &Path, job: &AgentJob, driver: Driver) -> Self {
        Self {
            driver,
            seen: Seen::default(),
            output: LineReader::new(Stream::Stdout.path(dir), 0),
            report: LineReader::new(dir.join(report::FILE), 0),
            live: Live::default(),
            workspace: inner.workspace_dir(&job.task),
            dir: dir.to_owned(),
            job: job.clone(),
            told: Sighting::default(),
            heard: Instant::now(),
        }
    }

    /// Reads what is new and puts it where the loop finds it.
    fn look(&mut self, inner: &Inner) {
        let commits = self.live.commits;
        // What cannot be read now is read at the next look; at the end it is the driver's to say what is missing.
        let output = self.output.read_lines().unwrap_or_default();
        let reports = self.report.read_lines().unwrap_or_default();
        self.live.advance(&self.workspace);
        if !output.is_empty() || !reports.is_empty() || self.live.commits != commits {
            self.heard = Instant::now();
        }
        output.iter().flat_map(|line| self.driver.line(&line.text)).for_each(|event| self.seen.add(event));
        reports.iter().flat_map(|line| Driver::report(&line.text)).for_each(|event| self.seen.add(event));
        let sighting = self.sighting();
        if self.told != sighting {
            inner.sightings.put(self.job.task.clone(), self.job.attempt, sighting.clone());
            self.told = sighting;
        }
    }

    fn sighting(&self) -> Sighting {
        let quiet = self.heard.elapsed();
        let since = || Millis(record::wall_ms().saturating_sub(span_ms(quiet)));
        let usage = self.seen.usage(&self.job.session_usage);
        let quiet_since = (quiet >= QUIET).then(|| self.told.quiet_since.unwrap_or_else(since));
        Sighting { commits: self.live.commits, phase: self.seen.phase.clone(), usage, quiet_since }
    }

    /// Ends an agent that cannot get on: its program would try for long what cannot succeed.
    fn end_hopeless(&mut self, grace_ms: u64) {
        if self.seen.given_up.is_some() {
            return;
        }
        if let Some(why) = hopeless(&self.seen, span_ms(self.heard.elapsed())) {
            // One that cannot be stopped now is found hopeless again at the next look.
            self.seen.given_up = job::stop(&self.dir, grace_ms).is_ok().then_some(why);
        }
    }

    /// Reads the rest, once nothing of the job runs any more.
    fn finish(&mut self, inner: &Inner) {
        loop {
            let before = (self.seen.clone(), self.live.commits);
            self.look(inner);
            if let Some(line) = self.output.finish() {
                for event in self.driver.line(&line.text) {
                    self.seen.add(event);
                }
            }
            if let Some(line) = self.report.finish() {
                for event in Driver::report(&line.text) {
                    self.seen.add(event);
                }
            }
            if before == (self.seen.clone(), self.live.commits) {
                break;
            }
        }
        self.seen.stderr = end_of_errors(&self.dir);
    }
}

fn span_ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The last part of what it printed to its standard error.
fn end_of_errors(dir: &Path) -> String {
    let length = std::fs::metadata(Stream::Stderr.path(dir)).map_or(0, |m| m.len());
    let bytes = output::tail(dir, Stream::Stderr, length.saturating_sub(STDERR_BYTES)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn process_end(settled: &Settled) -> ProcessEnd {
    match settled {
        Settled::Ended(Exit { stop: Some(StopReason::OutputCap), .. }) => ProcessEnd::OutputCap,
        Settled::Ended(Exit { stop: Some(StopReason::Asked), .. } | Exit { end: End::NotRun, .. }) => {
            ProcessEnd::Stopped("it was asked to stop".to_owned())
        }
        Settled::Ended(Exit { stop: Some(StopReason::WallLimit), .. }) => {
            ProcessEnd::Stopped("it ran out of time".to_owned())
        }
        Settled::Ended(Exit { end: End::Code(code), .. }) => ProcessEnd::Code(*code),
        Settled::Ended(Exit { end: End::Signal(signal), .. }) => ProcessEnd::Signal(*signal),
        Settled::Ended(Exit { end: End::CannotRun { text, .. }, .. }) => ProcessEnd::CannotRun(text.clone()),
        Settled::Lost { cause: LostCause::ShimDied, .. } => {
            ProcessEnd::Lost("its supervisor was killed".to_owned())
        }
        Settled::Lost { cause: LostCause::MachineRestarted, .. } => {
            ProcessEnd::Lost("the machine was restarted".to_owned())
        }
        Settled::NeverStarted(_) => ProcessEnd::Lost("its supervisor ended before it began".to_owned()),
    }
}
