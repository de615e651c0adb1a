//! Why something does not land on GitHub, in words that more than one way of landing has.

use ppe_core::ids::{Branch, ChangeNumber};
use ppe_core::outcome::LandOutcome;

/// Nobody wishes for it any more.
pub(super) const TAKEN_BACK: &str = "it was taken back";

/// A person has closed it.
pub(super) fn closed(change: ChangeNumber) -> LandOutcome {
    LandOutcome::Refused(format!("pull request {change} is closed"))
}

/// Its branch is not there.
pub(super) fn gone(branch: &Branch) -> String {
    format!("{branch} is gone from GitHub")
}
