//! npm, pnpm and yarn: the packages of the workspace, and those among their dependencies that belong to it too.

use super::{Module, Tree, fits};
use serde_json::Value;
use std::collections::BTreeSet;

/// Where a package names others.
const DEPENDENCIES: [&str; 4] =
    ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"];

pub(super) fn modules(tree: &Tree) -> Vec<Module> {
    let patterns = patterns(tree);
    let (out, members): (Vec<&String>, Vec<&String>) = patterns.iter().partition(|p| p.starts_with('!'));
    let is_member = |dir: &str| {
        members.iter().any(|pattern| fits(pattern, dir))
            && !out.iter().any(|pattern| fits(&pattern[1..], dir))
    };
    let packages: Vec<(String, String, Value)> = tree
        .texts
        .iter()
        .filter_map(|(path, text)| Some((path.strip_suffix("/package.json")?, text)))
        .filter(|(dir, _)| is_member(dir))
        .filter_map(|(dir, text)| {
            let package: Value = serde_json::from_str(text).ok()?;
            Some((package["name"].as_str()?.to_owned(), dir.to_owned(), package))
        })
        .collect();
    let names: BTreeSet<&String> = packages.iter().map(|(name, ..)| name).collect();
    let needs = |package: &Value| {
        let wanted = DEPENDENCIES.iter().filter_map(|kind| package[*kind].as_object()).flatten();
        wanted.map(|(name, _)| name).filter(|name| names.contains(name)).cloned().collect()
    };
    packages
        .iter()
        .map(|(name, dir, package)| Module { name: name.clone(), dir: dir.clone(), needs: needs(package) })
        .collect()
}

fn patterns(tree: &Tree) -> Vec<String> {
    if let Some(text) = tree.texts.get("pnpm-workspace.yaml") {
        let list = text.lines().skip_while(|line| line.trim_end() != "packages:").skip(1);
        let items = list.map_while(|line| line.trim().strip_prefix("- "));
        return items.map(|item| item.trim().trim_matches(['"', '\'']).to_owned()).collect();
    }
    let package: Option<Value> =
        tree.texts.get("package.json").and_then(|text| serde_json::from_str(text).ok());
    let Some(package) = package else { return Vec::new() };
    let listed = package["workspaces"].as_array().or_else(|| package["workspaces"]["packages"].as_array());
    listed.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
