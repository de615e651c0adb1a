//! A git directory of our own over the files of a workspace.
//!
//! Once an agent has run, its repository may name programs in its configuration, hooks and attributes. Git is therefore
//! never run *in* it. Its commits are fetched into this directory (a fetch runs nothing that the other side names, and
//! every object is checked), and its files are looked at with this directory as `--git-dir`, whose configuration is
//! ours alone. Two traps are closed besides: nested repositories, inside which `git add` and a plain `git status` would
//! run git again under the nested configuration (so files are staged one by one and submodules ignored), and a
//! repository that leads to others on this machine by links or borrowed objects (so it is looked over first).
//!
//! One caller at a time per workspace. Knows nothing of tasks, or of where results go.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use ppe_core::ids::{Branch, CommitId, TreeId};

use super::cli::Call;
use super::status::{Entry, Kind};
use super::untrusted::{self, HeadText};
use super::{Git, GitError, Repo, commit_id, refs, status, tree_id};

/// Where an agent left its `HEAD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// On the branch it was given.
    OnBranch,
    /// On another branch.
    Elsewhere {
        /// Which.
        branch: String,
    },
    /// On no branch.
    Detached,
    /// Its repository is gone, damaged or refused; only its files can be taken.
    Unreadable {
        /// What is wrong with it.
        why: String,
    },
}

/// What was found in an agent's repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absorbed {
    /// The commit its files belong to; the last known one when its repository is unreadable.
    pub head: CommitId,
    /// Where its `HEAD` is.
    pub at: Whereabouts,
    /// The tip of the branch it was given, when there is one.
    pub branch_tip: Option<CommitId>,
    /// The tips of all its branches, and its stash.
    pub tips: Vec<CommitId>,
}

/// Our git directory and the files it is about.
#[derive(Clone, Debug)]
pub struct Ours {
    git: Git,
    /// The git directory, beside the workspace.
    pub git_dir: PathBuf,
    /// The workspace's files.
    pub work_tree: PathBuf,
    /// The content of the file by which both repositories borrow the user's objects.
    pub alternates: String,
}

impl Ours {
    /// The directory that belongs to a workspace, whether it exists or not.
    pub fn of(repo: &Repo, work_tree: &Path) -> Self {
        Self::apart(repo, work_tree, &beside(work_tree, "git-ours"))
    }

    /// Another directory over the same files, for a look that the run at work does not notice.
    pub fn apart(repo: &Repo, work_tree: &Path, git_dir: &Path) -> Self {
        let alternates = format!("{}\n", repo.objects().display());
        let (git_dir, work_tree) = (git_dir.to_owned(), work_tree.to_owned());
        Self { git: repo.git.clone(), git_dir, work_tree, alternates }
    }

    /// Makes the directory: the user's objects and tags, and nothing else of theirs.
    pub fn create(&self, repo: &Repo, settings: &[(String, String)], exclude: &str) -> Result<(), OursError> {
        let format = format!("--object-format={}", repo.object_format);
        let init = repo.git.user(&parent(&self.git_dir)).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let init =
            init.env("GIT_CONFIG_NOSYSTEM", "1").args(["init", "--quiet", "--bare", "--template=", &format]);
        init.arg(&self.git_dir).run()?;
        let mut config = fs::read_to_string(self.git_dir.join("config")).map_err(|e| self.io(e))?;
        config.push_str("[core]\n\tbare = false\n\tlogAllRefUpdates = false\n");
        config.push_str(&config_lines(settings));
        self.write("config", &config)?;
        self.write("objects/info/alternates", &self.alternates)?;
        self.write("info/exclude", exclude)?;
        self.write("packed-refs", &tags_of(repo)?)?;
        for name in ["shallow", "info/attributes"] {
            let theirs = repo.common_dir.join(name);
            if theirs.exists() {
                fs::copy(&theirs, self.git_dir.join(name)).map_err(|e| self.io(e))?;
            }
        }
        Ok(())
    }

