//! Plans that are kept elsewhere: brought down as tickets, which are then read like any other plan.

use super::{Site, board, forge};
use crate::error::AppError;
use ppe_adapters::log::digest;
use ppe_adapters::sources::{Options, Source, write_tickets};
use ppe_core::text::shown;
use ppe_engine::ports::{SourceKind, Tickets};

/// Brings a plan down, and says where it lies now. `tag` is the label of the issues that are meant.
pub(super) fn bring_down(site: &Site, kind: SourceKind, tag: Option<&str>) -> Result<Source, AppError> {
    let tickets = match kind {
        SourceKind::GitHub => issues(site, tag)?,
        _ => board::tickets(site)?,
    };
    std::fs::create_dir_all(site.state.folder())?;
    // Each label has a file of its own: a run is compared with what it was begun with.
    let mark = tag.map_or_else(String::new, |tag| digest(tag.as_bytes()).replace("sha256:", "-"));
    let path = site.state.folder().join(format!("{}{mark}.tickets.json", kind.as_str()));
    write_tickets(&tickets, &path)?;
    let options = Options { name: site.settings.plan.name.clone(), tag: tag.map(str::to_owned) };
    Ok(Source { kind, path, options })
}

/// A plan's source with what is there now: one that is kept elsewhere is brought down again.
pub(crate) fn as_it_is_now(site: &Site, source: Source) -> Result<Source, AppError> {
    if source.kind.is_elsewhere() {
        return bring_down(site, source.kind, source.options.tag.as_deref());
    }
    Ok(source)
}

/// Anybody may write an issue, and what it says is told to agents. So somebody who may has to have marked it.
fn issues(site: &Site, label: Option<&str>) -> Result<Tickets, AppError> {
    let label = label.ok_or_else(|| {
        AppError::usage("which issues are the plan is not said")
            .hint("`--tag LABEL`, or [plan] tag in ppe.toml, names the label that they have")
    })?;
    let tickets = forge::tickets(site, label)?;
    if tickets.tickets.is_empty() {
        return Err(AppError::plan(format!("{}: no issue has the label `{}`", tickets.name, shown(label))));
    }
    Ok(tickets)
}
