//! Requests to GitHub's API: one connection pool, one writer at a time, no repeats of its own, everything bounded.
//!
//! Knows no operation.

use super::GitHubSettings;
use super::authority::UNKNOWN;
use super::budget::{Budgets, Resource, Turn};
use super::gate::Gate;
use super::token::{Found, TokenSource};
use ppe_core::input::Trouble;
use ppe_core::wording;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use ureq::Agent;
use ureq::http::{HeaderMap, Method, Request, Response};

/// The version of the API that its answers are read in.
const VERSION: &str = "2022-11-28";
/// More than any answer that is read is long, bytes.
const LONGEST_ANSWER: u64 = 16 * 1024 * 1024;
/// Answers kept for the sake of their tags.
const MOST_KNOWN: usize = 500;
/// Places that a question may be sent on to.
const MOST_REDIRECTS: u32 = 3;
/// Pages that are read of one list.
const MOST_PAGES: usize = 50;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ApiError {
    /// It did not get there, or what came back is no answer: whether it acted is not known.
    Lost(String),
    /// It may not be asked now.
    Later(String),
    /// It understood, and refused.
    Refused {
        /// The status.
        status: u16,
        /// In its words.
        why: String,
    },
}

impl ApiError {
    /// Whether it was refused with this status.
    pub(super) fn is(&self, wanted: u16) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == wanted)
    }
}

impl From<ApiError> for Trouble {
    fn from(error: ApiError) -> Self {
        Self::Elsewhere(match error {
            ApiError::Lost(why) => format!("GitHub does not answer: {why}"),
            ApiError::Later(why) => why,
            ApiError::Refused { status: 403, why } => format!("GitHub does not let the token do this: {why}"),
            ApiError::Refused { status: 404, why } => {
                format!("GitHub has no such repository, or the token may not see it: {why}")
            }
            ApiError::Refused { status, why } => format!("GitHub refuses ({status}): {why}"),
        })
    }
}

/// An answer.
pub(super) struct Answer<T> {
    /// What it says.
    pub(super) body: T,
    /// What the token may do, where it is of the kind that says so.
    pub(super) scopes: Option<String>,
    /// Where the list goes on.
    next: Option<String>,
}

/// An answer that may still be so.
struct Known {
    tag: String,
    body: Vec<u8>,
    next: Option<String>,
}

/// A client of one API for one token.
pub(super) struct Client {
    agent: Agent,
    api_url: String,
    tokens: TokenSource,
    token: Mutex<Option<Found>>,
    gate: Mutex<Gate>,
    budgets: Mutex<Budgets>,
    spacing: Duration,
    last_write: Mutex<Option<Instant>>,
    known: Mutex<BTreeMap<String, Arc<Known>>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Client {
    /// A client of the repository's API.
    pub(super) fn new(settings: &GitHubSettings) -> Self {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(MOST_REDIRECTS)
            .max_redirects_will_error(false)
            .timeout_global(Some(settings.pace.limit))
            .user_agent(concat!("ppe/", env!("CARGO_PKG_VERSION")));
        if let Some(authority) = &settings.authority {
            config = config.tls_config(authority.tls());
        }
        Self {
            agent: config.build().into(),
            api_url: settings.place.api_url.clone(),
            tokens: settings.tokens.clone(),
            token: Mutex::default(),
            gate: Mutex::default(),
            budgets: Mutex::default(),
            spacing: settings.pace.spacing,
            last_write: Mutex::default(),
            known: Mutex::default(),
        }
    }

    /// Asks for something; `path` begins with a slash.
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Answer<T>, ApiError> {
        self.get_at(&format!("{}{path}", self.api_url))
    }

    /// Asks for a list, all pages of it.
    pub(super) fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ApiError> {
        self.list_in(path, |rows: Vec<T>| rows)
    }

    /// Asks for a list that stands inside of something, all pages of it.
    pub(super) fn list_in<P: DeserializeOwned, T>(
        &self,
        path: &str,
        rows: impl Fn(P) -> Vec<T>,
    ) -> Result<Vec<T>, ApiError> {
        let (mut found, mut next) = (Vec::new(), Some(format!("{}{path}", self.api_url)));
        for _ in 0..MOST_PAGES {
            let Some(url) = next else { break };
            let answer: Answer<P> = self.get_at(&url)?;
            found.extend(rows(answer.body));
            // The token goes nowhere else.
            next = answer.next.filter(|url| url.starts_with(&self.api_url));
        }
        Ok(found)
    }

    fn get_at<T: DeserializeOwned>(&self, url: &str) -> Result<Answer<T>, ApiError> {
        // Held on to until the answer is there: meanwhile it may be forgotten.
        let before = held(&self.known).get(url).map(Arc::clone);
        let asked = Request::builder().method(Method::GET).uri(url);
        let asked = before.iter().fold(asked, |asked, known| asked.header("if-none-match", &known.tag));
        let answer = self.exchange(Resource::Rest, asked, None)?;
        let scopes = text(answer.headers(), "x-oauth-scopes");
        let (status, headers, body) = self.read(answer)?;
        if status == 304
            && let Some(same) = before
        {
            return Ok(Answer { body: parsed(&same.body)?, scopes, next: same.next.clone() });
        }
        let (next, tag) = (next_page(&headers), text(&headers, "etag"));
        let read = parsed(&body)?;
        if let Some(tag) = tag {
            let mut known = held(&self.known);
            if known.len() >= MOST_KNOWN {
                known.clear();
            }
            known.insert(url.to_owned(), Arc::new(Known { tag, body, next: next.clone() }));
        }
        Ok(Answer { body: read, scopes, next })
    }

    /// Asks for a text, wherever it is stored; at most `limit` bytes of its end, however long it is.
    pub(super) fn text(&self, path: &str, limit: usize) -> Result<String, ApiError> {
        let asked = Request::builder().method(Method::GET).uri(format!("{}{path}", self.api_url));
        let answer = self.exchange(Resource::Rest, asked, None)?;
        if !answer.status().is_success() {
            return self.read(answer).map(|_| String::new());
        }
        let end = end_of(answer.into_body().into_reader(), limit);
        let end = end.map_err(|error| ApiError::Lost(wording::first_line(&error.to_string(), 200)))?;
        Ok(wording::tail(&String::from_utf8_lossy(&end), limit).to_owned())
    }

    /// Changes something. Writes go one by one.
    pub(super) fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        self.write_at(Resource::Rest, method, &format!("{}{path}", self.api_url), body)
    }

