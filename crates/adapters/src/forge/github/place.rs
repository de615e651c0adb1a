//! Which repository on which GitHub: read from a remote's address, as git has it, or said.
//!
//! Asks nobody.

use crate::git::remote::without_user;

/// A repository on GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The host, with its port where it has one.
    pub host: String,
    /// Whose it is.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// The address of the API, without a slash at its end.
    pub api_url: String,
}

/// The host of the one that is everybody's.
pub(super) const PUBLIC_HOST: &str = "github.com";

/// An address from which it cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The address of the remote is of no form that names a repository.
    #[error("cannot tell the repository from the address {0}; name it: forge.repository = \"owner/name\"")]
    Remote(String),
    /// What was said is no `owner/name`.
    #[error("forge.repository must be owner/name, not {0}")]
    Repository(String),
}

impl Place {
    /// Reads the address of a remote; what is said explicitly wins over what it tells.
    pub fn of(remote: &str, repository: Option<&str>, api_url: Option<&str>) -> Result<Self, PlaceError> {
        let found = Address::read(remote);
        let path = match (repository, &found) {
            (Some(said), _) => said,
            (None, Some(found)) => found.path,
            (None, None) => return Err(PlaceError::Remote(without_user(remote))),
        };
        let trimmed = path.trim_matches('/');
        let names = trimmed.strip_suffix(".git").unwrap_or(trimmed).split_once('/');
        let names = names.filter(|(owner, name)| !owner.is_empty() && is_name(name));
        let Some((owner, name)) = names else {
            return Err(match repository {
                Some(said) => PlaceError::Repository(said.to_owned()),
                None => PlaceError::Remote(without_user(remote)),
            });
        };
        let host = found.as_ref().map_or(PUBLIC_HOST, |found| found.host);
        let usual = match &found {
            Some(found) => found.api_url(),
            None => format!("https://api.{PUBLIC_HOST}"),
        };
        Ok(Self {
            host: host.to_owned(),
            owner: owner.to_owned(),
            name: name.to_owned(),
            api_url: api_url.map_or(usual, |url| url.trim_end_matches('/').to_owned()),
        })
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('/')
}

/// The parts of an address of git's.
struct Address<'a> {
    scheme: &'a str,
    host: &'a str,
    path: &'a str,
}

impl<'a> Address<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            // git@github.com:owner/name
            None => ("ssh", text),
        };
        let end = if text.contains("://") { '/' } else { ':' };
        let (authority, path) = rest.split_once(end)?;
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let known = ["http", "https", "ssh", "git"].contains(&scheme);
        (known && !host.is_empty() && !host.contains('/')).then_some(Self { scheme, host, path })
    }

    fn api_url(&self) -> String {
        // The port of ssh is not that of the API.
        let host = if self.scheme.starts_with("http") {
            self.host
        } else {
            self.host.split(':').next().unwrap_or("")
        };
        if host == PUBLIC_HOST || host == "ssh.github.com" {
            return format!("https://api.{PUBLIC_HOST}");
        }
        let scheme = if self.scheme == "http" { "http" } else { "https" };
        format!("{scheme}://{host}/api/v3")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_address_names_its_repository_and_its_api() {
        for (remote, host, api_url) in [
            ("https://github.com/ada/engine.git", "github.com", "https://api.github.com"),
            ("https://token@github.com/ada/engine", "github.com", "https://api.github.com"),
            ("git@github.com:ada/engine.git", "github.com", "https://api.github.com"),
            ("ssh://git@ssh.github.com:443/ada/engine.git", "ssh.github.com:443", "https://api.github.com"),
            ("git@ghe.example:ada/engine", "ghe.example", "https://ghe.example/api/v3"),
            ("ssh://git@ghe.example:2222/ada/engine", "ghe.example:2222", "https://ghe.example/api/v3"),
            ("http://127.0.0.1:4041/ada/engine.git", "127.0.0.1:4041", "http://127.0.0.1:4041/api/v3"),
        ] {
            let place = Place::of(remote, None, None).unwrap();
            assert_eq!((place.owner.as_str(), place.name.as_str()), ("ada", "engine"), "{remote}");
            assert_eq!((place.host.as_str(), place.api_url.as_str()), (host, api_url), "{remote}");
        }
    }

    #[test]
    fn what_is_said_wins_and_what_cannot_be_told_is_an_error() {
        let said = Place::of("/srv/mirror", Some("ada/engine"), Some("https://ghe.example/api/v3/")).unwrap();
        assert_eq!((said.owner.as_str(), said.api_url.as_str()), ("ada", "https://ghe.example/api/v3"));
        for remote in ["/srv/mirror", "https://github.com/engine", "https://github.com/a/b/c", "file:///x/y"]
        {
            assert!(matches!(Place::of(remote, None, None), Err(PlaceError::Remote(_))), "{remote}");
        }
        let wrong = Place::of("https://github.com/a/b", Some("engine"), None);
        assert_eq!(wrong, Err(PlaceError::Repository("engine".to_owned())));
    }

    #[test]
    fn an_address_is_told_without_its_password() {
        let error = Place::of("https://ada:secret@github.com/engine", None, None).unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
