//! What the command line shows, as text: the dashboard, the details, plain lines, the completion screen.
//!
//! Pure: from a view or a report to a string. Knows no terminal, no clock and no files; widths, colours and the time's
//! wording are given. Every text passes [`look::clean`] on its way out, so that nothing a plan, an agent or a branch
//! name contains can move the cursor.

mod attention;
mod dashboard;
mod details;
mod lane;
mod look;
mod plain;
mod sections;
mod summary;

pub use dashboard::dashboard;
pub use details::details;
pub use look::{Colour, Letters, Look, clean};
pub use plain::{Plain, describe, ending, opening, wave_line};
pub use summary::summary;
