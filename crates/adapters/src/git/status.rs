//! Reads `git status --porcelain=v2 -z`.
//!
//! Knows the format, not where it was run.

/// One path that differs from what is committed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The path from the top, as bytes; without a slash at its end.
    pub path: Vec<u8>,
    /// How it differs.
    pub kind: Kind,
}

/// How a path differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Tracked, and changed in the index or the work tree.
    Changed,
    /// Tracked, and gone from the work tree.
    Deleted,
    /// Not tracked and not ignored.
    Untracked,
    /// Not tracked, and a repository of its own.
    Nested,
    /// In the middle of a merge.
    Unmerged,
}

/// The arguments that make git print what [`parse`] reads. The last keeps git from running inside nested repositories.
pub const ARGS: [&str; 6] =
    ["status", "--porcelain=v2", "-z", "--untracked-files=all", "--no-renames", "--ignore-submodules=all"];

/// Reads the whole answer; `None` when it is not of the documented form.
pub fn parse(stdout: &[u8]) -> Option<Vec<Entry>> {
    let lines = stdout.split(|byte| *byte == 0).filter(|line| !line.is_empty());
    lines.map(entry).collect()
}

fn entry(line: &[u8]) -> Option<Entry> {
    let (kind, fields) = match line.first()? {
        b'1' if line.get(3) == Some(&b'D') => (Kind::Deleted, 8),
        b'1' => (Kind::Changed, 8),
        b'u' => (Kind::Unmerged, 10),
        b'?' if line.ends_with(b"/") => (Kind::Nested, 1),
        b'?' => (Kind::Untracked, 1),
        _ => return None,
    };
    let path = line.splitn(fields + 1, |byte| *byte == b' ').nth(fields)?;
    let path = path.strip_suffix(b"/").unwrap_or(path).to_owned();
    Some(Entry { path, kind })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_line_is_read() {
        let text =
            b"1 .M N... 100644 100644 100644 aa bb a b.txt\x001 .D N... 100644 100644 000000 aa bb gone\0\
            ? new file\0? nested/\0u UU N... 1 2 3 4 a b c both\0";
        let read = parse(text).unwrap();
        let seen: Vec<_> =
            read.iter().map(|e| (e.kind, String::from_utf8(e.path.clone()).unwrap())).collect();
        assert_eq!(
            seen,
            [
                (Kind::Changed, "a b.txt".to_owned()),
                (Kind::Deleted, "gone".to_owned()),
                (Kind::Untracked, "new file".to_owned()),
                (Kind::Nested, "nested".to_owned()),
                (Kind::Unmerged, "both".to_owned()),
            ]
        );
        assert_eq!(parse(b"X odd\0"), None);
    }
}
