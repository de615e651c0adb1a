//! Plans of other programs: what each sample is read as, what is said of those that are wrong, which are found, and that
//! nothing written there can do harm.

#![expect(clippy::unwrap_used, reason = "the whole of this program is a test")]

mod finding;
mod hostile;
mod order;
mod round_trip;
mod samples;
mod tickets;
mod wrong;

use ppe_adapters::sources::{Options, Source};
use ppe_core::plan::{Finding, Level, PlanSpec, TaskSpec};
use ppe_engine::ports::{PlanSource, SourceError, SourceKind};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sources").join(name)
}

fn read_as(kind: SourceKind, path: &Path) -> Result<(PlanSpec, Vec<Finding>), SourceError> {
    Source { kind, path: path.to_owned(), options: Options::default() }.read()
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("room for files");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a name below the folder")).expect("a fresh folder");
        std::fs::write(path, text).expect("room for a file");
    }
    folder
}

/// The ids of a plan's tasks with what they need.
fn tasks(kind: SourceKind, files: &[(&str, &str)]) -> Vec<String> {
    let (spec, findings) = read_as(kind, folder(files).path()).unwrap();
    assert!(findings.iter().all(|finding| finding.level == Level::Warning), "{findings:?}");
    let needs =
        |task: &TaskSpec| task.depends_on.iter().map(|id| id.value.to_string()).collect::<Vec<_>>().join(" ");
    spec.tasks.iter().map(|task| format!("{}: {}", task.id.value, needs(task))).collect()
}
