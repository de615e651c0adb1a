//! Branches and pull requests: made once, found again, and never taken out of a person's hands.

use super::api::{NewPull, Pull};
use super::client::ApiError;
use super::port::Inner;
use crate::forge::commits::{described, without_commits};
use crate::git::refs::{self, Expect};
use crate::git::remote::Pushed;
use ppe_core::ids::{Branch, ChangeNumber, CommitId};
use ppe_core::input::Trouble;
use ppe_core::outcome::Verdict;
use ppe_core::wording;
use ppe_engine::ports::{ChangeSpec, CheckReport, LabelSpec, LandSpec, NEEDS_REVIEW, PublishSpec, Published};
use std::collections::BTreeMap;

/// Names tried when a branch's name is taken.
const NAMES_TRIED: u32 = 100;
/// Marks the one comment that says a change needs a person.
const NEEDS_PERSON: &str = "<!-- ppe:needs-review -->";
/// Marks the one comment that tells of red checks.
const CHECKS: &str = "<!-- ppe:checks -->";
/// What stands between these in a description is ours to write anew; all around it is a person's.
const OURS: (&str, &str) = ("<!-- ppe:begin -->", "<!-- ppe:end -->");

impl Inner {
    pub(super) fn publish(&self, spec: &PublishSpec) -> Result<Published, Trouble> {
        if let Some((change, base)) = &spec.shown {
            self.show_against(&self.api.pull(*change)?, base)?;
        }
        let heads = self.remote.heads()?;
        match &spec.last {
            None => self.publish_new(spec, &heads),
            Some(last) => self.publish_again(spec, last, heads.get(&spec.branch)),
        }
    }

    /// Publishes under the wished-for name or the next that is free. One that is at this very tip already is ours: a repeat
    /// finds it.
    fn publish_new(
        &self,
        spec: &PublishSpec,
        heads: &BTreeMap<Branch, CommitId>,
    ) -> Result<Published, Trouble> {
        refs::check_name(spec.branch.as_str()).map_err(|error| Trouble::Elsewhere(error.to_string()))?;
        let stem = without_taken_folders(&spec.branch, heads);
        for n in 1..=NAMES_TRIED {
            let branch = if n == 1 { stem.clone() } else { Branch::new(format!("{stem}-{n}")) };
            let done = Published { branch: branch.clone(), tip: spec.tip.clone() };
            let folder = format!("{branch}/");
            match heads.get(&branch) {
                Some(tip) if *tip == spec.tip => return Ok(done),
                Some(_) => continue,
                None if heads.keys().any(|name| name.as_str().starts_with(&folder)) => continue,
                None => {}
            }
            match self.remote.push(&branch, &spec.tip, &Expect::Absent)? {
                Pushed::Done => return Ok(done),
                Pushed::Stale => {}
                Pushed::Refused(why) => return Err(not_taken(&branch, &why)),
            }
        }
        Err(Trouble::Elsewhere(format!("{stem} and all names like it are taken on GitHub")))
    }

    /// Moves a branch from where we left it. One that was deleted meanwhile is made again.
    fn publish_again(
        &self,
        spec: &PublishSpec,
        last: &CommitId,
        now: Option<&CommitId>,
    ) -> Result<Published, Trouble> {
        let (branch, tip) = (spec.branch.clone(), spec.tip.clone());
        let expect = match now {
            Some(now) if *now == tip => return Ok(Published { branch, tip }),
            // An update of ours on top of it is no work of anybody's.
            Some(now) if self.is_ours(&spec.task, last, now)? => Expect::At(now.clone()),
            None => Expect::Absent,
            Some(now) => return Err(moved(&branch, Some(now))),
        };
        match self.remote.push(&branch, &tip, &expect)? {
            Pushed::Done => Ok(Published { branch, tip }),
            Pushed::Stale => Err(moved(&branch, None)),
            Pushed::Refused(why) => Err(not_taken(&branch, &why)),
        }
    }

    /// Finds the open pull request of a branch, or creates it.
    pub(super) fn open(&self, spec: &ChangeSpec) -> Result<ChangeNumber, Trouble> {
        let text = described(&self.repo, spec).map_err(|error| Trouble::Machine(error.to_string()))?;
        let body = format!("{}\n{text}\n{}", OURS.0, OURS.1);
        let pull = if let Some(found) = self.open_pull_of(spec)? {
            self.refreshed(found, spec, &body)?
        } else {
            self.remake_branch(spec)?;
            self.created(spec, &body)?
        };
        let missing: Vec<String> =
            spec.labels.iter().filter(|label| !pull.has_label(label)).cloned().collect();
        if !missing.is_empty() {
            self.api.add_labels(pull.number(), &missing)?;
        }
        Ok(pull.number())
    }

