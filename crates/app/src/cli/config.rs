//! Every setting and where it comes from.

use super::args::ConfigArgs;
use super::ui::Ui;
use crate::error::{AppError, EXIT_DONE};
use crate::wiring::{config_lines, config_schema};
use serde_json::json;

/// Shows the settings.
pub(super) fn run(args: &ConfigArgs, ui: &mut Ui) -> Result<u8, AppError> {
    if args.schema {
        ui.raw(&config_schema());
        return Ok(EXIT_DONE);
    }
    let lines = config_lines(&args.repo)?;
    if args.json {
        ui.json(&json!({"schema": "ppe.config.v1", "settings": lines.json}))?;
    } else {
        for line in lines.text {
            ui.data(&line);
        }
    }
    Ok(EXIT_DONE)
}
