//! What runs of this user found out about the accounts they share: that one has nothing left until some moment.
//!
//! Each finding is a file of its own whose name is that moment, so that writers never meet, and one that is past means
//! nothing. Knows nothing of what follows from a finding.

use crate::executor::record;
use ppe_core::ids::Millis;
use ppe_core::outcome::{Exit, Shortage};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::PathBuf;

/// A wait below this is no news for other runs, ms.
const WORTH_TELLING_MS: u64 = 1_000;

/// The accounts of this user.
pub(super) struct Accounts {
    dir: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Finding {
    shortage: Shortage,
    why: String,
}

impl Accounts {
    /// Findings lie in `dir`, which all runs of this user share.
    pub(super) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Why nothing of an account should start at `now`, if a run has found so.
    pub(super) fn closed(&self, account: &str, now: Millis) -> Option<Exit> {
        let dir = self.dir.join(file_name(account));
        let mut latest = None;
        for entry in std::fs::read_dir(&dir).ok()?.flatten() {
            let Some(until) = entry.file_name().to_str().and_then(|name| name.parse().ok()).map(Millis)
            else {
                continue;
            };
            if until <= now {
                // Whoever comes first takes it away.
                drop(std::fs::remove_file(entry.path()));
            } else {
                latest = latest.max(Some(until));
            }
        }
        let until = latest?;
        let finding: Finding = record::get(&dir, &until.0.to_string()).ok()??;
        let Finding { shortage, why } = finding;
        Some(Exit::TryLater { until: Some(until), why, shortage })
    }

    /// Tells the other runs what an agent's end says of its account. One that cannot be written is not told: each run
    /// finds out by itself then.
    pub(super) fn note(&self, account: &str, exit: &Exit, now: Millis) {
        let Exit::TryLater { until: Some(until), why, shortage } = exit else { return };
        if *shortage == Shortage::Servers || until.since(now) < WORTH_TELLING_MS {
            return;
        }
        let dir = self.dir.join(file_name(account));
        let finding = Finding { shortage: *shortage, why: why.clone() };
        if record::make_dir(&dir).is_ok() {
            drop(record::put(&dir, &until.0.to_string(), &finding, "account"));
        }
    }
}

/// An account's name as one that any file may have: what is not a letter, a digit or a hyphen is written in numbers.
fn file_name(account: &str) -> String {
    let mut name = String::new();
    for byte in account.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            name.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _written = write!(name, "%{byte:02x}");
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(until: u64) -> Exit {
        Exit::TryLater {
            until: Some(Millis(until)),
            why: "5-hour limit".to_owned(),
            shortage: Shortage::Allowance,
        }
    }

    #[test]
    fn the_latest_reset_that_anyone_found_counts_until_it_is_past() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (Accounts::new(dir.path().to_owned()), Accounts::new(dir.path().to_owned()));
        assert_eq!(one.closed("a/b", Millis(0)), None);
        one.note("a/b", &limit(50_000), Millis(0));
        other.note("a/b", &limit(40_000), Millis(0));
        assert_eq!(other.closed("a/b", Millis(10_000)), Some(limit(50_000)));
        assert_eq!(other.closed("a", Millis(10_000)), None);
        assert_eq!(one.closed("a/b", Millis(50_000)), None);
        assert_eq!(std::fs::read_dir(dir.path().join("a%2fb")).unwrap().count(), 0);
    }

    #[test]
    fn what_is_soon_over_or_not_this_accounts_doing_is_not_told() {
        let dir = tempfile::tempdir().unwrap();
        let accounts = Accounts::new(dir.path().to_owned());
        let servers = Exit::TryLater {
            until: Some(Millis(90_000)),
            why: "529".to_owned(),
            shortage: Shortage::Servers,
        };
        for exit in [limit(500), servers, Exit::Done] {
            accounts.note("a", &exit, Millis(0));
            assert_eq!(accounts.closed("a", Millis(1)), None, "{exit:?}");
        }
    }
}
