//! Reads files of a commit, without a checkout.
//!
//! Nothing is run and nothing is filtered: what is read is what is stored. Knows nothing of what the files mean.

use ppe_core::ids::CommitId;
use std::collections::BTreeMap;

use super::GitError;
use super::cli::Call;

/// The paths of all files of a commit, from the top. Those that are no text are passed over.
pub fn paths(call: Call, commit: &CommitId) -> Result<Vec<String>, GitError> {
    let output = call.args(["ls-tree", "-r", "-z", "--name-only", commit.as_str()]).run()?;
    Ok(output.fields().filter_map(|path| String::from_utf8(path.to_vec()).ok()).collect())
}

/// The texts of some files of a commit, by path; one that is not there is left out.
pub fn texts(call: Call, commit: &CommitId, paths: &[&String]) -> Result<BTreeMap<String, String>, GitError> {
    // A name is given on a line of its own.
    let asked: Vec<&String> = paths.iter().filter(|path| !path.contains('\n')).copied().collect();
    let lines: Vec<String> = asked.iter().map(|path| format!("{commit}:{path}\n")).collect();
    let call = call.args(["cat-file", "--batch"]).stdin(lines.concat());
    let output = call.clone().run()?;
    let (mut rest, mut found) = (output.stdout.as_slice(), BTreeMap::new());
    for path in asked {
        let Some((text, after)) = entry(rest) else { return Err(call.unexpected("cat-file")) };
        if let Some(text) = text {
            found.insert(path.clone(), String::from_utf8_lossy(text).into_owned());
        }
        rest = after;
    }
    Ok(found)
}

/// The first answer and what follows it: `<id> <type> <size>`, the content; or `<name> missing`.
fn entry(answer: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let end = answer.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = (std::str::from_utf8(&answer[..end]).ok()?, &answer[end + 1..]);
    if line.ends_with(" missing") {
        return Some((None, rest));
    }
    let size = line.rsplit(' ').next()?.parse::<usize>().ok()?;
    Some((Some(rest.get(..size)?), rest.get(size + 1..)?))
}
