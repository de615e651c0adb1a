//! Streamable HTTP by the client that GitHub is asked with: one request, one answer, bounded in time and size. Streams that
//! a server would speak on by itself are not opened. Knows nothing of boards.

use futures::stream::BoxStream;
use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage, ServerJsonRpcMessage};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use sse_stream::Sse;
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use ureq::{Agent, Body};

/// More than any answer that is read is long, bytes.
const LONGEST_ANSWER: u64 = 16 << 20;
const SESSION: &str = "Mcp-Session-Id";

type Failure = StreamableHttpError<ureq::Error>;

/// The client.
#[derive(Clone)]
pub(super) struct UreqClient(Agent);

impl UreqClient {
    /// One whose requests take this long at most.
    pub(super) fn new(limit: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(limit))
            .user_agent(concat!("ppe/", env!("CARGO_PKG_VERSION")));
        Self(config.build().into())
    }

    fn request(&self, call: &Call, body: Vec<u8>) -> Result<ureq::http::Response<Body>, Failure> {
        let mut request = Request::builder().method(call.method.clone()).uri(&*call.uri);
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if let Some(session) = &call.session {
            request = request.header(SESSION, &**session);
        }
        if let Some(token) = &call.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let request = request
            .header("Content-Type", "application/json")
            .header("Accept", "application/json, text/event-stream")
            .body(body)
            .map_err(|error| Failure::Client(error.into()))?;
        self.0.run(request).map_err(Failure::Client)
    }
}

/// A request without what it says.
struct Call {
    method: Method,
    uri: Arc<str>,
    session: Option<Arc<str>>,
    token: Option<String>,
    headers: HashMap<HeaderName, HeaderValue>,
}

/// Does something that waits on a thread where that is in nobody's way.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await?
}

impl StreamableHttpClient for UreqClient {
    type Error = ureq::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session_id: Option<Arc<str>>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failure> {
        let (client, session) = (self.clone(), session_id);
        let call = Call { method: Method::POST, uri, session, token: auth_header, headers: custom_headers };
        apart(move || {
            let answer = client.request(&call, serde_json::to_vec(&message)?)?;
            read_answer(answer, &call, &message)
        })
        .await
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session_id: Arc<str>,
        auth_header: Option<String>,
        custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Failure> {
        let (client, session) = (self.clone(), Some(session_id));
        let call = Call { method: Method::DELETE, uri, session, token: auth_header, headers: custom_headers };
        apart(move || client.request(&call, Vec::new()).map(drop)).await
    }

    async fn get_stream(
        &self,
        _uri: Arc<str>,
        _session_id: Option<Arc<str>>,
        _last_event_id: Option<String>,
        _auth_header: Option<String>,
        _custom_headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failure> {
        Err(Failure::ServerDoesNotSupportSse)
    }
}

fn read_answer(
    answer: ureq::http::Response<Body>,
    call: &Call,
    message: &ClientJsonRpcMessage,
) -> Result<StreamableHttpPostResponse, Failure> {
    let (head, body) = answer.into_parts();
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let awaits = matches!(message, ClientJsonRpcMessage::Request(_));
    if head.status == StatusCode::NOT_FOUND && call.session.is_some() {
        return Err(Failure::SessionExpired);
    }
    if head.status.is_success() && !awaits {
        return Ok(StreamableHttpPostResponse::Accepted);
    }
    let kind = text("Content-Type").unwrap_or_default();
    let reader = body.into_reader().take(LONGEST_ANSWER);
    let found = if kind.starts_with("text/event-stream") {
        answer_in_stream(BufReader::new(reader))
    } else {
        serde_json::from_reader(reader).ok()
    };
    let is_error = |found: &ServerJsonRpcMessage| matches!(found, JsonRpcMessage::Error(_));
    match found.filter(|found| head.status.is_success() || is_error(found)) {
        Some(found) => Ok(StreamableHttpPostResponse::Json(found, text(SESSION))),
        None => Err(Failure::UnexpectedServerResponse(Cow::Owned(format!("HTTP {}", head.status)))),
    }
}

/// The answer among the events of a stream: what comes before it is not asked for, and nothing after it is waited for.
fn answer_in_stream(stream: impl BufRead) -> Option<ServerJsonRpcMessage> {
    let mut data = String::new();
    for line in stream.lines() {
        let line = line.ok()?;
        if let Some(more) = line.strip_prefix("data:") {
            data.push_str(more.trim_start());
            data.push('\n');
        } else if line.is_empty() {
            match serde_json::from_str(&data) {
                Ok(answer @ (JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_))) => return Some(answer),
                Ok(_) | Err(_) => data.clear(),
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_among_other_events() {
        let note = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#;
        let stream = format!(
            ": hello\n\nevent: message\ndata: {note}\n\ndata: {{\"jsonrpc\":\"2.0\",\"id\":1,\ndata: \"result\":{{}}}}\n\nnever read"
        );
        let found = answer_in_stream(stream.as_bytes());
        assert!(matches!(found, Some(JsonRpcMessage::Response(_))), "{found:?}");
        assert!(answer_in_stream(&b"data: {}\n\n"[..]).is_none());
    }
}
