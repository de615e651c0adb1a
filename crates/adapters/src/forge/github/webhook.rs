//! GitHub's calls when something has happened there. A call only wakes whoever looks: what is true is asked for, as ever.
//!
//! A call is heard when its signature is right and it was not heard before. Nothing of what it says is read.

use super::token::Secret;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use sha2::Sha256;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener as Listener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, JoinSet};

/// Where calls are taken.
const PATH: &str = "/webhooks/github";
/// GitHub sends no longer ones, bytes.
const LONGEST_CALL: u64 = 25 * 1024 * 1024;
/// Calls at once. More wait in the kernel's queue.
const MOST_CALLS: usize = 16;
/// A call takes no longer: GitHub itself does not wait longer for its answer.
const LONGEST: Duration = Duration::from_secs(10);
/// After a connection that could not be taken.
const BREATH: Duration = Duration::from_millis(100);
/// Calls whose repeats are known.
const MOST_KNOWN: usize = 1_000;
/// A name of a call is no longer.
const LONGEST_NAME: usize = 100;

/// A place where calls are taken. Closed when dropped.
#[derive(Debug)]
pub struct Webhook {
    /// Where it is.
    pub address: SocketAddr,
    taking: JoinHandle<()>,
}

impl Webhook {
    /// Takes calls at an address, and calls `wake` for each that is heard.
    pub fn open(
        address: SocketAddr,
        secret: Secret,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let listener = Listener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let ear = Ear { secret, wake: Box::new(wake), heard: Mutex::default() };
        let taking = tokio::spawn(take(TcpListener::from_std(listener)?, Arc::new(ear)));
        Ok(Self { address, taking })
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.taking.abort();
    }
}

/// Takes one connection after the other, each for one call.
async fn take(listener: TcpListener, ear: Arc<Ear>) {
    let room = Arc::new(Semaphore::new(MOST_CALLS));
    let mut calls = JoinSet::new();
    while let Ok(seat) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => drop(calls.spawn(serve(stream, Arc::clone(&ear), seat))),
            Err(_) => tokio::time::sleep(BREATH).await,
        }
        while calls.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, ear: Arc<Ear>, seat: OwnedSemaphorePermit) {
    let service = service_fn(|call| async {
        let mut answer = Response::new(Empty::<Bytes>::new());
        *answer.status_mut() = ear.hear(call).await;
        Ok::<_, Infallible>(answer)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(LONGEST).keep_alive(false);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    // Whoever went, or never came to an end, has said nothing: the next look comes anyway.
    drop(tokio::time::timeout(LONGEST, connection).await);
    drop(seat);
}

/// Who listens.
struct Ear {
    secret: Secret,
    wake: Box<dyn Fn() + Send + Sync>,
    /// Names of the calls that were heard, the oldest first.
    heard: Mutex<VecDeque<String>>,
}

impl Ear {
    /// What a call is answered.
    async fn hear(&self, call: Request<Incoming>) -> StatusCode {
        if call.uri().path() != PATH {
            return StatusCode::NOT_FOUND;
        }
        if call.method() != Method::POST {
            return StatusCode::METHOD_NOT_ALLOWED;
        }
        let (head, body) = call.into_parts();
        let said = text(&head.headers, CONTENT_LENGTH.as_str()).and_then(|length| length.parse::<u64>().ok());
        if said.is_some_and(|length| length > LONGEST_CALL) {
            return StatusCode::PAYLOAD_TOO_LARGE;
        }
        let (Some(signature), Some(name)) =
            (signature(&head.headers), text(&head.headers, "x-github-delivery"))
        else {
            return StatusCode::UNAUTHORIZED;
        };
        match self.is_signed(body, &signature).await {
            Err(status) => status,
            Ok(false) => StatusCode::UNAUTHORIZED,
            Ok(true) if name.len() > LONGEST_NAME => StatusCode::BAD_REQUEST,
            Ok(true) => {
                if self.is_new(name) && text(&head.headers, "x-github-event") != Some("ping") {
                    (self.wake)();
                }
                StatusCode::ACCEPTED
            }
        }
    }

    /// Whether a body is signed with the secret. It is read piece by piece, and kept nowhere.
    async fn is_signed(&self, mut body: Incoming, signature: &[u8]) -> Result<bool, StatusCode> {
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.expose().as_bytes());
        let mut mac = mac.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
            let Some(piece) = frame.data_ref() else { continue };
            length += u64::try_from(piece.len()).unwrap_or(LONGEST_CALL);
            if length > LONGEST_CALL {
                return Err(StatusCode::PAYLOAD_TOO_LARGE);
            }
            mac.update(piece);
        }
        // In a time that does not tell how much of it was right.
        Ok(mac.verify_slice(signature).is_ok())
    }

    fn is_new(&self, name: &str) -> bool {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if heard.iter().any(|known| known == name) {
            return false;
        }
        if heard.len() >= MOST_KNOWN {
            heard.pop_front();
        }
        heard.push_back(name.to_owned());
        true
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The bytes of `sha256=…`.
fn signature(headers: &HeaderMap) -> Option<Vec<u8>> {
    let digits = text(headers, "x-hub-signature-256")?.strip_prefix("sha256=")?.as_bytes();
    let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits.chunks(2).map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)).collect()
}
