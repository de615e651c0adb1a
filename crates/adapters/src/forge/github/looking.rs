//! What others did on GitHub: branches pushed to, pull requests closed or merged, a target rewritten.

use super::port::Inner;
use ppe_core::ids::{CommitId, TaskId};
use ppe_core::input::{Observed, Trouble};
use ppe_engine::ports::{Look, OpenTask};
use std::fmt::Display;

/// What was seen there.
#[derive(Debug, Default)]
pub(super) struct Seen {
    observed: Vec<Observed>,
    /// Tasks whose pull request a person merged, with the commit in the target.
    landed: Vec<(TaskId, CommitId)>,
    /// Tasks whose landing GitHub's target lacks.
    gone: Vec<TaskId>,
}

impl Seen {
    /// Something more was seen.
    pub(super) fn tell(&mut self, observed: Observed) {
        self.observed.push(observed);
    }

    /// Together with what was seen of the target here.
    pub(super) fn with_target(mut self, here: Vec<Observed>) -> Vec<Observed> {
        for observed in here {
            self.observed.push(match observed {
                Observed::Target { tip, mut landed, mut gone } => {
                    let news =
                        self.landed.drain(..).filter(|(task, _)| !landed.iter().any(|(l, _)| l == task));
                    let news: Vec<_> = news.collect();
                    landed.extend(news);
                    self.gone.retain(|task| !gone.contains(task));
                    gone.append(&mut self.gone);
                    Observed::Target { tip, landed, gone }
                }
                other => other,
            });
        }
        self.observed
    }
}

fn machine(error: impl Display) -> Trouble {
    Trouble::Machine(error.to_string())
}

impl Inner {
    pub(super) fn look(&self, look: &Look) -> Result<Seen, Trouble> {
        let tip = self.target_tip(&look.target)?;
        // What stands in its way is told where it matters: when a candidate is built or lands.
        let _obstacle = self.follow(&look.target, &tip)?;
        let mut seen = Seen::default();
        self.look_at_branches(&look.open, &mut seen)?;
        self.look_at_changes(look, &tip, &mut seen)?;
        if self.settings.pulls.review_comments || self.settings.pulls.approvals > 0 {
            self.look_at_reviews(&look.open, &mut seen)?;
        }
        for (task, commit) in &look.landed {
            if !self.repo.contains(&tip, commit).map_err(machine)? {
                seen.gone.push(task.clone());
            }
        }
        Ok(seen)
    }

    fn look_at_branches(&self, open: &[OpenTask], seen: &mut Seen) -> Result<(), Trouble> {
        if open.iter().all(|open| open.published.is_none()) {
            return Ok(());
        }
        let heads = self.remote.heads()?;
        for open in open {
            let (Some(branch), Some(published)) = (&open.branch, &open.published) else { continue };
            let Some(now) = heads.get(branch) else { continue };
            if !self.is_ours(&open.task, published, now)?
                && let Some(tip) = self.remote.fetch(branch)?
            {
                seen.observed.push(Observed::Branch { task: open.task.clone(), tip });
            }
        }
        Ok(())
    }

    fn look_at_changes(&self, look: &Look, tip: &CommitId, seen: &mut Seen) -> Result<(), Trouble> {
        let open = &look.open;
        if open.iter().all(|open| open.change.is_none()) {
            return Ok(());
        }
        let still_open = self.api.open_pulls()?;
        for open in open {
            let Some(number) = open.change.filter(|number| !still_open.contains(number)) else { continue };
            let pull = self.api.pull(number)?;
            let closed = || Observed::ChangeClosed { task: open.task.clone(), change: number };
            match (&pull.merged_at, &pull.merge_commit_sha) {
                _ if pull.is_open() => {}
                (Some(_), Some(commit)) => {
                    let commit = CommitId::new(commit.as_str());
                    if self.repo.contains(tip, &commit).map_err(machine)? {
                        seen.landed.push((open.task.clone(), commit));
                    } else if pull.base.name != look.target {
                        // A person has merged it into what it was stacked on: it is no change of its own any more.
                        seen.observed.push(closed());
                    }
                }
                (None, _) => seen.observed.push(closed()),
                (Some(_), None) => {}
            }
        }
        Ok(())
    }
}
