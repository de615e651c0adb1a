//! An agent's job: started or adopted, watched while it works, and its end told in the driver's words.

use super::secrets::Parted;
use super::watch::Watch;
use super::{Inner, first_run, review, trouble};
use crate::executor::drivers::{Driver, Places, ProcessEnd, report};
use crate::executor::job::{self, Ensured, LostCause, NotStarted, Settled};
use crate::executor::record::{self, End, Exit, JobSpec, StopReason};
use crate::failpoint;
use ppe_core::ids::Millis;
use ppe_core::input::Trouble;
use ppe_core::outcome::{AgentEnd, Exit as AgentExit};
use ppe_core::state::Round;
use ppe_engine::ports::{AgentJob, JobKey};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often a working agent is looked at.
const LOOK: Duration = Duration::from_millis(200);

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
    let mut watch = Watch::new(&inner, &dir, &agent, driver.clone());
    let started = {
        let (inner, dir, agent, driver) = (Arc::clone(&inner), dir.clone(), agent.clone(), driver.clone());
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
                    () = tokio::time::sleep(LOOK) => watch.look(&inner),
                }
            }
        }
    };
    failpoint::hit("agent.before_told");
    let looking = Arc::clone(&inner);
    let (driver, mut seen) = blocking(move || watch.finish(&looking).map_err(trouble::machine)).await?;
    match settled {
        Settled::NeverStarted(NotStarted::ShimFailed { text, .. }) => Err(Trouble::Machine(text)),
        settled => {
            if let Settled::Ended(exit) = &settled {
                seen.ended_at = Some(Millis(exit.ended_at_ms));
            }
            let end = driver.finish(&process_end(&settled), &seen, &agent.session_usage);
            if agent.round == Round::Review {
                let (leaving, task) = (Arc::clone(&inner), agent.task.clone());
                let away = tokio::task::spawn_blocking(move || leaving.unseat_reviewer(&task));
                away.await.map_err(trouble::machine)?;
            }
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
        let (home, temp) = (self.task_home(&agent.task), self.task_temp(&review::seat(agent)));
        for needed in [&home, &temp, &dir.join(report::DIR)] {
            record::make_dir(needed).map_err(trouble::machine)?;
        }
        let seat = review::seat(agent);
        let workspace = self.workspace_dir(&seat);
        let (prompt_file, job_file, report_file) = (dir.join(PROMPT), dir.join(JOB), dir.join(report::FILE));
        if !dir.join(record::SPEC).exists() {
            if !dir.join(record::STOP).exists() {
                self.seat_reviewer(agent)?;
            }
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
            first_run::see_to(&first, &env, &workspace, || dir.join(record::STOP).exists());
        }
        self.fit_out(&seat, &mut env)?;
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
