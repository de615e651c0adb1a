//! Whether an agent has a login, as far as can be told from variables and from files that are there or not.
//!
//! No file is read and no request is made: a login that has run out is found out by the first attempt.

use super::is_users;
use ppe_adapters::config::Home;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is known of a login.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// There is one, by this variable or file.
    Found(String),
    /// None was found.
    Missing {
        /// In words.
        why: String,
        /// How to log in.
        hint: String,
    },
}

/// What tells of a login of one agent.
struct Signs {
    variables: &'static [&'static str],
    /// The file of its login.
    file: &'static str,
    /// Its folder: the variable that names it, if any does, and where it is else, seen from home.
    folder: (&'static str, &'static str),
    hint: &'static str,
}

fn signs(agent: &str) -> Signs {
    match agent {
        "claude" => Signs {
            variables: &[
                "ANTHROPIC_API_KEY",
                "ANTHROPIC_AUTH_TOKEN",
                "CLAUDE_CODE_OAUTH_TOKEN",
                "CLAUDE_CODE_USE_BEDROCK",
                "CLAUDE_CODE_USE_VERTEX",
            ],
            file: ".credentials.json",
            folder: ("CLAUDE_CONFIG_DIR", ".claude"),
            hint: "start `claude` once and type /login, or set ANTHROPIC_API_KEY",
        },
        "codex" => Signs {
            variables: &["CODEX_API_KEY", "OPENAI_API_KEY"],
            file: "auth.json",
            folder: ("CODEX_HOME", ".codex"),
            hint: "`codex login`, or set CODEX_API_KEY",
        },
        "opencode" => Signs {
            variables: &["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY"],
            file: "opencode/auth.json",
            folder: ("XDG_DATA_HOME", ".local/share"),
            hint: "`opencode auth login`, or set the key of your provider and name its variable in agent.opencode.env",
        },
        _ => Signs {
            variables: &["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS"],
            file: "oauth_creds.json",
            folder: ("", ".gemini"),
            hint: "start `gemini` once and log in, or set GEMINI_API_KEY",
        },
    }
}

/// Looks for a login of `agent`. `env` is what it will see, `all` what we see.
pub(super) fn of(
    agent: &str,
    home: Home,
    env: &BTreeMap<String, String>,
    all: &BTreeMap<String, String>,
) -> Login {
    let signs = signs(agent);
    let set = |env: &BTreeMap<String, String>| {
        signs.variables.iter().find(|name| env.get(**name).is_some_and(|value| !value.is_empty())).copied()
    };
    if let Some(name) = set(env) {
        return Login::Found(name.to_owned());
    }
    let file = folder(signs.folder, env).map(|folder| folder.join(signs.file));
    match file.filter(|_| is_users(home)) {
        Some(file) if file.exists() => return Login::Found(file.display().to_string()),
        _ => {}
    }
    if let Some(name) = set(all) {
        let why = format!("{name} is set, but it does not get to see it");
        return Login::Missing { why, hint: format!("add \"{name}\" to agent.{agent}.env") };
    }
    let why = if is_users(home) {
        "no login was found"
    } else {
        "with home = \"private\" it has no login but a key, and none is set"
    };
    Login::Missing { why: why.to_owned(), hint: signs.hint.to_owned() }
}

/// The folder that a variable names, else the one below home.
pub(super) fn folder((variable, below): (&str, &str), env: &BTreeMap<String, String>) -> Option<PathBuf> {
    let named = env.get(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    named.or_else(|| env.get("HOME").map(|home| Path::new(home).join(below)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn found(agent: &str, home: Home, env: &BTreeMap<String, String>) -> Option<String> {
        match of(agent, home, env, env) {
            Login::Found(by) => Some(by),
            Login::Missing { .. } => None,
        }
    }

    #[test]
    fn a_key_is_a_login() {
        for (agent, name) in [
            ("claude", "ANTHROPIC_API_KEY"),
            ("claude", "CLAUDE_CODE_OAUTH_TOKEN"),
            ("codex", "CODEX_API_KEY"),
            ("opencode", "OPENROUTER_API_KEY"),
            ("gemini", "GEMINI_API_KEY"),
        ] {
            assert_eq!(found(agent, Home::Private, &env(&[(name, "x")])).as_deref(), Some(name));
            assert_eq!(found(agent, Home::Private, &env(&[(name, "")])), None, "an empty one is none");
        }
    }

    #[test]
    fn a_login_of_the_user_counts_only_where_it_is_used() {
        let home = tempfile::tempdir().unwrap();
        let at = home.path().to_str().unwrap();
        for (agent, file) in [
            ("claude", ".claude/.credentials.json"),
            ("codex", ".codex/auth.json"),
            ("opencode", ".local/share/opencode/auth.json"),
            ("gemini", ".gemini/oauth_creds.json"),
        ] {
            let env = env(&[("HOME", at)]);
            assert_eq!(found(agent, Home::User, &env), None);
            let path = home.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            assert_eq!(found(agent, Home::User, &env), Some(path.display().to_string()));
            assert_eq!(found(agent, Home::Private, &env), None);
        }
        let elsewhere = env(&[("HOME", at), ("CODEX_HOME", "/nowhere")]);
        assert_eq!(found("codex", Home::User, &elsewhere), None);
    }

    #[test]
    fn a_key_that_does_not_get_through_is_said() {
        let missing = of("opencode", Home::User, &env(&[]), &env(&[("OPENAI_API_KEY", "x")]));
        let Login::Missing { why, hint } = missing else { panic!("{missing:?}") };
        assert_eq!(why, "OPENAI_API_KEY is set, but it does not get to see it");
        assert_eq!(hint, "add \"OPENAI_API_KEY\" to agent.opencode.env");
    }
}
