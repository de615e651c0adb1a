//! Builds adapters and hands them to the engine. The one room of the program that sees both.

mod adapt;
mod agents;
mod audit;
mod background;
mod board;
mod check;
mod control;
mod followed;
mod forge;
mod found;
mod launch;
mod names;
mod output;
mod plans;
mod preflight;
mod prompt;
mod reading;
mod runs;
mod seen;
mod site;
mod start;
mod task_files;
mod tickets;
mod work;

pub(crate) use adapt::{
    InitFile, config_lines, config_schema, flag, is_inside_attempt, propose, report_from_agent,
};
#[cfg(test)]
pub(crate) use audit::FindingKind;
pub(crate) use audit::{Audit, Finding, Proof, audit};
pub(crate) use background::{Background, Startup};
pub(crate) use board::{Synced, cards as board_cards, sync as board_sync};
pub(crate) use check::{Check, CheckLevel};
pub(crate) use control::{apply, send};
pub(crate) use followed::Followed;
pub(crate) use found::Found;
pub(crate) use launch::{Launched, launch};
pub(crate) use names::Names;
pub(crate) use output::{JobOutput, job_output};
pub(crate) use plans::find_plan;
pub(crate) use preflight::{Preflight, doctor, judge_target, verdict_check};
pub(crate) use prompt::{own_template, template_text};
pub(crate) use reading::{is_task_files, read_plan};
pub(crate) use runs::{RunLock, create_run, latest, open_run};
pub(crate) use seen::{Measuring, outside};
pub(crate) use site::{Site, settings_only};
pub(crate) use start::{Prepared, Wanted, first_starts, place_arguments, prepare, strategy_word};
pub(crate) use task_files::{NewTask, write_plan_files, write_task_file};
pub(crate) use tickets::as_it_is_now;
pub(crate) use work::{Seen, TaskChange, conflicts, conflicts_at_once, task_change};

pub(crate) use ppe_adapters::config::Flag;
pub(crate) use ppe_adapters::executor::drivers::report::Report as Word;
pub(crate) use ppe_adapters::file::replace;
pub(crate) use ppe_adapters::git::radar::Radar;
pub(crate) use ppe_adapters::radar::Looked;
pub(crate) use ppe_adapters::state_dir::RunDir;