    /// Takes something away.
    pub(super) fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        let asked = Request::builder().method(Method::DELETE).uri(format!("{}{path}", self.api_url));
        self.written(Resource::Rest, asked, None)
    }

    /// Changes something by GraphQL.
    pub(super) fn mutate(&self, mutation: &Value) -> Result<(), ApiError> {
        let url = graphql_url(&self.api_url);
        let told: Told = self.write_at(Resource::Graph, Method::POST, &url, mutation)?;
        told.errors.into_iter().next().map_or(Ok(()), |error| Err(error.into()))
    }

    fn write_at<T: DeserializeOwned>(
        &self,
        resource: Resource,
        method: Method,
        url: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        let body = serde_json::to_vec(body).map_err(|error| ApiError::Lost(error.to_string()))?;
        let asked = Request::builder().method(method).uri(url);
        let asked = asked.header("content-type", "application/json");
        self.written(resource, asked, Some(body))
    }

    /// One write at a time, and none sooner after another than is wished for.
    fn written<T: DeserializeOwned>(
        &self,
        resource: Resource,
        asked: ureq::http::request::Builder,
        body: Option<Vec<u8>>,
    ) -> Result<T, ApiError> {
        let mut last = held(&self.last_write);
        if let Some(earlier) = *last {
            std::thread::sleep(self.spacing.saturating_sub(earlier.elapsed()));
        }
        let answer = self.exchange(resource, asked, body);
        *last = Some(Instant::now());
        drop(last);
        let (_, _, body) = self.read(answer?)?;
        parsed(&body)
    }

    /// Asks GraphQL. An answer that is not whole is none.
    pub(super) fn ask<T: DeserializeOwned>(&self, question: &Value) -> Result<T, ApiError> {
        let body = serde_json::to_vec(question).map_err(|error| ApiError::Lost(error.to_string()))?;
        let asked = Request::builder().method(Method::POST).uri(graphql_url(&self.api_url));
        let asked = asked.header("content-type", "application/json");
        let (_, _, body) = self.read(self.exchange(Resource::Graph, asked, Some(body))?)?;
        let told: Told = parsed(&body)?;
        match told.errors.into_iter().next() {
            Some(error) => Err(error.into()),
            None => T::deserialize(told.data)
                .map_err(|error| ApiError::Lost(format!("what it says cannot be read: {error}"))),
        }
    }

    fn exchange(
        &self,
        resource: Resource,
        asked: ureq::http::request::Builder,
        body: Option<Vec<u8>>,
    ) -> Result<Response<ureq::Body>, ApiError> {
        if let Some(why) = held(&self.gate).closed(SystemTime::now()) {
            return Err(ApiError::Later(why));
        }
        let turn = held(&self.budgets).turn(resource, SystemTime::now());
        match turn {
            Turn::In(wait) => std::thread::sleep(wait),
            Turn::Later(why) => return Err(ApiError::Later(why)),
        }
        let lost = |error: &dyn std::fmt::Display| {
            let why = wording::first_line(&error.to_string(), 200);
            ApiError::Lost(if why.contains("invalid peer certificate") {
                format!("{why}; {UNKNOWN}")
            } else {
                why
            })
        };
        let asked = asked
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", VERSION)
            .header("authorization", format!("Bearer {}", self.token()?.token.expose()));
        // A change that is sent on to another place is none: the repository has moved, and a person must know.
        let redirects = if asked.method_ref() == Some(&Method::GET) { MOST_REDIRECTS } else { 0 };
        match body {
            None => {
                let asked = asked.body(()).map_err(|error| lost(&error))?;
                let asked = self.agent.configure_request(asked).max_redirects(redirects).build();
                self.agent.run(asked).map_err(|error| lost(&error))
            }
            Some(body) => {
                let asked = asked.body(body).map_err(|error| lost(&error))?;
                let asked = self.agent.configure_request(asked).max_redirects(redirects).build();
                self.agent.run(asked).map_err(|error| lost(&error))
            }
        }
    }

    /// Status, headers and body of a good answer; any other says why.
    fn read(&self, answer: Response<ureq::Body>) -> Result<(u16, HeaderMap, Vec<u8>), ApiError> {
        let (parts, body) = answer.into_parts();
        let body = body.into_with_config().limit(LONGEST_ANSWER).read_to_vec();
        let body = body.map_err(|error| ApiError::Lost(wording::first_line(&error.to_string(), 200)))?;
        let status = parts.status.as_u16();
        let said = refusal(&body, &parts.headers);
        let message = said.as_deref().unwrap_or_default();
        held(&self.budgets).learn(&parts.headers);
        let mut gate = held(&self.gate);
        gate.learn(status, &parts.headers, message, SystemTime::now());
        let closed = gate.closed(SystemTime::now());
        drop(gate);
        match status {
            200..=299 | 304 => Ok((status, parts.headers, body)),
            401 => {
                // It may have been renewed by the time it is asked again.
                *held(&self.token) = None;
                Err(ApiError::Later(closed.unwrap_or_default()))
            }
            300..=399 => {
                let place = text(&parts.headers, "location").unwrap_or_default();
                let why = format!("the repository has moved to {place}: change the remote's address");
                Err(ApiError::Refused { status, why })
            }
            400..=499 => match (closed, said) {
                (Some(why), _) if matches!(status, 403 | 429) => Err(ApiError::Later(why)),
                (_, Some(why)) => Err(ApiError::Refused { status, why }),
                (_, None) => Err(ApiError::Lost(format!("status {status} without a reason"))),
            },
            _ => Err(ApiError::Lost(format!("status {status}"))),
        }
    }

    /// The token, looked for at the first request and after one that was not accepted.
    pub(super) fn token(&self) -> Result<Found, ApiError> {
        let mut known = held(&self.token);
        if let Some(found) = &*known {
            return Ok(found.clone());
        }
        let found = self.tokens.find().map_err(|error| ApiError::Later(error.to_string()))?;
        *known = Some(found.clone());
        Ok(found)
    }
}

