//! Test coverage from reports that a build left in a checkout: lcov, Cobertura and JaCoCo.
//!
//! Read as text and never executed; a report that says nothing counts as none. Knows nothing of who wants it.

use ppe_core::outcome::Coverage;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders below the top that are looked into.
const DEPTH: u32 = 6;
/// Folders that hold no report of this project's own.
const PASSED_OVER: [&str; 4] = [".git", "node_modules", "vendor", "venv"];
/// Folders looked into at most.
const MOST: usize = 5_000;
/// A larger report is not read, bytes.
const MOST_BYTES: u64 = 128 << 20;

/// Lines that tests reach, of lines that there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Covered {
    /// Those reached.
    pub lines: u64,
    /// All.
    pub of: u64,
}

impl Covered {
    /// In per cent.
    #[expect(clippy::cast_precision_loss, reason = "no project has 2^52 lines")]
    pub fn percent(self) -> f64 {
        self.lines as f64 * 100.0 / self.of as f64
    }

    /// In hundredths of a per cent, rounded down.
    pub fn rounded(self) -> Coverage {
        let hundredths = u128::from(self.lines) * 10_000 / u128::from(self.of.max(1));
        Coverage(u32::try_from(hundredths).unwrap_or(u32::MAX))
    }

    /// Whether it is at least so many per cent.
    pub fn reaches(self, percent: u32) -> bool {
        u128::from(self.lines) * 100 >= u128::from(percent) * u128::from(self.of)
    }
}

impl fmt::Display for Covered {
    /// Rounded down: what is below a target never looks as if it were not.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} of {} lines)", self.rounded(), self.lines, self.of)
    }
}

/// All reports found below a folder, by path, and what each says.
pub fn reports(root: &Path) -> Vec<(PathBuf, Covered)> {
    let mut found = find(root);
    found.sort();
    let read = |path: PathBuf| {
        let covered = read(&path).filter(|covered| covered.of > 0)?;
        Some((path.strip_prefix(root).unwrap_or(&path).to_owned(), covered))
    };
    found.into_iter().filter_map(read).collect()
}

/// What reports say together; nothing where there is none.
pub fn total(reports: &[(PathBuf, Covered)]) -> Option<Covered> {
    let add = |a: Covered, b: Covered| Covered { lines: a.lines + b.lines, of: a.of + b.of };
    reports.iter().map(|(_, covered)| *covered).reduce(add)
}

/// Looks level by level, so that a folder full of others hides nothing beside it.
fn find(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut level, mut seen) = (Vec::new(), vec![root.to_owned()], 0);
    for _ in 0..=DEPTH {
        let mut below = Vec::new();
        for dir in level {
            seen += 1;
            if seen > MOST {
                return found;
            }
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() && !PASSED_OVER.contains(&name.as_str()) {
                    below.push(entry.path());
                } else if kind.is_file() && is_report(&name) {
                    found.push(entry.path());
                }
            }
        }
        level = below;
    }
    found
}

fn is_report(name: &str) -> bool {
    let name = name.to_lowercase();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
    match ending {
        "info" => stem == "lcov",
        "xml" => stem.starts_with("jacoco") || stem.starts_with("cobertura") || stem == "coverage",
        _ => false,
    }
}

fn read(path: &Path) -> Option<Covered> {
    if fs::metadata(path).ok()?.len() > MOST_BYTES {
        return None;
    }
    let text = String::from_utf8_lossy(&fs::read(path).ok()?).into_owned();
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("info")) {
        let sum =
            |key: &str| text.lines().filter_map(|l| l.strip_prefix(key)?.trim().parse::<u64>().ok()).sum();
        return Some(Covered { lines: sum("LH:"), of: sum("LF:") });
    }
    cobertura(&text).or_else(|| jacoco(&text))
}

/// The outermost element says it all.
fn cobertura(text: &str) -> Option<Covered> {
    let element = text[text.find("<coverage")?..].split('>').next()?;
    Some(Covered { lines: number(element, "lines-covered=")?, of: number(element, "lines-valid=")? })
}

/// The counters of the whole report come last.
fn jacoco(text: &str) -> Option<Covered> {
    let element = text[text.rfind("<counter type=\"LINE\"")?..].split('>').next()?;
    let (missed, lines) = (number(element, "missed=")?, number(element, "covered=")?);
    Some(Covered { lines, of: missed + lines })
}

/// The number in quotes behind a name.
fn number(element: &str, name: &str) -> Option<u64> {
    let from = element.find(&format!(" {name}"))? + name.len() + 1;
    element[from..].split(['"', '\'']).nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_added_up() {
        let dir = tempfile::tempdir().unwrap();
        let all = || total(&reports(dir.path()));
        assert_eq!(all(), None);
        let jacoco = dir.path().join("a/build/reports/jacoco/test");
        fs::create_dir_all(&jacoco).unwrap();
        let xml = "<report><package><counter type=\"LINE\" missed=\"9\" covered=\"1\"/></package>\
                   <counter type=\"LINE\" missed=\"13\" covered=\"87\"/></report>";
        fs::write(jacoco.join("jacocoTestReport.xml"), xml).unwrap();
        assert_eq!(all(), Some(Covered { lines: 87, of: 100 }));
        fs::write(dir.path().join("lcov.info"), "SF:x\nLF:100\nLH:67\nend_of_record\n").unwrap();
        assert_eq!(all(), Some(Covered { lines: 154, of: 200 }));
        let xml = "<?xml version=\"1.0\"?>\n<coverage version=\"7\" lines-valid='50' lines-covered='21' line-rate=\"0.42\">\
                   <line number=\"1\"/></coverage>";
        fs::create_dir_all(dir.path().join("py")).unwrap();
        fs::write(dir.path().join("py/coverage.xml"), xml).unwrap();
        assert_eq!(all(), Some(Covered { lines: 175, of: 250 }));
        fs::create_dir_all(dir.path().join("node_modules")).unwrap();
        fs::write(dir.path().join("node_modules/lcov.info"), "LF:1\nLH:0\n").unwrap();
        fs::write(dir.path().join("cobertura.xml"), "<coverage>").unwrap();
        assert_eq!(reports(dir.path()).len(), 3);
    }

    #[test]
    fn what_is_below_a_target_does_not_look_as_if_it_reached_it() {
        let almost = Covered { lines: 79_999, of: 100_000 };
        assert!(!almost.reaches(80));
        assert_eq!(almost.to_string(), "79.9 % (79999 of 100000 lines)");
        assert!(Covered { lines: 80, of: 100 }.reaches(80));
    }
}
