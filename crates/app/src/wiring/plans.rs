//! Which plan is meant.

use super::site::top;
use super::{Site, tickets};
use crate::error::AppError;
use ppe_adapters::config::{self, Settings};
use ppe_adapters::git::{Git, Repo};
use ppe_adapters::sources::{self, Options, Source};
use ppe_core::text::shown;
use ppe_engine::ports::{FoundPlan, SourceKind};
use std::path::{Path, PathBuf};

/// The plan to work on: as named, else as configured, else the one that is found. Between several nobody chooses.
pub(crate) fn find_plan(dir: &Path, named: Option<&Path>, settings: &Settings) -> Result<Source, AppError> {
    let (plan, root) = (&settings.plan, top(dir));
    let source = |path: PathBuf, kind: Option<SourceKind>| Source {
        kind: kind.unwrap_or_else(|| sources::kind_of(&path)),
        path,
        options: Options { name: plan.name.clone(), tag: plan.tag.clone() },
    };
    let is_asked_for = matches!(settings.origin("plan.source"), Some(config::Origin::Flag { .. }));
    if let Some(named) = named {
        // What ppe.toml says of a form is said of the plan that it means.
        return Ok(source(named.to_owned(), plan.source.filter(|_| is_asked_for)));
    }
    if let Some(kind) = plan.source.filter(|kind| kind.is_elsewhere()) {
        let site = Site::of(Repo::discover(&Git::default(), &root)?, settings.clone())?;
        return tickets::bring_down(&site, kind, plan.tag.as_deref());
    }
    // A form that is named on the command line is looked for, unless the plan that is written down has it.
    let written = plan.path.as_ref().map(|path| root.join(path));
    let fits = |path: &PathBuf| !is_asked_for || plan.source == Some(sources::kind_of(path));
    if let Some(path) = written.filter(fits) {
        return Ok(source(path, plan.source));
    }
    let wanted = |found: &FoundPlan| plan.source.is_none_or(|kind| kind == found.kind);
    let found: Vec<FoundPlan> = sources::found(&root).into_iter().filter(wanted).collect();
    match found.as_slice() {
        [one] => Ok(source(root.join(&one.path), Some(one.kind))),
        [] => {
            let of_kind = plan.source.map_or_else(String::new, |kind| format!(" of kind {}", kind.as_str()));
            Err(AppError::plan(format!("no plan{of_kind} was named and none was found"))
                .hint("`ppe run DIR` with the folder of task files, or [plan] path in ppe.toml"))
        }
        several => {
            let list = |plan: &FoundPlan| format!("`{}` ({})", shown(&plan.path), plan.kind.as_str());
            let list = several.iter().map(list).collect::<Vec<_>>().join(", ");
            Err(AppError::plan(format!("several plans were found: {list}"))
                .hint("name one, as in `ppe run PATH`, or write [plan] path (or source) into ppe.toml"))
        }
    }
}
