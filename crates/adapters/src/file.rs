//! Files that are a person's, changed: whole or not at all, and never over what somebody else has just written.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Puts a text in the place of what was read; not if it is another by now. Whether it did is told.
pub fn replace(path: &Path, before: &str, after: &str) -> io::Result<bool> {
    // Where the file is a link, what it leads to is the file.
    let file = fs::canonicalize(path)?;
    let mut new = tempfile::NamedTempFile::new_in(file.parent().unwrap_or(Path::new("/")))?;
    new.write_all(after.as_bytes())?;
    new.as_file().set_permissions(fs::metadata(&file)?.permissions())?;
    new.as_file().sync_all()?;
    if fs::read_to_string(&file)? != before {
        return Ok(false);
    }
    new.persist(&file).map_err(|error| error.error)?;
    Ok(true)
}
