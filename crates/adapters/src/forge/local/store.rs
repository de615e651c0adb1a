//! Changes as files, one each: `<dir>/<number>.json`, replaced whole, so that a crash leaves the old text or the new.
//!
//! Knows what a change is; knows nothing of git.

use crate::failpoint;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ppe_core::ids::{Branch, ChangeNumber, CommitId, Millis};
use serde::{Deserialize, Serialize};

const SCHEMA: u32 = 1;

/// A change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The form of the file.
    pub schema: u32,
    /// Its number.
    pub number: ChangeNumber,
    /// Its title.
    pub title: String,
    /// Its text, Markdown.
    pub body: String,
    /// The branch with the work.
    pub head: Branch,
    /// The branch it is to be merged into.
    pub base: Branch,
    /// What has become of it.
    pub state: ChangeState,
    /// Checks by commit and name; one entry for each pair.
    pub checks: Vec<Check>,
    /// Labels, sorted.
    pub labels: Vec<String>,
    /// Comments, oldest first.
    pub comments: Vec<Comment>,
    /// When it was opened.
    pub opened: Millis,
}

/// What has become of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ChangeState {
    /// It waits.
    Open,
    /// It is part of its base.
    Merged {
        /// The landing commit.
        commit: CommitId,
    },
    /// It was closed without being merged.
    Closed,
}

/// One check on one commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// The commit that was checked.
    pub commit: CommitId,
    /// How it went.
    pub verdict: Verdict,
    /// One line about it.
    pub summary: String,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Not ended.
    Pending,
    /// Good.
    Green,
    /// Not good.
    Red,
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// What makes it recognisable, so that a later text replaces it; `None` for one that stays.
    pub marker: Option<String>,
    /// Its text, Markdown.
    pub body: String,
    /// When it was last written.
    pub written: Millis,
}

/// What a new change says.
#[derive(Clone, Debug)]
pub struct NewChange {
    /// Its title.
    pub title: String,
    /// Its text, Markdown.
    pub body: String,
    /// The branch with the work.
    pub head: Branch,
    /// The branch it is to be merged into.
    pub base: Branch,
    /// The time of opening.
    pub now: Millis,
}

/// A change and whether it was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is new.
    Created(Change),
    /// The branch had an open change already, which is left as it is.
    Found(Change),
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file is not a change, or one of a newer version.
    #[error("{path} is not a change that this version can read: {why}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There is no such change.
    #[error("there is no change {0}")]
    Missing(ChangeNumber),
}

/// The changes of one repository.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
}

