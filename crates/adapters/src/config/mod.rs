//! Configuration: flags over environment over `ppe.toml` over the user's file over defaults, into one typed
//! [`Settings`] that knows where each value came from.
//!
//! [`settle`] is pure: everything is given. [`load`] reads the two files and calls it. Neither knows what the settings
//! do.

mod agent_keys;
mod agent_settings;
mod board_keys;
mod builds;
mod env;
mod environment;
mod error;
mod facts;
mod forge_keys;
mod init;
mod key;
mod keys;
mod layers;
mod merge_keys;
mod origin;
mod reading;
mod reference;
mod render;
mod rules;
mod settings;
mod survey;
mod value;

#[cfg(test)]
mod tests;

pub use agent_settings::{
    AcpAgent, CommandAgent, Home, NativeAgent, NativeAgents, Permissions, ScriptedAgent,
};
pub use environment::{ambient, environment};
pub use error::{ConfigError, Problem};
pub use facts::{BoardFound, BoardPlace, Facts, Found};
pub use init::propose;
pub use origin::Origin;
pub use reference::{reference, schema};
pub use render::{Held, Line, render};
pub use settings::{
    BoardSettings, Command, CommandKind, Daemons, EnvPatterns, ForgeKind, ForgeMode, ForgeSettings, Limits,
    PlanSettings, RetryLimits, Settings, Weight, Workspace,
};
pub use survey::survey;

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The project's configuration file, in the repository's top folder.
pub const PROJECT_FILE: &str = "ppe.toml";

/// Everything that settings are made of, besides the defaults.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The command line.
    pub flags: Vec<Flag>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// The repository's file.
    pub project: Option<Document>,
    /// The user's file.
    pub user: Option<Document>,
}

/// A flag that sets a key.
#[derive(Clone, Debug)]
pub struct Flag {
    /// The flag with its dashes, for messages: `--slots`.
    pub flag: String,
    /// The key: `run.slots`.
    pub key: String,
    /// The value as typed.
    pub value: String,
}

/// A configuration file.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its name as the user knows it: `ppe.toml`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The settings that the inputs come to.
///
/// # Errors
/// Everything that is wrong in any layer, also where a higher layer has another value.
pub fn settle(inputs: &Inputs) -> Result<Settings, ConfigError> {
    layers::settle(inputs)
}

/// The settings for a repository: reads its file and the user's, as far as they exist.
///
/// # Errors
/// As [`settle`], and files that exist and cannot be read.
pub fn load(repo: &Path, env: BTreeMap<String, String>, flags: Vec<Flag>) -> Result<Settings, ConfigError> {
    let project = read(&repo.join(PROJECT_FILE), PROJECT_FILE);
    let user = match user_file(&env) {
        Some(path) => read(&path, &path.display().to_string()),
        None => Ok(None),
    };
    match (user, project) {
        (Ok(user), Ok(project)) => settle(&Inputs { flags, env, project, user }),
        (user, project) => {
            let problems = [user.err(), project.err()].into_iter().flatten().collect();
            Err(ConfigError { problems })
        }
    }
}

/// Where the user's file is looked for; nothing when the environment names no home.
pub fn user_file(env: &BTreeMap<String, String>) -> Option<PathBuf> {
    let absolute = |name: &str| env.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))?;
    Some(folder.join("ppe/config.toml"))
}

fn read(path: &Path, name: &str) -> Result<Option<Document>, Problem> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(Document { name: name.to_owned(), text })),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Problem::Unreadable { path: path.to_owned(), why: e.to_string() }),
    }
}
