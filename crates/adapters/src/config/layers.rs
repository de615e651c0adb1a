//! The layers, lowest first: each puts its values over those below. Nothing stops at the first mistake.
//!
//! Knows their order; how one is read is in `reading` and `env`.

use super::error::{ConfigError, Problem};
use super::origin::Origin;
use super::reading::{Reading, Source};
use super::settings::Settings;
use super::value::Raw;
use super::{Inputs, env, keys};

/// The program's own layer.
pub(super) const DEFAULTS: &str = include_str!("defaults.toml");

/// All layers, lowest first.
pub(super) fn settle(inputs: &Inputs) -> Result<Settings, ConfigError> {
    let mut reading = Reading::default();
    reading.file(&Source::of_defaults(DEFAULTS));
    for document in inputs.user.iter().chain(&inputs.project) {
        reading.file(&Source::from(document));
    }
    env::apply(&inputs.env, &mut reading);
    for flag in &inputs.flags {
        let Some(key) = keys::find(&flag.key) else {
            reading.problem(Problem::Flag { flag: flag.flag.clone(), key: flag.key.clone() });
            continue;
        };
        reading.put(key, Raw::Text(&flag.value), &flag.value, Origin::Flag { flag: flag.flag.clone() });
    }
    reading.finish()
}