impl Store {
    /// The store in a folder, which is made if needed.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let dir = dir.into();
        fs::create_dir_all(&dir).map_err(|source| StoreError::Io { path: dir.clone(), source })?;
        Ok(Self { dir })
    }

    /// Opens a change for a branch, or finds its open one.
    pub fn open_change(&self, new: &NewChange) -> Result<Opened, StoreError> {
        let _held = self.hold()?;
        if let Some(found) = self.open_for(&new.head)? {
            return Ok(Opened::Found(found));
        }
        loop {
            let next = self.numbers()?.last().map_or(1, |number| number.0 + 1);
            let change = Change {
                schema: SCHEMA,
                number: ChangeNumber(next),
                title: new.title.clone(),
                body: new.body.clone(),
                head: new.head.clone(),
                base: new.base.clone(),
                state: ChangeState::Open,
                checks: Vec::new(),
                labels: Vec::new(),
                comments: Vec::new(),
                opened: new.now,
            };
            if self.create(&change)? == Claim::Won {
                return Ok(Opened::Created(change));
            }
        }
    }

    /// The open change of a branch.
    pub fn open_for(&self, head: &Branch) -> Result<Option<Change>, StoreError> {
        let all = self.all()?;
        Ok(all.into_iter().find(|change| change.head == *head && change.state == ChangeState::Open))
    }

    /// One change.
    pub fn change(&self, number: ChangeNumber) -> Result<Change, StoreError> {
        let path = self.path(number);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StoreError::Missing(number)),
            Err(source) => return Err(StoreError::Io { path, source }),
        };
        match serde_json::from_slice::<Change>(&bytes) {
            Ok(change) if change.schema == SCHEMA => Ok(change),
            Ok(change) => {
                Err(StoreError::Unreadable { path, why: format!("its schema is {}", change.schema) })
            }
            Err(error) => Err(StoreError::Unreadable { path, why: error.to_string() }),
        }
    }

    /// All changes, by number.
    pub fn all(&self) -> Result<Vec<Change>, StoreError> {
        self.numbers()?.into_iter().map(|number| self.change(number)).collect()
    }

    /// Changes a change; written only when something differs.
    pub fn edit(&self, number: ChangeNumber, edit: impl FnOnce(&mut Change)) -> Result<Change, StoreError> {
        let _held = self.hold()?;
        let before = self.change(number)?;
        let mut change = before.clone();
        edit(&mut change);
        if change != before {
            let temporary = self.write_temporary(&change)?;
            let path = self.path(number);
            failpoint::hit("change.before_rename");
            fs::rename(temporary, &path).map_err(|source| StoreError::Io { path, source })?;
            failpoint::hit("change.after_rename");
            self.sync()?;
        }
        Ok(change)
    }

    fn create(&self, change: &Change) -> Result<Claim, StoreError> {
        let temporary = self.write_temporary(change)?;
        let path = self.path(change.number);
        // A link fails where a file is already: the number is claimed with its content or not at all.
        failpoint::hit("change.before_link");
        let linked = fs::hard_link(&temporary, &path);
        failpoint::hit("change.after_link");
        fs::remove_file(&temporary).map_err(|source| StoreError::Io { path: temporary, source })?;
        match linked {
            Ok(()) => self.sync().map(|()| Claim::Won),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Claim::Taken),
            Err(source) => Err(StoreError::Io { path, source }),
        }
    }

    fn write_temporary(&self, change: &Change) -> Result<PathBuf, StoreError> {
        let path = self.dir.join(format!("{}.new", change.number.0));
        let written = (|| {
            let mut file = File::create(&path)?;
            failpoint::write_all("change.file", &mut file, &serde_json::to_vec_pretty(change)?)?;
            file.write_all(b"\n")?;
            file.sync_all()
        })();
        written.map(|()| path.clone()).map_err(|source| StoreError::Io { path, source })
    }

    fn numbers(&self) -> Result<Vec<ChangeNumber>, StoreError> {
        let io = |source| StoreError::Io { path: self.dir.clone(), source };
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(io)? {
            found.extend(number_of(&entry.map_err(io)?.path()));
        }
        found.sort_unstable();
        Ok(found)
    }

    fn path(&self, number: ChangeNumber) -> PathBuf {
        self.dir.join(format!("{}.json", number.0))
    }

    fn hold(&self) -> Result<File, StoreError> {
        let path = self.dir.join("lock");
        let locked = File::create(&path).and_then(|file| file.lock().map(|()| file));
        locked.map_err(|source| StoreError::Io { path, source })
    }

    fn sync(&self) -> Result<(), StoreError> {
        let synced = File::open(&self.dir).and_then(|dir| dir.sync_all());
        synced.map_err(|source| StoreError::Io { path: self.dir.clone(), source })
    }
}

#[derive(PartialEq, Eq)]
enum Claim {
    Won,
    Taken,
}

fn number_of(path: &Path) -> Option<ChangeNumber> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".json")?;
    stem.parse().ok().map(ChangeNumber)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(head: &str) -> NewChange {
        let (title, body) = ("Title".to_owned(), "Body".to_owned());
        NewChange { title, body, head: Branch::new(head), base: Branch::new("main"), now: Millis(5) }
    }

    fn number(opened: &Opened) -> u64 {
        match opened {
            Opened::Created(change) | Opened::Found(change) => change.number.0,
        }
    }

    #[test]
    fn a_branch_has_one_open_change() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let first = store.open_change(&new("a")).unwrap();
        assert!(matches!(&first, Opened::Created(_)));
        assert_eq!(
            store.open_change(&new("a")).unwrap(),
            Opened::Found(store.change(ChangeNumber(1)).unwrap())
        );
        assert_eq!(number(&store.open_change(&new("b")).unwrap()), 2);

        store.edit(ChangeNumber(1), |change| change.state = ChangeState::Closed).unwrap();
        assert_eq!(number(&store.open_change(&new("a")).unwrap()), 3);
    }

    #[test]
    fn many_at_once_get_numbers_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        std::thread::scope(|scope| {
            for n in 0..16 {
                let store = &store;
                // Each branch is asked for twice.
                scope.spawn(move || store.open_change(&new(&format!("b{}", n / 2))).unwrap());
            }
        });
        let heads: Vec<_> = store.all().unwrap().into_iter().map(|change| change.head.to_string()).collect();
        assert_eq!(heads.len(), 8);
        assert_eq!(heads.iter().collect::<std::collections::BTreeSet<_>>().len(), 8);
    }

    #[test]
    fn leftovers_of_a_crash_are_no_changes_and_damage_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        fs::write(dir.path().join("1.new"), "{").unwrap();
        assert_eq!(number(&store.open_change(&new("a")).unwrap()), 1);
        fs::write(dir.path().join("2.json"), "{").unwrap();
        let error = store.all().unwrap_err();
        assert!(error.to_string().contains("2.json is not a change"), "{error}");
        assert!(matches!(store.change(ChangeNumber(9)), Err(StoreError::Missing(ChangeNumber(9)))));
    }
}
