//! Small services of adapters in words that commands understand: settings shown, a first configuration, an agent's word.

use super::Site;
use super::site::settings_only;
use crate::error::AppError;
use ppe_adapters::config::{self, Flag, PROJECT_FILE};
use ppe_adapters::executor::drivers::report::{self, Report};
use ppe_adapters::executor::drivers::variable;
use ppe_adapters::executor::record::EXIT;
use ppe_adapters::{sources, state_dir};
use std::path::{Path, PathBuf};

/// The settings, to be shown.
pub(crate) struct ConfigLines {
    /// One line a setting.
    pub(crate) text: Vec<String>,
    /// The same as JSON.
    pub(crate) json: serde_json::Value,
}

/// Every setting and where it comes from.
pub(crate) fn config_lines(repo: &Path) -> Result<ConfigLines, AppError> {
    let lines = config::render(&settings_only(repo, Vec::new())?);
    Ok(ConfigLines {
        text: lines.iter().map(ToString::to_string).collect(),
        json: serde_json::to_value(&lines)?,
    })
}

/// The JSON schema of ppe.toml.
pub(crate) fn config_schema() -> String {
    config::schema()
}

/// A flag that sets a key.
pub(crate) fn flag(flag: &str, key: &str, value: &str) -> Flag {
    Flag { flag: flag.to_owned(), key: key.to_owned(), value: value.to_owned() }
}

/// A first ppe.toml.
pub(crate) struct InitFile {
    /// Where it belongs.
    pub(crate) path: PathBuf,
    /// What it says.
    pub(crate) text: String,
    /// What the user should know.
    pub(crate) notes: Vec<String>,
}

/// A first ppe.toml that fits the repository.
pub(crate) fn propose(dir: &Path, target: Option<&str>) -> Result<InitFile, AppError> {
    let site = Site::open(dir, Vec::new())?;
    let branch = match target {
        Some(name) => name.to_owned(),
        None => site.target()?.to_string(),
    };
    let ignored = |path: &str| site.is_ignored(path);
    let plans = sources::found(&site.repo.root);
    let text = config::propose(&config::survey(&site.repo.root, &branch, plans, ignored));
    let mut notes = Vec::new();
    if !site.repo.holders(&ppe_core::ids::Branch::new(branch.as_str()))?.is_empty() {
        notes.push(format!(
            "note: {branch} is checked out: each landing will move that checkout forward. A branch of its own is never in \
             your way: git branch ppe-main {branch}, then [repo] target = \"ppe-main\""
        ));
    }
    Ok(InitFile { path: site.repo.root.join(PROJECT_FILE), text, notes })
}

/// Whether this process was started by an agent at work on a task, as its environment tells; or, since some agents keep
/// that from what they start, as its place does.
pub(crate) fn is_inside_attempt(repo: &Path) -> bool {
    let is_workspace = |path: PathBuf| path.ancestors().any(state_dir::is_workspace);
    let here = std::env::current_dir();
    let places = here.ok().into_iter().chain(repo.canonicalize().ok());
    std::env::var_os(variable::REPORT).is_some() || places.into_iter().any(is_workspace)
}

/// Passes an agent's word on to the run that started it.
pub(crate) fn report_from_agent(report: &Report) -> Result<(), AppError> {
    let file = std::env::var_os(variable::REPORT).map(PathBuf::from).ok_or_else(|| {
        AppError::usage("this word is an agent's: it needs the file that PPE_REPORT names")
            .hint("without a word, `ppe report` shows the completion summary")
    })?;
    // The file lies in a folder of its own in the job's.
    if file.ancestors().nth(2).is_some_and(|job| job.join(EXIT).exists()) {
        return Err(AppError::environment("this attempt has ended: nobody listens to its reports any more"));
    }
    report::write(&file, report).map_err(AppError::environment)
}
