//! How git is let in to GitHub: the token goes by the environment of the one process that needs it, and only to the
//! remote's own host.

use super::GitHubSettings;
use super::authority::UNKNOWN;
use super::token::Secret;
use crate::git::Repo;
use crate::git::cli::Call;
use crate::git::remote::{Hints, Remote, without_user};
use ppe_core::input::Trouble;

/// The variable by which git's credential helper is told the token.
const TOKEN_VARIABLE: &str = "PPE_GIT_TOKEN";
/// The helper, in the words of a shell. It answers one question and keeps nothing.
const HELPER: &str = "!f() { if [ \"$1\" = get ]; then echo username=x-access-token; echo \"password=$PPE_GIT_TOKEN\"; fi; }; f";
const HINTS: Hints = Hints { untrusted: UNKNOWN, denied: "is the token right, and may it write contents?" };

/// GitHub's repository, for git.
pub(super) fn remote(repo: Repo, settings: &GitHubSettings) -> Remote {
    let (url, tokens) = (settings.remote.clone(), settings.tokens.clone());
    let authority = settings.authority.clone();
    let address = url.clone();
    let access = move |call: Call| {
        // It wins over whatever else git would trust, in a file or in a folder.
        let call = authority.iter().fold(call, |call, authority| {
            call.env("GIT_SSL_CAINFO", &authority.file).env("GIT_SSL_CAPATH", authority.none.path())
        });
        if !address.starts_with("http") {
            return Ok(call);
        }
        let found = tokens.find().map_err(|error| Trouble::Elsewhere(error.to_string()))?;
        Ok(with_token(call, &address, &found.token))
    };
    Remote::new(repo, url, Box::new(access), HINTS)
}

/// The call with a helper that knows the token, for this host alone; no other helper is asked or told.
fn with_token(call: Call, url: &str, token: &Secret) -> Call {
    let host: String = without_user(url).splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let helper = format!("credential.{host}.helper={HELPER}");
    call.args(["-c", "credential.helper=", "-c", &format!("credential.{host}.helper="), "-c", &helper])
        .env(TOKEN_VARIABLE, token.expose())
}
