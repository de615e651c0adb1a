//! The live dashboard: one frame that says as much as fits, and what is left out is marked. Knows nothing of terminals.

use super::attention::{attention, keys};
use super::look::{Look, Row, Tone};
use super::sections::{Detail, active, in_review, lists, totals, waves};
use ppe_core::view::RunView;

/// The dashboard as lines; `updated` is the time it was true, in words. It never has more rows than the look allows.
pub fn dashboard(view: &RunView, look: &Look, updated: &str) -> Vec<String> {
    let footer =
        [look.line(Tone::Dim, &format!("Last updated: {updated}")), look.line(Tone::Dim, keys(view))];
    for detail in [Detail::Full, Detail::Compact, Detail::Brief] {
        let mut lines = look.frame(&rows(view, look, detail));
        if detail == Detail::Full {
            lines.push(String::new());
        }
        lines.extend(footer.clone());
        if look.height.is_none_or(|height| lines.len() <= height) {
            return lines;
        }
    }
    squeezed(view, look, footer)
}

fn rows(view: &RunView, look: &Look, detail: Detail) -> Vec<Row> {
    let title = format!("{} - Parallel Execution Dashboard", view.title);
    let mut sections = vec![vec![Row::Centred(title)]];
    let attention = attention(view, detail, look);
    match detail {
        Detail::Full | Detail::Compact => sections.push(waves(view)),
        Detail::Brief => sections.push(totals(view, detail)),
    }
    sections.push(attention);
    let mut work = active(view, detail);
    work.extend(in_review(view, detail));
    sections.push(work);
    match detail {
        Detail::Full | Detail::Compact => {
            sections.push(lists(view, detail, look.text_width()));
            sections.push(totals(view, detail));
        }
        Detail::Brief => {}
    }
    sections.retain(|rows| !rows.is_empty());
    match detail {
        Detail::Full | Detail::Compact => sections.join(&Row::Rule),
        Detail::Brief => sections.concat(),
    }
}

/// Where even the brief one does not fit: its first rows, and a last one that says how many are missing.
fn squeezed(view: &RunView, look: &Look, footer: [String; 2]) -> Vec<String> {
    let height = look.height.unwrap_or(usize::MAX);
    let mut rows = rows(view, look, Detail::Brief);
    let frame = if look.is_framed() { 2 } else { 0 };
    let [_, keys] = footer;
    // A frame, one row and the keys are the least that makes sense; below that, bare rows.
    if height < frame + 2 {
        let bare = Look { width: look.width.min(39), ..*look };
        return bare.frame(&rows).into_iter().take(height).collect();
    }
    let room = height - frame - 1;
    if rows.len() > room {
        let missing = rows.len() - (room - 1);
        rows.truncate(room - 1);
        rows.push(Row::toned(Tone::Dim, format!("... {missing} more lines: `ppe status` shows all")));
    }
    let mut lines = look.frame(&rows);
    lines.push(keys);
    lines
}
