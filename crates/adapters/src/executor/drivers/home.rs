//! Where an agent of its own kind finds its login and settings, and the session that a job of it begins.

use super::Places;
use super::native::{Home, NativeSettings};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

impl NativeSettings {
    /// Sets the variables that say where its home and its temporary files are.
    pub(super) fn put_home(&self, places: &Places<'_>, env: &mut BTreeMap<String, String>) {
        let mut set =
            |name: &str, path: &Path| env.insert(name.to_owned(), path.to_string_lossy().into_owned());
        set("TMPDIR", places.temp);
        if self.home == Home::User {
            return;
        }
        set("HOME", places.home);
        for (name, below) in [
            ("XDG_CONFIG_HOME", ".config"),
            ("XDG_DATA_HOME", ".local/share"),
            ("XDG_STATE_HOME", ".local/state"),
            ("XDG_CACHE_HOME", ".cache"),
        ] {
            set(name, &places.home.join(below));
        }
    }
}

/// The id of the session that a job begins: a UUID that follows from the job's folder, so that it is known before the
/// agent says it.
pub(super) fn preset_session(job_dir: &Path) -> String {
    let digest = Sha256::digest(job_dir.as_os_str().as_encoded_bytes());
    let mut bytes: [u8; 16] = std::array::from_fn(|n| digest[n]);
    // What marks a UUID of random numbers.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_session_and_its_form_is_a_uuid() {
        let one = preset_session(Path::new("/state/a1/agent"));
        assert_eq!(one, preset_session(Path::new("/state/a1/agent")));
        assert_ne!(one, preset_session(Path::new("/state/a2/agent")));
        let shape: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(shape, [8, 4, 4, 4, 12], "{one}");
        assert!(one[14..].starts_with('4') && "89ab".contains(&one[19..20]), "{one}");
    }
}
