//! GitHub's calls: only those that are signed and new wake whoever looks, and then what is true is known at once.

use crate::bench::{Bench, OnGitHub, QUICK, main};
use hmac::{Hmac, KeyInit, Mac};
use ppe_adapters::forge::github::{Pace, Secret, Webhook};
use ppe_core::outcome::Verdict;
use ppe_core::state::Subject;
use ppe_engine::ports::{CiSpec, Forge};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// GitHub's own example of a secret, a body and its signature.
const SECRET: &str = "It's a Secret to Everybody";
const BODY: &[u8] = b"Hello, World!";
const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
/// The longest body that is taken.
const LONGEST: usize = 25 * 1024 * 1024;

/// A place for calls that counts what it was woken by.
fn counting() -> (Webhook, Arc<AtomicUsize>) {
    let woken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&woken);
    let open = Webhook::open(([127, 0, 0, 1], 0).into(), Secret::new(SECRET).unwrap(), move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    (open.unwrap(), woken)
}

/// Sends a request as it stands and answers the status.
async fn send(address: SocketAddr, head: String, body: Vec<u8>) -> u16 {
    let sent = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&[head.as_bytes(), b"\r\n\r\n", &body].concat()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap()
    });
    sent.await.unwrap()
}

fn head(name: &str, signature: &str, length: usize) -> String {
    format!(
        "POST /webhooks/github HTTP/1.1\r\nhost: h\r\nx-github-event: check_run\r\nx-github-delivery: {name}\r\n\
         x-hub-signature-256: {signature}\r\ncontent-length: {length}"
    )
}

fn signed(body: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(body);
    let digits: Vec<String> = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={}", digits.concat())
}

#[tokio::test]
async fn a_call_wakes_once_when_its_signature_is_right_and_never_else() {
    let (webhook, woken) = counting();
    let at = webhook.address;
    let call = async |head: String| send(at, head, BODY.to_vec()).await;
    let count = || woken.load(Ordering::SeqCst);
    assert_eq!((call(head("first", SIGNATURE, BODY.len())).await, count()), (202, 1));
    assert_eq!((call(head("first", SIGNATURE, BODY.len())).await, count()), (202, 1), "a repeat is none");
    let wrong = SIGNATURE.replace("757107", "757108");
    let upper = SIGNATURE.to_uppercase();
    for signature in [wrong.as_str(), &upper, &SIGNATURE[..SIGNATURE.len() - 2], "sha256=", "sha256=zz", ""] {
        assert_eq!(call(head("second", signature, BODY.len())).await, 401, "{signature}");
    }
    assert_eq!(send(at, head("second", SIGNATURE, 5), b"Hello".to_vec()).await, 401, "of another body");
    let unsigned = head("second", SIGNATURE, BODY.len()).replace("x-hub-signature-256", "x-other");
    assert_eq!(call(unsigned).await, 401);
    let nameless = head("second", SIGNATURE, BODY.len()).replace("x-github-delivery", "x-other");
    assert_eq!(call(nameless).await, 401);
    let ping = head("third", SIGNATURE, BODY.len()).replace("check_run", "ping");
    assert_eq!((call(ping).await, count()), (202, 1), "a ping says nothing");
    let elsewhere = head("fourth", SIGNATURE, BODY.len()).replace("/webhooks/github", "/");
    assert_eq!(call(elsewhere).await, 404);
    let asked = head("fourth", SIGNATURE, BODY.len()).replacen("POST", "PUT", 1);
    assert_eq!(call(asked).await, 405);
    assert_eq!(
        (call(head("second", SIGNATURE, BODY.len())).await, count()),
        (202, 2),
        "what was refused is not known"
    );
}

#[tokio::test]
async fn a_call_is_no_longer_than_github_s_are() {
    let (webhook, woken) = counting();
    let long = vec![b'x'; LONGEST];
    let head_of = |name: &str, body: &[u8]| head(name, &signed(body), body.len());
    assert_eq!(send(webhook.address, head_of("a", &long), long.clone()).await, 202);
    let (head, nothing) = (head("b", SIGNATURE, LONGEST + 1), Vec::new());
    assert_eq!(send(webhook.address, head, nothing).await, 413, "what is said to be longer is not read");
    let longer = [long, vec![b'x']].concat();
    let chunked = head_of("c", &longer)
        .replace(&format!("content-length: {}", longer.len()), "transfer-encoding: chunked");
    let chunk = [format!("{:x}\r\n", longer.len()).as_bytes(), &longer].concat();
    assert_eq!(send(webhook.address, chunked, chunk).await, 413);
    assert_eq!(woken.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn who_calls_and_says_nothing_keeps_nobody_else_from_being_heard() {
    let (webhook, woken) = counting();
    let silent: Vec<_> = (0..15).map(|_| TcpStream::connect(webhook.address).unwrap()).collect();
    let begun = Instant::now();
    assert_eq!(send(webhook.address, head("first", SIGNATURE, BODY.len()), BODY.to_vec()).await, 202);
    assert!(begun.elapsed() < Duration::from_secs(9), "it waited for the silent ones to be given up");
    assert_eq!((woken.load(Ordering::SeqCst), silent.len()), (1, 15));
}

#[tokio::test]
async fn a_call_brings_the_verdict_long_before_the_next_look_was_due() {
    let poll = Duration::from_mins(1);
    let bench = OnGitHub::at(Pace { poll, ..QUICK });
    let steps = json!([[0, "queued", null], [500, "completed", "success"]]);
    let checks = json!([{"name": "build", "steps": steps}]);
    bench.hub.rules(&json!({"on": "refs/heads/main", "checks": checks}));
    // The push that CI starts with is known once somebody asks.
    bench.hub.told();
    let (port, commit) = (bench.port().clone(), bench.world().tip());
    let begun = Instant::now();
    let waiting = tokio::spawn(async move {
        let (subject, base) = (Subject::Base(commit.clone()), commit.clone());
        port.ci(CiSpec { subject, run: 1, base, commit, target: main(), members: Vec::new() }).await
    });
    let port = bench.port().clone();
    let secret = Secret::new(SECRET).unwrap();
    let webhook = Webhook::open(([127, 0, 0, 1], 0).into(), secret, move || port.wake()).unwrap();
    let looked = || bench.hub.told().requests.iter().filter(|r| r.path.ends_with("/graphql")).count();
    while looked() == 0 || begun.elapsed() < Duration::from_millis(700) {
        assert!(begun.elapsed() < Duration::from_secs(20), "nobody looks");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(looked(), 1, "the next look is a minute away");
    assert_eq!(send(webhook.address, head("first", SIGNATURE, BODY.len()), BODY.to_vec()).await, 202);
    let verdict = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    assert_eq!(verdict.unwrap().unwrap(), Ok(Verdict::Green));
    assert!(begun.elapsed() < poll / 3, "{:?}", begun.elapsed());
    bench.is_content();
}
