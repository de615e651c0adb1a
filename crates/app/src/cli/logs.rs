//! What a task's jobs printed.

use super::args::{LogJob, LogsArgs};
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::wiring::{JobOutput, Site, job_output, latest};
use ppe_core::ids::{Attempt, TaskId};
use ppe_core::intent::JobName;
use ppe_core::text::shown;
use std::time::Duration;

/// Shows a job's output, and with `--follow` what comes.
pub(super) fn run(args: &LogsArgs, ui: &mut Ui) -> Result<u8, AppError> {
    let site = Site::open_run(&args.of.repo, &mut |line| ui.talk(line))?;
    let Some(found) = latest(&site, args.of.run.as_deref())? else {
        return Err(AppError::environment("this repository has no run").hint("`ppe run` starts one"));
    };
    let task = TaskId::new(args.task.as_str());
    let Some(state) = found.state.task(&task) else {
        return Err(AppError::usage(format!("the plan has no task {task}")));
    };
    let attempt = Attempt(args.attempt.unwrap_or(state.facts.attempts));
    if attempt.0 == 0 {
        return Err(AppError::environment(format!("{task} has had no attempt yet")));
    }
    let job = match args.job {
        LogJob::Agent => JobName::Agent,
        LogJob::Leftovers => JobName::Leftovers,
        LogJob::Verify => JobName::Verify,
        LogJob::Review => JobName::Review,
    };
    let mut output = job_output(&found.dir, &task, attempt, job, args.stderr);
    loop {
        let JobOutput { text, over } = output.more()?;
        for line in text.lines() {
            ui.data(&shown(line));
        }
        match (text.is_empty(), args.follow && !over) {
            (true, false) => return Ok(EXIT_DONE),
            (true, true) => std::thread::sleep(Duration::from_millis(200)),
            (false, _) => {}
        }
    }
}
