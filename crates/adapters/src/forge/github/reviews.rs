//! People's reviews of pull requests: asked for once, brought to the agent where they request changes, and told where
//! they approve.
//!
//! Of reviewers only who may write to the repository is heard, and of reviews only those of what stands there now; but who
//! has requested changes objects until they say otherwise, as on GitHub itself.

use super::api::{LineComment, Review};
use super::client::ApiError;
use super::looking::Seen;
use super::port::Inner;
use ppe_core::ids::{ChangeNumber, CommitId};
use ppe_core::input::{Observed, Trouble};
use ppe_core::text::shown;
use ppe_engine::ports::OpenTask;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Marks the one comment that says who could not be asked for a review.
const REVIEWERS: &str = "<!-- ppe:reviewers -->";
/// Letters of one text of a review that are told.
const LONGEST_TEXT: usize = 4_000;
/// Comments on lines that are told of one review.
const MOST_COMMENTS: usize = 50;

/// Somebody's last word on a change.
struct Word {
    review: Review,
    /// Whether it is of what stands there now.
    is_of_now: bool,
}

/// Of each reviewer, whether they may write to the repository, as far as one look has asked.
type Writers = BTreeMap<String, bool>;

impl Inner {
    /// Asks for reviews. Who cannot be asked is named on the pull request, which is no reason not to have it.
    pub(super) fn request_reviews(&self, number: ChangeNumber) -> Result<(), ApiError> {
        let mut refused = Vec::new();
        for reviewer in &self.settings.pulls.reviewers {
            match self.api.request_review(number, reviewer) {
                Ok(()) => {}
                Err(ApiError::Refused { why, .. }) => refused.push(format!("{reviewer}: {why}")),
                Err(error) => return Err(error),
            }
        }
        if refused.is_empty() {
            return Ok(());
        }
        let text = format!("Could not be asked for a review: {}.", refused.join("; "));
        self.say_once(number, REVIEWERS, &text, true)
    }

    /// Tells of reviews that request changes, and, where nobody does, of those that approve.
    pub(super) fn look_at_reviews(&self, open: &[OpenTask], seen: &mut Seen) -> Result<(), Trouble> {
        let mut writers = Writers::default();
        for task in open {
            let (Some(number), Some(tip)) = (task.change, &task.published) else { continue };
            let words = self.last_words(number, task, tip, &mut writers)?;
            let (objections, approvals): (Vec<_>, Vec<_>) =
                words.into_iter().partition(|word| word.review.state == "CHANGES_REQUESTED");
            let needed = self.settings.pulls.approvals;
            if needed > 0 {
                let given = approvals.iter().filter(|word| word.is_of_now).count();
                let enough = u64::try_from(given).is_ok_and(|given| given >= needed);
                let (id, approved) = (task.task.clone(), objections.is_empty() && enough);
                seen.tell(if approved {
                    Observed::Approved { task: id, tip: tip.clone() }
                } else {
                    Observed::Unapproved { task: id }
                });
            }
            let now = objections.into_iter().filter(|word| word.is_of_now);
            let wanting: Vec<Review> = now.map(|word| word.review).collect();
            let Some(review) = wanting.iter().map(|review| review.id).max() else { continue };
            if !self.settings.pulls.review_comments {
                continue;
            }
            let mut text = String::new();
            for one in &wanting {
                text += &in_words(one, &self.api.line_comments(number, one.id)?);
            }
            seen.tell(Observed::ChangesRequested { task: task.task.clone(), review, text });
        }
        Ok(())
    }

    fn may_write(&self, login: String, writers: &mut Writers) -> Result<bool, ApiError> {
        if let Some(known) = writers.get(&login) {
            return Ok(*known);
        }
        let may = self.api.may_write(&login)?;
        writers.insert(login, may);
        Ok(may)
    }

    /// The reviews that approve or request changes, each the last word of somebody who may write.
    fn last_words(
        &self,
        number: ChangeNumber,
        task: &OpenTask,
        tip: &CommitId,
        writers: &mut Writers,
    ) -> Result<Vec<Word>, Trouble> {
        let mut last: BTreeMap<String, Review> = BTreeMap::new();
        for review in self.api.reviews(number)? {
            let decides = matches!(review.state.as_str(), "APPROVED" | "CHANGES_REQUESTED" | "DISMISSED");
            if let Some(user) = review.user.as_ref().filter(|_| decides) {
                last.insert(user.login.clone(), review);
            }
        }
        let mut heard = Vec::new();
        for (login, review) in last {
            if review.state == "DISMISSED" || !self.may_write(login, writers)? {
                continue;
            }
            let is_of_now = match &review.commit_id {
                Some(commit) => self.is_ours(&task.task, tip, commit)?,
                None => false,
            };
            heard.push(Word { review, is_of_now });
        }
        Ok(heard)
    }
}

/// A review as it is told to an agent: quoted, without control characters, and bounded.
fn in_words(review: &Review, comments: &[LineComment]) -> String {
    let who = review.user.as_ref().map_or("somebody", |user| user.login.as_str());
    let mut text = format!("{} reviewed the pull request and requests changes.\n", shown(who));
    text += &quoted(&review.body);
    for comment in comments.iter().take(MOST_COMMENTS) {
        let line = comment.line.map_or_else(String::new, |line| format!(":{line}"));
        text.extend([&shown(&comment.path), line.as_str(), "\n", &quoted(&comment.body)]);
    }
    text
}

fn quoted(text: &str) -> String {
    let text: String = text.chars().take(LONGEST_TEXT).collect();
    text.lines().flat_map(|line| [Cow::Borrowed("> "), shown(line), Cow::Borrowed("\n")]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_review_is_quoted_bounded_and_has_no_control_characters() {
        let review: Review = serde_json::from_value(serde_json::json!({
            "id": 1, "user": {"login": "ursula"}, "state": "CHANGES_REQUESTED", "body": "No!\r\n\u{1b}[31mred",
        }))
        .unwrap();
        let long = "x".repeat(LONGEST_TEXT + 1);
        let comments = [LineComment { path: "src/a.rs".to_owned(), line: Some(3), body: long }];
        let expected = format!(
            "ursula reviewed the pull request and requests changes.\n> No!\n> \\u{{1b}}[31mred\nsrc/a.rs:3\n> {}\n",
            "x".repeat(LONGEST_TEXT)
        );
        assert_eq!(in_words(&review, &comments), expected);
    }
}
