//! Cargo: the members of the workspace, and those among their dependencies that are members too.

use super::{Module, Tree, file_in, fits, joined};
use std::collections::BTreeMap;
use toml::{Table, Value};

pub(super) fn modules(tree: &Tree) -> Vec<Module> {
    let manifests: BTreeMap<&str, Table> = tree
        .texts
        .iter()
        .filter_map(|(path, text)| Some((folder(path)?, text.parse::<Table>().ok()?)))
        .collect();
    let Some(top) = manifests.get("") else { return Vec::new() };
    let listed = |key: &str| -> Vec<String> {
        let list = top.get("workspace").and_then(|w| w.get(key)).and_then(Value::as_array);
        let texts = list.into_iter().flatten().filter_map(Value::as_str);
        texts.filter_map(|path| joined("", path)).collect()
    };
    let (members, excluded) = (listed("members"), listed("exclude"));
    let is_member = |dir: &str| {
        dir.is_empty()
            || (members.iter().any(|pattern| fits(pattern, dir)) && !excluded.iter().any(|out| out == dir))
    };
    let named: Vec<(&str, &str, &Table)> = manifests
        .iter()
        .filter(|(dir, _)| is_member(dir))
        .filter_map(|(dir, manifest)| Some((name(manifest)?, *dir, manifest)))
        .collect();
    let needs = |manifest: &Table| {
        let wanted = dependencies(manifest);
        let members = named.iter().map(|(name, ..)| *name);
        members.filter(|name| wanted.iter().any(|need| need == name)).map(str::to_owned).collect()
    };
    named
        .iter()
        .map(|(name, dir, manifest)| Module {
            name: (*name).to_owned(),
            dir: (*dir).to_owned(),
            needs: needs(manifest),
        })
        .collect()
}

fn folder(path: &str) -> Option<&str> {
    path.strip_suffix("Cargo.toml")
        .filter(|dir| file_in(dir.trim_end_matches('/'), "Cargo.toml") == path)
        .map(|dir| dir.trim_end_matches('/'))
}

fn name(manifest: &Table) -> Option<&str> {
    manifest.get("package")?.get("name")?.as_str()
}

/// The packages that a manifest names with a path or as the workspace's, whatever they are needed for.
fn dependencies(manifest: &Table) -> Vec<String> {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = targets.filter_map(|(_, of_target)| of_target.as_table()).chain([manifest]);
    let lists = tables.flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()));
    lists
        .flatten()
        .filter(|(_, wanted)| wanted.get("path").is_some() || wanted.get("workspace").is_some())
        .map(|(key, wanted)| wanted.get("package").and_then(Value::as_str).unwrap_or(key).to_owned())
        .collect()
}
