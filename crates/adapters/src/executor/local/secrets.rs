//! Variables whose values no file may hold: told by their names, handed over in a shim's own environment.
//!
//! What is not named like a secret is none here; the allow-lists decide what a job sees at all.

use super::Inner;
use crate::executor::job::ShimProgram;
use crate::executor::record::{self, JobSpec};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A name that holds one of these is a secret's.
const WORDS: [&str; 9] =
    ["KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL", "_AUTH", "_PWD", "DATABASE_URL", "_DSN"];

/// A job's environment in two parts.
pub(super) struct Parted {
    /// What its spec may hold.
    pub(super) env: BTreeMap<String, String>,
    /// The names of the rest.
    pub(super) secrets: Vec<String>,
    /// What becomes its shim, with the values of the rest.
    pub(super) shim: ShimProgram,
}

impl Inner {
    /// Parts the environment of the job in `dir`. What a spec that lies there already names as a secret stays one: a job
    /// that was prepared with a key does not start without it unnoticed, but ends saying which is missing.
    pub(super) fn parted(&self, dir: &Path, all: BTreeMap<String, String>) -> Parted {
        // One that cannot be read is written anew.
        let prepared = record::get::<JobSpec>(dir, record::SPEC).ok().flatten();
        let (values, env): (BTreeMap<_, _>, _) = all.into_iter().partition(|(name, _)| is_secret(name));
        let earlier = prepared.map(|spec| spec.secrets).unwrap_or_default();
        let secrets: BTreeSet<String> = values.keys().cloned().chain(earlier).collect();
        let shim = ShimProgram { path: self.shim.path.clone(), secrets: values.into_iter().collect() };
        Parted { env, secrets: secrets.into_iter().collect(), shim }
    }
}

/// Whether a variable of this name holds what no file may.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_by_their_names() {
        for name in [
            "ANTHROPIC_API_KEY",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "client_secret",
            "DB_PASSWORD",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "PGPASSFILE",
            "MYSQL_PWD",
            "DATABASE_URL",
            "OPENCODE_AUTH_CONTENT",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in ["PATH", "PWD", "OLDPWD", "ANTHROPIC_BASE_URL", "CODEX_HOME", "PPE_TASK", "OPENAI_ORG"] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