    /// Makes the branch of a change again where somebody has deleted it.
    fn remake_branch(&self, spec: &ChangeSpec) -> Result<(), Trouble> {
        if self.remote.heads()?.contains_key(&spec.branch) {
            return Ok(());
        }
        match self.remote.push(&spec.branch, &spec.tip, &Expect::Absent)? {
            Pushed::Done | Pushed::Stale => Ok(()),
            Pushed::Refused(why) => Err(not_taken(&spec.branch, &why)),
        }
    }

    /// The open pull request of a change: against the branch that is wanted, or ours against another.
    fn open_pull_of(&self, spec: &ChangeSpec) -> Result<Option<Pull>, ApiError> {
        let mut pulls = self.api.open_pulls_of(&spec.branch)?;
        let is_ours = |pull: &Pull| pull.body.as_deref().is_some_and(|body| body.contains(OURS.0));
        let wanted = pulls.iter().position(|pull| pull.base.name == spec.base);
        Ok(wanted.or_else(|| pulls.iter().position(is_ours)).map(|at| pulls.swap_remove(at)))
    }

    /// Shows changes against the target that are shown against the branch of what lands now: with that branch GitHub
    /// would close them.
    pub(super) fn retarget(&self, spec: &LandSpec) -> Result<(), ApiError> {
        for change in &spec.stacked {
            let pull = self.api.pull(*change)?;
            let is_on_them = spec.members.iter().any(|(_, branch)| *branch == pull.base.name);
            if pull.is_open() && is_on_them {
                self.change_base(&pull, &spec.target)?;
            }
        }
        Ok(())
    }

