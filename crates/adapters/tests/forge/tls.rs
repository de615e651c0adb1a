//! A GitHub of one's own, whose certificate no public authority vouches for.

use crate::bench::{Bench, OnGitHub, change, plumbing, publish, run};
use ppe_adapters::forge::github::port::GitHubPort;
use ppe_adapters::forge::github::{Authority, AuthorityError, Place};
use ppe_core::input::Trouble;
use ppe_engine::ports::Forge;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn openssl(dir: &Path, args: &[&str]) {
    let output = Command::new("openssl").args(args).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority's certificate with its key, and with them a certificate for `localhost` with its own.
fn authority(dir: &Path, name: &str) -> PathBuf {
    let file = |end: &str| format!("{name}{end}");
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj"];
    let (ca, ca_key, request, server, server_key) =
        (file(".pem"), file(".key"), file("-server.csr"), file("-server.pem"), file("-server.key"));
    let subject = format!("/CN={name}");
    openssl(dir, &[&["req", "-x509"], &key[..], &[&subject, "-keyout", &ca_key, "-out", &ca]].concat());
    openssl(
        dir,
        &[&["req"], &key[..], &["/CN=localhost", "-keyout", &server_key, "-out", &request]].concat(),
    );
    fs::write(dir.join("ext"), "subjectAltName=DNS:localhost\n").unwrap();
    let sign = ["x509", "-req", "-in", &request, "-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial"];
    openssl(dir, &[&sign[..], &["-extfile", "ext", "-out", &server]].concat());
    dir.join(ca)
}

/// A port to the same GitHub over TLS.
fn over_tls(bench: &OnGitHub, port: u16, authority: Option<&Path>) -> GitHubPort {
    let mut settings = bench.settings();
    settings.remote = format!("https://localhost:{port}/o/r.git");
    settings.place = Place::of(&settings.remote, None, None).unwrap();
    settings.tokens.host.clone_from(&settings.place.host);
    settings.authority = authority.map(|file| Authority::read(file).unwrap());
    GitHubPort::new(bench.world().repo.clone(), run(), settings, plumbing(bench.world()))
}

#[tokio::test]
async fn an_authority_of_one_s_own_is_trusted_when_it_is_named_and_else_it_is_said_how_to() {
    let bench = OnGitHub::new();
    let dir = tempfile::tempdir().unwrap();
    let (ours, another) = (authority(dir.path(), "ours"), authority(dir.path(), "another"));
    let port = bench.hub.secure(&dir.path().join("ours-server.pem"), &dir.path().join("ours-server.key"));
    let work = bench.world().work(&bench.world().tip(), "a", "1\n");
    for unknown in [over_tls(&bench, port, None), over_tls(&bench, port, Some(&another))] {
        let by_git = unknown.publish(publish("T-1", &work, None)).await;
        let by_api = unknown.open(change("T-1", &work)).await;
        let (Err(Trouble::Elsewhere(git)), Err(Trouble::Elsewhere(api))) = (by_git, by_api) else {
            panic!("both are refused")
        };
        assert!(git.starts_with("git does not trust https://localhost:"), "{git}");
        assert!(api.starts_with("GitHub does not answer: ") && api.contains("certificate"), "{api}");
        let hint = "name the file with its authority's certificate: forge.ca_file";
        assert!(git.ends_with(hint) && api.ends_with(hint), "{git}\n{api}");
    }
    // What git is told to trust besides, in a folder, is not trusted either.
    let folder = dir.path().join("trusted");
    fs::create_dir(&folder).unwrap();
    fs::copy(&ours, folder.join("ours.pem")).unwrap();
    openssl(&folder, &["rehash", "."]);
    crate::bench::git(bench.world().root(), &["config", "http.sslCAPath", folder.to_str().unwrap()]);
    let by_folder = over_tls(&bench, port, Some(&another)).publish(publish("T-1", &work, None)).await;
    let Err(Trouble::Elsewhere(git)) = by_folder else { panic!("it is trusted") };
    assert!(git.starts_with("git does not trust https://localhost:"), "{git}");
    assert!(bench.hub.told().requests.is_empty());
    let known = over_tls(&bench, port, Some(&ours));
    known.publish(publish("T-1", &work, None)).await.unwrap();
    known.open(change("T-1", &work)).await.unwrap();
    assert_eq!(bench.changes().len(), 1);
    bench.is_content();
}

#[test]
fn a_file_without_a_certificate_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ca.pem");
    assert!(matches!(Authority::read(&file), Err(AuthorityError::Unreadable { .. })));
    fs::write(&file, "no certificate\n").unwrap();
    let error = Authority::read(&file).unwrap_err();
    assert!(matches!(error, AuthorityError::Empty { .. }), "{error}");
}
