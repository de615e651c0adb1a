//! The run that a call is about, as its log has it: the same whether a process is at it or not.

use crate::error::AppError;
use crate::wiring::{Found, RunLock, Site, latest, outside};
use ppe_core::ids::Millis;
use ppe_core::state::Progress;
use ppe_core::view::{Live, RunView, view};
use std::path::Path;

/// A run and the repository it is of.
pub(super) struct Run {
    pub(super) site: Site,
    pub(super) found: Found,
}

impl Run {
    /// A run of the repository, the latest where none is named.
    pub(super) fn open(repo: &Path, run: Option<&str>) -> Result<Self, AppError> {
        let site = open_site(repo)?;
        let found = latest(&site, run)?.ok_or_else(|| no_run(run))?;
        Ok(Self { site, found })
    }

    /// How it stands now.
    pub(super) fn view(&self) -> Result<RunView, AppError> {
        view_now(&self.site, &self.found)
    }
}

/// How a run stands now.
pub(super) fn view_now(site: &Site, found: &Found) -> Result<RunView, AppError> {
    let held = RunLock::is_held(site)?;
    // One that has not begun yet is live while its process looks at the target.
    let is_over = found.state.progress == Progress::Complete;
    let live = if held && !is_over { Live::Yes } else { Live::No };
    Ok(view(&found.state, now(), &outside(&found.state, live, &found.dir)))
}

/// Why there is no run to look at.
pub(super) fn no_run(wanted: Option<&str>) -> AppError {
    match wanted {
        Some(run) => AppError::usage(format!("this repository has no run {run}")),
        None => AppError::environment("this repository has no run").hint("`plan_start` starts one"),
    }
}

/// Why the run that is meant cannot be looked at yet.
pub(super) fn being_prepared() -> AppError {
    AppError::environment("a run of this repository is being prepared")
        .hint("`plan_status` with `wait_s` comes back when it has begun")
}

/// The repository, for calls on a run: mistakes in its settings as they are written now keep nobody from steering it.
pub(super) fn open_site(repo: &Path) -> Result<Site, AppError> {
    Site::open_run(repo, &mut |_| {})
}

/// The command that shows the run in a terminal.
pub(super) fn watch_command(site: &Site) -> String {
    format!("ppe watch --repo {}", site.repo.root.display())
}

fn now() -> Millis {
    Millis(u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0))
}