    /// A call that does not look at the files.
    pub fn store(&self) -> Call {
        self.git.ours(&self.git_dir, None)
    }

    /// A call that looks at the files.
    pub fn files(&self) -> Call {
        self.git.ours(&self.git_dir, Some(&self.work_tree))
    }

    /// The commit that the files were last known to belong to.
    pub fn head(&self) -> Result<CommitId, OursError> {
        let text = fs::read_to_string(self.git_dir.join("HEAD")).map_err(|e| self.io(e))?;
        commit_id(&text).ok_or_else(|| OursError::Damaged { path: self.git_dir.join("HEAD") })
    }

    /// Records the commit that the files belong to.
    pub fn set_head(&self, commit: &CommitId) -> Result<(), OursError> {
        self.write("HEAD.new", &format!("{commit}\n"))?;
        fs::rename(self.git_dir.join("HEAD.new"), self.git_dir.join("HEAD")).map_err(|e| self.io(e))
    }

    /// Fetches what the agent committed, with object checks, and records the commit its files belong to.
    pub fn absorb(&self, branch: &Branch) -> Result<Absorbed, OursError> {
        let theirs = self.work_tree.join(".git");
        if let Some(why) = untrusted::leads_elsewhere(&theirs, &self.alternates) {
            return self.unreadable(why);
        }
        if let Err(error) = self.fetch(&theirs, &["+HEAD:refs/agent/HEAD", HEADS, STASH]) {
            if !error.is_refusal() {
                return Err(error.into());
            }
            return self.unreadable(error.stderr().lines().next().unwrap_or("it cannot be read").to_owned());
        }
        let refs = self.agent_refs()?;
        let find = |name: &str| refs.iter().find(|(found, _)| found == name).map(|(_, id)| id.clone());
        let Some(head) = find("refs/agent/HEAD") else {
            return self.unreadable("its HEAD names no commit".to_owned());
        };
        self.set_head(&head)?;
        let at = match untrusted::head(&theirs) {
            HeadText::Branch(name) if name == branch.as_str() => Whereabouts::OnBranch,
            HeadText::Branch(branch) => Whereabouts::Elsewhere { branch },
            HeadText::Detached | HeadText::Unreadable => Whereabouts::Detached,
        };
        let branch_tip = find(&format!("refs/agent/heads/{branch}"));
        Ok(Absorbed { head, at, branch_tip, tips: distinct(refs) })
    }

    /// The tip of an agent's work. One that went back to another commit has its work on its branch all the same.
    pub fn work_tip(&self, found: &Absorbed) -> Result<CommitId, OursError> {
        Ok(match &found.branch_tip {
            Some(tip) if self.contains(tip, &found.head)? => tip.clone(),
            _ => found.head.clone(),
        })
    }

    fn unreadable(&self, why: String) -> Result<Absorbed, OursError> {
        let tips = distinct(self.agent_refs()?);
        Ok(Absorbed { head: self.head()?, at: Whereabouts::Unreadable { why }, branch_tip: None, tips })
    }

    fn fetch(&self, from: &Path, refspecs: &[&str]) -> Result<(), GitError> {
        self.store().args(CHECKED).args(FETCH).arg("--prune").arg(from).args(refspecs).run().map(drop)
    }

    fn agent_refs(&self) -> Result<Vec<(String, CommitId)>, GitError> {
        let text =
            self.store().args(["for-each-ref", "--format=%(objectname) %(refname)", "refs/agent"]).text()?;
        let entry =
            |line: &str| line.split_once(' ').and_then(|(id, name)| Some((name.to_owned(), commit_id(id)?)));
        Ok(text.lines().filter_map(entry).collect())
    }

    /// Puts a commit's tree into our index; what is known of unchanged files stays known.
    fn load(&self, commit: &CommitId) -> Result<(), OursError> {
        self.files().args(["read-tree", "--reset", commit.as_str()]).run()?;
        Ok(())
    }

