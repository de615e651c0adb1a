//! Test coverage from reports that a build left in the checkout: JaCoCo and lcov.
//!
//! Read as text and never executed; a report that says nothing counts as none.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders below the top that are looked into.
const DEPTH: u32 = 6;
/// Folders that hold no report of this project's own.
const PASSED_OVER: [&str; 4] = [".git", "node_modules", "vendor", "venv"];
/// Folders looked into at most.
const MOST: usize = 5_000;

/// The share of covered lines over all reports found, in per cent.
pub(crate) fn coverage_percent(root: &Path) -> Option<f64> {
    let mut reports = Vec::new();
    find(root, DEPTH, &mut 0, &mut reports);
    let (covered, all) =
        reports.iter().filter_map(|path| read(path)).fold((0, 0), |(c, a), (x, y)| (c + x, a + y));
    (all > 0).then(|| ratio(covered, all))
}

#[expect(clippy::cast_precision_loss, reason = "no project has 2^52 lines")]
fn ratio(covered: u64, all: u64) -> f64 {
    covered as f64 * 100.0 / all as f64
}

fn find(dir: &Path, depth: u32, seen: &mut usize, found: &mut Vec<PathBuf>) {
    *seen += 1;
    if *seen > MOST {
        return;
    }
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 && !PASSED_OVER.contains(&name.as_str()) {
            find(&entry.path(), depth - 1, seen, found);
        } else if kind.is_file() && is_report(&name) {
            found.push(entry.path());
        }
    }
}

fn is_report(name: &str) -> bool {
    name == "lcov.info" || (name.starts_with("jacoco") && name.to_lowercase().ends_with(".xml"))
}

/// Covered lines and all lines of a report.
fn read(path: &Path) -> Option<(u64, u64)> {
    let text = String::from_utf8_lossy(&fs::read(path).ok()?).into_owned();
    if path.extension().is_some_and(|e| e == "info") {
        let sum =
            |key: &str| text.lines().filter_map(|l| l.strip_prefix(key)?.trim().parse::<u64>().ok()).sum();
        return Some((sum("LH:"), sum("LF:")));
    }
    // The counters of the whole report come last.
    let counter = text.rfind("<counter type=\"LINE\"").map(|at| &text[at..])?;
    let number = |name: &str| {
        let from = counter.find(name)? + name.len();
        counter[from..].split('"').next()?.parse::<u64>().ok()
    };
    let (missed, covered) = (number("missed=\"")?, number("covered=\"")?);
    Some((covered, missed + covered))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_added_up() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(coverage_percent(dir.path()), None);
        let jacoco = dir.path().join("a/build/reports/jacoco/test");
        fs::create_dir_all(&jacoco).unwrap();
        let xml = "<report><package><counter type=\"LINE\" missed=\"9\" covered=\"1\"/></package>\
                   <counter type=\"LINE\" missed=\"13\" covered=\"87\"/></report>";
        fs::write(jacoco.join("jacocoTestReport.xml"), xml).unwrap();
        assert_eq!(coverage_percent(dir.path()), Some(87.0));
        fs::write(dir.path().join("lcov.info"), "SF:x\nLF:100\nLH:67\nend_of_record\n").unwrap();
        assert_eq!(coverage_percent(dir.path()), Some(77.0));
    }
}