    /// Shows a pull request against another branch. If GitHub will not, that is no reason for anything to wait.
    fn change_base(&self, pull: &Pull, base: &Branch) -> Result<(), ApiError> {
        match self.api.set_base(pull.number(), base) {
            Ok(()) | Err(ApiError::Refused { status: 422, .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn created(&self, spec: &ChangeSpec, body: &str) -> Result<Pull, ApiError> {
        let (head, base) = (spec.branch.as_str(), spec.base.as_str());
        let new = NewPull { title: &spec.title, body, head, base, draft: self.settings.pulls.draft };
        // Whatever came back: it may be there now, by us or by somebody else.
        let found = |error: ApiError| self.open_pull_of(spec)?.ok_or(error);
        let made = self.api.create_pull(&new).or_else(found).or_else(|error| match error {
            // Not every repository has drafts.
            ApiError::Refused { status: 422, .. } if new.draft => {
                self.api.create_pull(&NewPull { draft: false, ..new.clone() }).or_else(found)
            }
            error => Err(error),
        })?;
        self.request_reviews(made.number())?;
        Ok(made)
    }

    /// A draft of ours is one no longer when it is to land.
    pub(super) fn make_ready(&self, change: ChangeNumber) -> Result<(), ApiError> {
        if !self.settings.pulls.draft {
            return Ok(());
        }
        let pull = self.api.pull(change)?;
        if pull.draft && pull.is_open() { self.api.mark_ready(&pull.node_id) } else { Ok(()) }
    }

    fn refreshed(&self, pull: Pull, spec: &ChangeSpec, ours: &str) -> Result<Pull, ApiError> {
        self.show_against(&pull, &spec.base)?;
        self.goes_on(&pull)?;
        if let Some(body) = rewritten(pull.body.as_deref().unwrap_or_default(), ours) {
            self.api.set_body(pull.number(), &body)?;
        }
        // It may have been made and nobody asked, by whoever was here before.
        let asks = !self.settings.pulls.reviewers.is_empty() && !pull.awaits_review();
        if asks && self.api.reviews(pull.number())?.is_empty() {
            self.request_reviews(pull.number())?;
        }
        Ok(pull)
    }

    /// Shows a pull request against a branch, unless it is against one that a person chose: our words name the branch that
    /// we have shown it against.
    fn show_against(&self, pull: &Pull, base: &Branch) -> Result<(), ApiError> {
        let chosen_here = |body: &String| without_commits(body).contains(&format!("`{}`", pull.base.name));
        let moves = pull.is_open() && pull.base.name != *base;
        if moves && pull.body.as_ref().is_some_and(chosen_here) {
            self.change_base(pull, base)?;
        }
        Ok(())
    }

    /// A red verdict is told on the pull request; a better one later on takes its place.
    pub(super) fn report_check(&self, report: &CheckReport) -> Result<(), ApiError> {
        let commit = wording::short(&report.commit);
        let run = report.run;
        let text = match &report.verdict {
            Verdict::Red(failure) => format!("❌ {}, merged as {commit} (run {run})", failure.summary),
            Verdict::Green => format!("✅ green, merged as {commit} (run {run})"),
            Verdict::Unevaluated(_) => return Ok(()),
        };
        let first = matches!(report.verdict, Verdict::Red(_));
        self.say_once(report.change, CHECKS, &format!("Checks: {text}"), first)
    }

    pub(super) fn label(&self, spec: &LabelSpec) -> Result<(), ApiError> {
        self.api.add_labels(spec.change, std::slice::from_ref(&spec.label))?;
        self.say_once(spec.change, NEEDS_PERSON, &spec.comment, true)
    }

    /// Takes back that a change needs a person, if we have said so.
    pub(super) fn goes_on(&self, pull: &Pull) -> Result<(), ApiError> {
        if !pull.has_label(NEEDS_REVIEW) {
            return Ok(());
        }
        // First what tells whose the label is.
        let said = self.api.comments(pull.number())?;
        if said.iter().any(|comment| comment.body.as_ref().is_some_and(|body| body.contains(NEEDS_PERSON))) {
            self.say_once(pull.number(), NEEDS_PERSON, "It needed a person, and goes on.", false)?;
            self.api.remove_label(pull.number(), NEEDS_REVIEW)?;
        }
        Ok(())
    }

    /// Writes the one comment that carries a mark; where there is none yet, only if it is to be the `first`.
    pub(super) fn say_once(
        &self,
        change: ChangeNumber,
        mark: &str,
        text: &str,
        first: bool,
    ) -> Result<(), ApiError> {
        let body = format!("{mark}\n{text}");
        let carries = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains(mark));
        match self.api.comments(change)?.into_iter().find(|comment| carries(&comment.body)) {
            Some(found) if found.body.as_deref() == Some(&body) => Ok(()),
            Some(found) => self.api.edit_comment(found.id, &body),
            None if first => self.api.create_comment(change, &body),
            None => Ok(()),
        }
    }
}

fn moved(branch: &Branch, now: Option<&CommitId>) -> Trouble {
    let tip = now.map_or("another commit", wording::short);
    Trouble::Elsewhere(format!("someone moved {branch} on GitHub to {tip}: left as it is"))
}

fn not_taken(branch: &Branch, why: &str) -> Trouble {
    Trouble::Elsewhere(format!("GitHub does not take {branch}: {why}"))
}

/// The name itself, or without folders when one of them is a branch already.
fn without_taken_folders(branch: &Branch, heads: &BTreeMap<Branch, CommitId>) -> Branch {
    let text = branch.as_str();
    let taken = text.match_indices('/').any(|(end, _)| heads.contains_key(&Branch::new(&text[..end])));
    if taken { Branch::new(text.replace('/', "-")) } else { branch.clone() }
}

/// A description with our part written anew; nothing when it is so already, or when a person took our part out.
fn rewritten(body: &str, ours: &str) -> Option<String> {
    // GitHub gives line ends as browsers send them.
    let body = body.replace("\r\n", "\n");
    if body.is_empty() {
        return Some(ours.to_owned());
    }
    let (before, rest) = body.split_once(OURS.0)?;
    let (_, after) = rest.split_once(OURS.1)?;
    let new = format!("{before}{ours}{after}");
    (new != body).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_s_words_around_ours_stay() {
        let ours = |text: &str| format!("{}\n{text}\n{}", OURS.0, OURS.1);
        let edited = format!("Note!\r\n{}\r\nSee #3.", ours("old").replace('\n', "\r\n"));
        let expected = format!("Note!\n{}\nSee #3.", ours("new"));
        assert_eq!(rewritten(&edited, &ours("new")), Some(expected.clone()));
        assert_eq!(rewritten(&expected, &ours("new")), None);
        assert_eq!(rewritten("All mine.", &ours("new")), None);
        assert_eq!(rewritten("", &ours("new")), Some(ours("new")));
    }
}