/// An answer of GraphQL's.
#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    data: Value,
    #[serde(default)]
    errors: Vec<Wrong>,
}

/// What GraphQL finds wrong, or does not let the token have.
#[derive(Deserialize)]
struct Wrong {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: String,
}

impl From<Wrong> for ApiError {
    fn from(wrong: Wrong) -> Self {
        let why = wording::first_line(&wrong.message, 300);
        match wrong.kind.as_deref() {
            Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => Self::Refused { status: 403, why },
            Some("NOT_FOUND") => Self::Refused { status: 404, why },
            Some("UNPROCESSABLE") => Self::Refused { status: 422, why },
            Some("RATE_LIMITED") => Self::Later(why),
            _ => Self::Lost(why),
        }
    }
}

/// Where GraphQL is asked, beside the REST API.
fn graphql_url(api_url: &str) -> String {
    format!("{}/graphql", api_url.strip_suffix("/v3").unwrap_or(api_url))
}

/// The last bytes of what is read, and no more of it in memory.
fn end_of(from: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let (mut from, mut end) = (BufReader::new(from), Vec::new());
    loop {
        let part = from.fill_buf()?;
        if part.is_empty() {
            return Ok(end);
        }
        end.extend_from_slice(part);
        let read = part.len();
        from.consume(read);
        end.drain(..end.len().saturating_sub(limit));
    }
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::Lost(format!("what it says cannot be read: {error}")))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// The address after `rel="next"` of a list.
fn next_page(headers: &HeaderMap) -> Option<String> {
    let links = text(headers, "link")?;
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    let (_, rest) = next.split_once('<')?;
    rest.split_once('>').map(|(url, _)| url.to_owned())
}

/// What GitHub says of a refusal: its message, its errors one by one, and what the token would have to be permitted.
fn refusal(body: &[u8], headers: &HeaderMap) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Told {
        message: Option<String>,
        #[serde(default)]
        errors: serde_json::Value,
        /// Where the answer says how a merge stands.
        #[serde(default)]
        details: serde_json::Value,
    }
    let told: Told = serde_json::from_slice(body).ok()?;
    let message = told.message.or_else(|| told.details["message"].as_str().map(str::to_owned))?;
    let errors = told.errors.as_array().into_iter().flatten();
    let details = errors.filter_map(|error| {
        let plain = error.as_str().or_else(|| error["message"].as_str()).map(str::to_owned);
        plain.or_else(|| Some(format!("{} is {}", error["field"].as_str()?, error["code"].as_str()?)))
    });
    let wanted = text(headers, "x-accepted-github-permissions").map(|wanted| format!("it needs {wanted}"));
    let parts: Vec<String> = std::iter::once(message).chain(details).chain(wanted).collect();
    Some(wording::first_line(&parts.join(": "), 300))
}
