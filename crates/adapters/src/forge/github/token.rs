//! Where the token comes from. It is kept in memory, goes to GitHub alone, and no text shows it.

use super::place::PUBLIC_HOST;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Variables that may hold the token of a host of one's own, the first that is set first.
const ENTERPRISE: [&str; 2] = ["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"];
/// Variables that may hold a token.
const USUAL: [&str; 2] = ["GH_TOKEN", "GITHUB_TOKEN"];

/// A token, or another text that nobody else may see.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A text as a secret, if it is any.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The token itself.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }
}

/// Where to look for it.
#[derive(Clone, Debug)]
pub struct TokenSource {
    /// A file that holds it and nothing else.
    pub file: Option<PathBuf>,
    /// The environment the program was started in.
    pub env: BTreeMap<String, String>,
    /// The host that it is for.
    pub host: String,
}

/// A token and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// It.
    pub token: Secret,
    /// The file, the variable or the program.
    pub origin: String,
}

/// There is none.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("the token file {path} cannot be read: {why}")]
    File {
        /// The file.
        path: String,
        /// Why.
        why: String,
    },
    /// Nobody has one.
    #[error(
        "there is no token for {host}: set GH_TOKEN, name a file (forge.token_file), or run `gh auth login`"
    )]
    Nowhere {
        /// The host.
        host: String,
    },
}

impl TokenSource {
    /// Looks, in order: the file, the variables, and what `gh` is logged in with.
    pub fn find(&self) -> Result<Found, TokenError> {
        if let Some(path) = &self.file {
            let shown = path.display().to_string();
            let text = fs::read_to_string(path)
                .map_err(|error| TokenError::File { path: shown.clone(), why: error.to_string() })?;
            return usable(&text)
                .map(|token| Found { token, origin: shown.clone() })
                .ok_or_else(|| TokenError::File { path: shown, why: "it holds no token".to_owned() });
        }
        let own = if self.host == PUBLIC_HOST { &[][..] } else { &ENTERPRISE[..] };
        let named = own.iter().chain(&USUAL).find_map(|name| {
            let token = usable(self.env.get(*name)?)?;
            Some(Found { token, origin: (*name).to_owned() })
        });
        named.or_else(|| self.of_gh()).ok_or_else(|| TokenError::Nowhere { host: self.host.clone() })
    }

    fn of_gh(&self) -> Option<Found> {
        let mut gh = Command::new("gh");
        gh.args(["auth", "token", "--hostname", &self.host]).env_clear().envs(&self.env);
        let output = gh.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        let token = usable(&String::from_utf8(output.stdout).ok()?).filter(|_| output.status.success())?;
        Some(Found { token, origin: "gh auth token".to_owned() })
    }
}

/// A token is one word of plain characters: anything else would end up in a header as something else.
fn usable(text: &str) -> Option<Secret> {
    let text = text.trim();
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Secret(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn source(env: &[(&str, &str)], host: &str) -> TokenSource {
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        TokenSource { file: None, env, host: host.to_owned() }
    }

    #[test]
    fn the_first_place_that_has_one_wins() {
        let dir = tempfile::tempdir().unwrap();
        let gh = dir.path().join("gh");
        fs::write(&gh, "#!/bin/sh\n[ \"$*\" = \"auth token --hostname github.com\" ] && echo of-gh\n")
            .unwrap();
        fs::set_permissions(&gh, PermissionsExt::from_mode(0o755)).unwrap();
        let path = ("PATH", dir.path().to_str().unwrap());
        let all = [path, ("GH_TOKEN", "first"), ("GITHUB_TOKEN", "second"), ("GH_ENTERPRISE_TOKEN", "own")];
        let found = |source: &TokenSource| {
            let found = source.find().unwrap();
            (found.token.expose().to_owned(), found.origin)
        };
        let said = |token: &str, origin: &str| (token.to_owned(), origin.to_owned());
        let mut named = source(&all, "github.com");
        assert_eq!(found(&named), said("first", "GH_TOKEN"));
        named.host = "ghe.example".to_owned();
        assert_eq!(found(&named), said("own", "GH_ENTERPRISE_TOKEN"));
        let file = dir.path().join("token");
        fs::write(&file, " in-file\n").unwrap();
        named.file = Some(file.clone());
        assert_eq!(found(&named), said("in-file", file.to_str().unwrap()));
        let second = source(&[path, ("GH_TOKEN", " "), ("GITHUB_TOKEN", "second")], "github.com");
        assert_eq!(found(&second), said("second", "GITHUB_TOKEN"));
        // Whether the program is found goes by this process's own search path.
        fs::write(&file, "two words").unwrap();
        assert!(matches!(named.find(), Err(TokenError::File { .. })));
    }

    #[test]
    fn no_text_shows_it() {
        let found = source(&[("GH_TOKEN", "ghp_secret")], "github.com").find().unwrap();
        assert!(!format!("{found:?}").contains("ghp_secret"));
    }
}
