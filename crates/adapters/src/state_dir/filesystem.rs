//! Tells a folder on a network file system, where locks do not reach all machines and a sync may not be one, from one
//! on a local disk.
//!
//! Knows nothing of what the folder is for. A kind of file system that is not known counts as local.

use std::io;
use std::path::Path;

/// The kind of network file system on which `path`, or what exists of it, lies; none when it is a local one.
pub(super) fn network_kind(path: &Path) -> io::Result<Option<String>> {
    let mut ancestors = path.ancestors();
    let existing = ancestors.find_map(|ancestor| std::fs::canonicalize(ancestor).ok());
    let Some(existing) = existing else { return Ok(None) };
    platform::network_kind(&existing)
}

#[cfg(target_os = "linux")]
mod platform {
    use nix::sys::statfs::statfs;
    use std::ffi::OsString;
    use std::io;
    use std::os::unix::ffi::OsStringExt;
    use std::path::{Path, PathBuf};

    /// What `statfs` answers for file systems that are always on a network.
    const NETWORK_MAGICS: [(u32, &str); 8] = [
        (0x6969, "nfs"),
        (0x517b, "smb"),
        (0xff53_4d42, "cifs"),
        (0xfe53_4d42, "smb2"),
        (0x5346_414f, "afs"),
        (0x7375_7245, "coda"),
        (0x00c3_6400, "ceph"),
        (0x564c, "ncp"),
    ];

    /// What it answers for everything that is served by a program, be that near or far.
    const FUSE_MAGIC: u32 = 0x6573_5546;

    /// The programs of that kind whose disk is elsewhere.
    const NETWORK_FUSE: [&str; 8] = [
        "fuse.sshfs",
        "fuse.rclone",
        "fuse.s3fs",
        "fuse.glusterfs",
        "fuse.davfs",
        "fuse.gvfsd-fuse",
        "fuse.smbnetfs",
        "fuse.curlftpfs",
    ];

    pub(super) fn network_kind(existing: &Path) -> io::Result<Option<String>> {
        let answer = statfs(existing)?.filesystem_type().0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the kernel's number has 32 bits; how wide and signed its type is differs by platform"
        )]
        let magic = answer as u32;
        if magic != FUSE_MAGIC {
            return Ok(kind_of_magic(magic).map(str::to_owned));
        }
        let mounts = std::fs::read("/proc/self/mountinfo")?;
        Ok(mounted_kind(&mounts, existing).filter(|kind| NETWORK_FUSE.contains(&kind.as_str())))
    }

    fn kind_of_magic(magic: u32) -> Option<&'static str> {
        NETWORK_MAGICS.iter().find(|(network, _)| *network == magic).map(|(_, kind)| *kind)
    }

    /// The kind of the file system that is mounted at, or closest above, a canonical path. Of two mounts at one place
    /// the later one is seen.
    fn mounted_kind(mounts: &[u8], path: &Path) -> Option<String> {
        let parsed = mounts.split(|&byte| byte == b'\n').filter_map(mount_point_and_kind);
        let above = parsed.filter(|(mount_point, _)| path.starts_with(mount_point));
        above.max_by_key(|(mount_point, _)| mount_point.components().count()).map(|(_, kind)| kind)
    }

    /// Fields: id, parent, device, root, mount point, options, optional ones, a dash, kind, …
    fn mount_point_and_kind(line: &[u8]) -> Option<(PathBuf, String)> {
        let mut fields = line.split(|&byte| byte == b' ');
        let mount_point = fields.nth(4)?;
        let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
        Some((unescaped(mount_point), String::from_utf8_lossy(kind).into_owned()))
    }

    /// A space, tab, line break or backslash in a mount point is written as a backslash and three octal digits.
    fn unescaped(field: &[u8]) -> PathBuf {
        let mut bytes = Vec::with_capacity(field.len());
        let mut rest = field;
        while let Some((&byte, behind)) = rest.split_first() {
            let digits = behind.get(..3).filter(|_| byte == b'\\');
            let code = digits.and_then(|digits| std::str::from_utf8(digits).ok());
            if let Some(escaped) = code.and_then(|code| u8::from_str_radix(code, 8).ok()) {
                bytes.push(escaped);
                rest = &behind[3..];
            } else {
                bytes.push(byte);
                rest = behind;
            }
        }
        OsString::from_vec(bytes).into()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        const MOUNTS: &str = r"22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
40 22 0:30 / /home rw shared:5 master:1 - nfs4 server:/home rw
41 40 0:31 / /home/me/far\040away rw - fuse.sshfs me@host: rw
42 22 0:32 / /mnt rw - fuse.mergerfs a:b rw
43 22 0:33 / /mnt rw - fuse.rclone remote: rw
";

        fn kind(path: &str) -> Option<String> {
            mounted_kind(MOUNTS.as_bytes(), Path::new(path))
        }

        #[test]
        fn the_closest_and_latest_mount_counts() {
            assert_eq!(kind("/var/lib").as_deref(), Some("ext4"));
            assert_eq!(kind("/home/me").as_deref(), Some("nfs4"));
            assert_eq!(kind("/homely").as_deref(), Some("ext4"));
            assert_eq!(kind("/home/me/far away/x").as_deref(), Some("fuse.sshfs"));
            assert_eq!(kind("/mnt/x").as_deref(), Some("fuse.rclone"));
            assert_eq!(mounted_kind(b"no mounts\n", Path::new("/")), None);
        }

        #[test]
        fn the_kernels_numbers_are_the_known_ones() {
            use nix::libc;
            let known = [libc::NFS_SUPER_MAGIC, libc::SMB_SUPER_MAGIC, libc::AFS_SUPER_MAGIC];
            let kinds = known.map(|magic| kind_of_magic(u32::try_from(magic).unwrap()));
            assert_eq!(kinds, [Some("nfs"), Some("smb"), Some("afs")]);
            assert_eq!(u32::try_from(libc::FUSE_SUPER_MAGIC), Ok(FUSE_MAGIC));
            assert_eq!(kind_of_magic(u32::try_from(libc::EXT4_SUPER_MAGIC).unwrap()), None);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use nix::sys::statfs::statfs;
    use std::io;
    use std::path::Path;

    const NETWORK_KINDS: [&str; 6] = ["nfs", "smbfs", "afpfs", "webdav", "macfuse", "osxfuse"];

    pub(super) fn network_kind(existing: &Path) -> io::Result<Option<String>> {
        let found = statfs(existing)?;
        let kind = found.filesystem_type_name();
        Ok(NETWORK_KINDS.contains(&kind).then(|| kind.to_owned()))
    }
}
