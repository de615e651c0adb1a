//! stub
use crate::cli::ui::Colour;
use ppe_core::view::RunView;
pub(in crate::cli) const ENTER: &str = "\x1b[?1049h";
pub(in crate::cli) const LEAVE: &str = "\x1b[?1049l";
pub(in crate::cli) const CLEAR: &str = "\x1b[2J\x1b[H";
pub(in crate::cli) struct Look { pub columns: u16, pub rows: u16, pub colour: Colour, pub updated: String, pub interrupts: u32 }
impl Look { pub(in crate::cli) fn plain(colour: Colour, updated: String) -> Self { Self { columns: 80, rows: 0, colour, updated, interrupts: 0 } } }
pub(in crate::cli) fn dashboard(view: &RunView, _look: &Look) -> String { format!("{} {:?}\n", view.title, view.totals) }
pub(in crate::cli) fn details(view: &RunView, _look: &Look) -> String { format!("{:?}\n", view.tasks) }
pub(in crate::cli) fn frame(picture: &str, _rows: u16, _stalled: Option<&str>) -> String { picture.to_owned() }