    /// How the files differ from a commit. Paths in `hidden` are left out.
    pub fn changes(&self, commit: &CommitId, hidden: &[String]) -> Result<Vec<Entry>, OursError> {
        self.load(commit)?;
        self.set_head(commit)?;
        let hidden: BTreeSet<&[u8]> = hidden.iter().map(String::as_bytes).collect();
        // Here the refreshed index may be written: it is ours.
        let call = self.files().env("GIT_OPTIONAL_LOCKS", "1").args(status::ARGS);
        let output = call.clone().run()?;
        let mut entries = status::parse(&output.stdout).ok_or_else(|| call.unexpected("status"))?;
        entries.extend(self.removed_submodules()?);
        entries.retain(|entry| !hidden.contains(entry.path.as_slice()));
        Ok(entries)
    }

    /// Submodules in our index whose folder is gone: with submodules ignored, status does not tell.
    fn removed_submodules(&self) -> Result<Vec<Entry>, OursError> {
        let mut removed = Vec::new();
        for path in self.submodules(&self.index())? {
            let is_folder = |found: fs::Metadata| found.is_dir();
            match fs::symlink_metadata(self.work_tree.join(OsStr::from_bytes(&path))).map(is_folder) {
                Ok(true) => {}
                Ok(false) => {
                    removed.push(Entry { path: path.clone(), kind: Kind::Deleted });
                    removed.push(Entry { path, kind: Kind::Untracked });
                }
                Err(_) => removed.push(Entry { path, kind: Kind::Deleted }),
            }
        }
        Ok(removed)
    }

    /// The submodules in an index.
    pub fn submodules(&self, index: &Path) -> Result<Vec<Vec<u8>>, OursError> {
        let output = self.store().env("GIT_INDEX_FILE", index).args(["ls-files", "-z", "--stage"]).run()?;
        let path = |field: &[u8]| {
            field.strip_prefix(b"160000 ")?.splitn(2, |b| *b == b'\t').nth(1).map(<[u8]>::to_vec)
        };
        Ok(output.fields().filter_map(path).collect())
    }

    /// Puts changed files into an index, one by one and without running anything. Nested repositories are left out.
    pub fn stage(&self, index: &Path, entries: &[Entry]) -> Result<(), OursError> {
        let joined = |wanted: fn(Kind) -> bool| {
            let chosen = entries.iter().filter(|entry| wanted(entry.kind));
            chosen.flat_map(|entry| entry.path.iter().copied().chain([0])).collect::<Vec<u8>>()
        };
        let gone = joined(|kind| matches!(kind, Kind::Deleted));
        let there = joined(|kind| matches!(kind, Kind::Changed | Kind::Untracked | Kind::Unmerged));
        let calls = [(vec!["--force-remove"], gone), (vec!["--add", "--replace"], there)];
        for (switches, paths) in calls.into_iter().filter(|(_, paths)| !paths.is_empty()) {
            let call = self.files().env("GIT_INDEX_FILE", index).arg("update-index").args(switches);
            call.args(["-z", "--stdin"]).stdin(paths).run()?;
        }
        Ok(())
    }

    /// Our index file.
    pub fn index(&self) -> PathBuf {
        self.git_dir.join("index")
    }

    /// Writes an index as a tree.
    pub fn write_tree(&self, index: &Path) -> Result<TreeId, OursError> {
        let call = self.store().env("GIT_INDEX_FILE", index).arg("write-tree");
        let text = call.clone().text()?;
        Ok(tree_id(&text).ok_or_else(|| call.unexpected(&text))?)
    }

    /// The tree of a commit.
    pub fn tree_of(&self, commit: &CommitId) -> Result<TreeId, OursError> {
        let call = self.store().args(["rev-parse", "--verify", &format!("{commit}^{{tree}}")]);
        let text = call.clone().text()?;
        Ok(tree_id(&text).ok_or_else(|| call.unexpected(&text))?)
    }

    /// Whether `tip` contains `commit`.
    pub fn contains(&self, tip: &CommitId, commit: &CommitId) -> Result<bool, OursError> {
        Ok(tip == commit
            || self.store().args(["merge-base", "--is-ancestor", commit.as_str(), tip.as_str()]).yes()?)
    }

