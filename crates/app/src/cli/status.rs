//! How a run stands, read from its log: the same whether a process is at it or not.

use super::args::StatusArgs;
use super::drive::{redraws, wall_text};
use super::screen::dashboard;
use super::terminal::CLEAR;
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::wiring::{Followed, Found, Radar, RunLock, Site, conflicts_at_once, outside};
use ppe_core::ids::Millis;
use ppe_core::view::{Live, Outside, RunView, view};
use std::time::Duration;

/// Shows how a run stands.
pub(super) fn run(args: &StatusArgs, ui: &mut Ui) -> Result<u8, AppError> {
    let site = Site::open_run(&args.of.repo, &mut |line| ui.talk(line))?;
    let watch = args.watch || std::env::args().nth(1).as_deref() == Some("watch");
    let (mut followed, mut radar) = (Followed::default(), Radar::default());
    loop {
        let Some(found) = followed.latest(&site.state, args.of.run.as_deref())? else {
            return Err(AppError::environment("this repository has no run").hint("`ppe run` starts one"));
        };
        let view = look(&site, found, &mut radar)?;
        if args.of.json {
            ui.json(&view)?;
        } else {
            let following = watch && redraws(ui);
            let look = if following { ui.sized() } else { ui.look };
            if following {
                ui.raw(CLEAR);
            }
            for line in dashboard(&view, &look, &wall_text()) {
                ui.data(&line);
            }
        }
        if !watch || view.live == Live::No {
            return Ok(EXIT_DONE);
        }
        std::thread::sleep(Duration::from_millis(site.settings.dashboard_refresh_ms.clamp(1_000, 60_000)));
    }
}

fn look(site: &Site, found: &Found, radar: &mut Radar) -> Result<RunView, AppError> {
    let live = if found.is_unfinished() && RunLock::is_held(site)? { Live::Yes } else { Live::No };
    let now = Millis(u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0));
    // A live run looks by itself, and also at what is not measured yet.
    let conflicts = (live == Live::No).then(|| conflicts_at_once(site, found, radar));
    Ok(view(&found.state, now, &Outside { conflicts, ..outside(&found.state, live, &found.dir) }))
}
