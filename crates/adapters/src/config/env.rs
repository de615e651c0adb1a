//! The environment as a layer: each key's own `PPE_…` variable and the names it goes by elsewhere.
//!
//! Does not read the environment: it is given.

use super::error::Problem;
use super::key::{Key, Kind};
use super::keys;
use super::origin::Origin;
use super::reading::Reading;
use super::settings::Settings;
use super::value::Raw;
use std::collections::BTreeMap;

/// The variable that chooses how much is done before a person is asked, or between one agent at a time and many.
const MODE: &str = "PLAN_EXECUTION_MODE";

/// Puts the values of variables over what was read. An empty variable counts as not set.
pub(super) fn apply(env: &BTreeMap<String, String>, reading: &mut Reading) {
    for key in keys::all() {
        let mut first: Option<(String, String)> = None;
        for variable in variables(key) {
            let Some(value) = env.get(&variable).filter(|value| !value.trim().is_empty()) else { continue };
            let origin = Origin::Environment { variable: variable.clone() };
            let Some(shown) = reading.put(key, Raw::Text(value), value, origin) else { continue };
            let here = format!("{variable}={value}");
            match &first {
                None => first = Some((here, shown)),
                Some((_, same)) if *same == shown => {}
                Some((there, _)) => {
                    let (first, key) = (there.clone(), key.label());
                    reading.problem(Problem::Disagree { first, second: here, key });
                }
            }
        }
    }
    mode(env, reading);
}

/// Every variable that sets a key.
pub(super) fn variables(key: &Key<Settings>) -> impl Iterator<Item = String> {
    key.variables.iter().map(|v| (*v).to_owned()).chain([key.own_variable()])
}

/// Whether a word is one of a key's names.
fn knows(key: &Key<Settings>, word: &str) -> bool {
    matches!(&key.kind, Kind::Choice { names, .. } if names.iter().any(|(name, _)| *name == word))
}

/// `sequential` is one slot, whatever the most slots are; `parallel` changes nothing; any other word is one of `run.mode`.
fn mode(env: &BTreeMap<String, String>, reading: &mut Reading) {
    let Some(value) = env.get(MODE).filter(|value| !value.trim().is_empty()) else { return };
    let origin = Origin::Environment { variable: MODE.to_owned() };
    let (Some(slots), Some(mode)) = (keys::find("run.slots"), keys::find("run.mode")) else { return };
    match value.trim() {
        "sequential" => {
            reading.put(slots, Raw::Text("1"), value, origin);
        }
        "parallel" => {}
        word if knows(mode, word) => {
            let own = mode.own_variable();
            match env.get(&own).filter(|own| !own.trim().is_empty() && own.trim() != word) {
                Some(other) => reading.problem(Problem::Disagree {
                    first: format!("{MODE}={value}"),
                    second: format!("{own}={other}"),
                    key: mode.label(),
                }),
                None => {
                    reading.put(mode, Raw::Text(word), value, origin);
                }
            }
        }
        _ => {
            let message =
                format!("the mode must be {}, or parallel or sequential", super::value::allowed(&mode.kind));
            reading.problem(Problem::Value { origin, key: MODE.to_owned(), value: value.clone(), message });
        }
    }
}