    /// Changes the files from one commit to another. Refused by git when that would lose a change.
    pub fn switch(&self, from: &CommitId, to: &CommitId) -> Result<(), OursError> {
        self.files().args(["read-tree", "-m", "-u", from.as_str(), to.as_str()]).run()?;
        self.set_head(to)
    }

    /// Ends a rebase of ours that is under way, if there is one; the files are as before it.
    pub fn abandon_rebase(&self) -> Result<(), OursError> {
        if self.git_dir.join("rebase-merge").exists() {
            self.files().args(["rebase", "--abort"]).run()?;
        }
        Ok(())
    }

    /// Removes lock files that a killed git process of ours left. Nobody else works here.
    pub fn clear_stale_locks(&self) {
        for name in ["index.lock", "HEAD.lock", "packed-refs.lock"] {
            // Mostly there is none.
            fs::remove_file(self.git_dir.join(name)).ok();
        }
        refs::Locks::below(&self.git_dir.join("refs")).clear();
    }

    /// Brings one commit and what it needs into the user's repository, under a name of ours.
    pub fn publish(&self, repo: &Repo, commit: &CommitId, name: &str, care: Care) -> Result<(), OursError> {
        // Fetched by name: not every git serves a bare id.
        self.store().args(["update-ref", "refs/ppe/out", commit.as_str()]).run()?;
        let call = match care {
            Care::Checked => repo.store().args(CHECKED),
            Care::AsIs => repo.store().args(["-c", "fetch.fsckObjects=false"]),
        };
        let refspec = format!("+refs/ppe/out:{name}");
        call.args(FETCH).args(["--no-prune", "--refmap="]).arg(&self.git_dir).arg(refspec).run()?;
        Ok(())
    }

    fn write(&self, name: &str, text: &str) -> Result<(), OursError> {
        let path = self.git_dir.join(name);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, text)).map_err(|source| OursError::Io { path, source })
    }

    fn io(&self, source: io::Error) -> OursError {
        OursError::Io { path: self.git_dir.clone(), source }
    }
}

/// Why our git directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OursError {
    /// Git failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// A file of ours cannot be read or written.
    #[error("cannot use {path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file of ours does not say what it should.
    #[error("{path} is damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

/// How closely objects are looked at on their way into the user's repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// Unsound objects are refused: for results.
    Checked,
    /// All are taken: for rescues, which lose nothing.
    AsIs,
}

const CHECKED: [&str; 4] = ["-c", "fetch.fsckObjects=true", "-c", "transfer.fsckObjects=true"];
const HEADS: &str = "+refs/heads/*:refs/agent/heads/*";
// A pattern, because a plain name that is missing would be an error.
const STASH: &str = "+refs/stas*:refs/agent/stas*";

const FETCH: [&str; 6] = [
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
];

/// The path of something that belongs to a workspace and lies beside it: `<dir>.<what>`.
pub fn beside(dir: &Path, what: &str) -> PathBuf {
    let mut name = dir.as_os_str().to_owned();
    name.push(".");
    name.push(what);
    PathBuf::from(name)
}

/// Settings as lines of a git configuration file.
pub(super) fn config_lines(settings: &[(String, String)]) -> String {
    let line = |(key, value): &(String, String)| {
        let (section, name) = key.split_once('.')?;
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        Some(format!("[{section}]\n\t{name} = \"{value}\"\n"))
    };
    settings.iter().filter_map(line).collect()
}

fn tags_of(repo: &Repo) -> Result<String, GitError> {
    let text =
        repo.store().args(["for-each-ref", "--format=%(objectname) %(refname)", "refs/tags"]).text()?;
    Ok(if text.is_empty() { text } else { text + "\n" })
}

fn distinct(refs: Vec<(String, CommitId)>) -> Vec<CommitId> {
    refs.into_iter().map(|(_, id)| id).collect::<BTreeSet<_>>().into_iter().collect()
}

fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("/")).to_owned()
}
