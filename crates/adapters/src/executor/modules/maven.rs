//! Maven: the modules that poms list, and those among their dependencies and parents that are modules too.

use super::{Module, Tree, file_in, joined};
use std::collections::BTreeSet;

pub(super) fn modules(tree: &Tree) -> Vec<Module> {
    let mut dirs = BTreeSet::new();
    let mut open = vec![String::new()];
    while let Some(dir) = open.pop() {
        let Some(pom) = tree.texts.get(&file_in(&dir, "pom.xml")) else { continue };
        for module in elements(&without_comments(pom), "module") {
            if let Some(inner) = joined(&dir, &module)
                && !inner.is_empty()
                && dirs.insert(inner.clone())
            {
                open.push(inner);
            }
        }
    }
    let poms: Vec<(String, String, String)> = dirs
        .into_iter()
        .filter_map(|dir| {
            let pom = without_comments(tree.texts.get(&file_in(&dir, "pom.xml"))?);
            Some((own_name(&pom)?, dir, pom))
        })
        .collect();
    poms.iter()
        .map(|(own, dir, pom)| {
            let named = elements(pom, "artifactId");
            let others = poms.iter().filter(|(name, ..)| name != own && named.contains(name));
            let needs = others.map(|(_, dir, _)| dir.clone()).collect();
            Module { name: dir.clone(), dir: dir.clone(), needs }
        })
        .collect()
}

/// The artifact that a pom makes: the first name that is not its parent's.
fn own_name(pom: &str) -> Option<String> {
    let own = match (pom.find("<parent>"), pom.find("</parent>")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &pom[..from], &pom[to..]),
        _ => pom.to_owned(),
    };
    elements(&own, "artifactId").into_iter().next()
}

/// The texts of all elements of a name.
fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let pieces = xml.split(open.as_str()).skip(1);
    pieces.filter_map(|piece| Some(piece.split_once(close.as_str())?.0.trim().to_owned())).collect()
}

fn without_comments(xml: &str) -> String {
    let mut pieces = xml.split("<!--");
    let first = pieces.next().unwrap_or_default().to_owned();
    let rest = pieces.filter_map(|piece| Some(piece.split_once("-->")?.1));
    rest.fold(first, |text, piece| text + piece)
}
