//! One connection to a server of the Model Context Protocol, of either era: a program of ours on its standard streams, or
//! an address. Everything is bounded in time. Knows nothing of boards.

use super::dialect::Tools;
use super::http::UreqClient;
use super::rows::told;
use super::server::Server;
use super::{McpSettings, Place};
use ppe_engine::ports::BoardError;
use rmcp::model::{CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt, RoleClient, RunningService};
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::streamable_http_client::{
    StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
};
use serde_json::{Map, Value};
use std::time::Duration;

/// How long a server may take to be there: the first start of one from npm has to be fetched.
const GREETING: Duration = Duration::from_secs(30);

/// A connection.
pub(super) struct Session {
    service: RunningService<RoleClient, ClientConfig>,
    limit: Duration,
    /// What it may be asked.
    pub(super) tools: Tools,
    /// Ends with this.
    _server: Option<Server>,
}

impl Session {
    /// Connects. Boards of before 2026 may end at a word that they do not know, so theirs is the first that is tried.
    pub(super) async fn open(settings: &McpSettings) -> Result<Self, BoardError> {
        let newest =
            ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] };
        match Self::greet(settings, ClientLifecycleMode::Initialize).await {
            Ok(session) => Ok(session),
            Err(first) => Self::greet(settings, newest).await.map_err(|_| first),
        }
    }

    async fn greet(settings: &McpSettings, lifecycle: ClientLifecycleMode) -> Result<Self, BoardError> {
        let greeting = tokio::time::timeout(GREETING, Self::connect(settings, lifecycle)).await;
        let late = |_| BoardError::Lost(format!("{} does not answer", settings.place));
        greeting.map_err(late)?
    }

    async fn connect(settings: &McpSettings, lifecycle: ClientLifecycleMode) -> Result<Self, BoardError> {
        let lost = |why: String| BoardError::Lost(format!("{}: {}", settings.place, told(&why)));
        let us = Implementation::new("ppe", env!("CARGO_PKG_VERSION"));
        let us = ClientConfig::new(ClientCapabilities::default(), us);
        let (service, server) = match &settings.place {
            Place::Server(argv) => {
                let (server, stdout, stdin) =
                    Server::start(argv, settings).map_err(|error| lost(error.to_string()))?;
                let transport = AsyncRwTransport::new_client(stdout, stdin);
                (us.serve_with_lifecycle(transport, lifecycle).await, Some(server))
            }
            Place::Url(url) => {
                let mut config = StreamableHttpClientTransportConfig::with_uri(url.as_str());
                config.auth_header.clone_from(&settings.token);
                let transport =
                    StreamableHttpClientTransport::with_client(UreqClient::new(settings.limit), config);
                (us.serve_with_lifecycle(transport, lifecycle).await, None)
            }
        };
        let opened = match service {
            Ok(service) => match service.list_all_tools().await {
                Ok(tools) => Ok((service, tools)),
                Err(error) => Err(error.to_string()),
            },
            Err(error) => Err(error.to_string()),
        };
        let (service, tools, server) = match (opened, server) {
            (Ok((service, tools)), server) => (service, tools, server),
            (Err(why), None) => return Err(lost(why)),
            (Err(why), Some(server)) => {
                let words =
                    server.last_words().await.map(|words| format!("; its last words: {}", told(&words)));
                let why = format!("{}{}", told(&why), words.unwrap_or_default());
                return Err(BoardError::Lost(format!("{}: {why}", settings.place)));
            }
        };
        let tools = tools.into_iter().map(|tool| (tool.name.to_string(), (*tool.input_schema).clone()));
        Ok(Self { tools: tools.collect(), limit: settings.limit, service, _server: server })
    }

    /// Calls a tool: its text, and whether it says that it failed.
    pub(super) async fn call(
        &self,
        tool: &str,
        with: Map<String, Value>,
    ) -> Result<(String, bool), BoardError> {
        let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(with);
        let answer = tokio::time::timeout(self.limit, self.service.call_tool(request)).await;
        let answer = answer
            .map_err(|_| BoardError::Lost(format!("no answer to {tool} within {} s", self.limit.as_secs())))?
            .map_err(|error| {
                let why = format!("{tool}: {}", told(&error.to_string()));
                // Who says no in the protocol's own words is there.
                if matches!(error, rmcp::ServiceError::McpError(_)) {
                    BoardError::Refused(why)
                } else {
                    BoardError::Lost(why)
                }
            })?;
        let texts = answer.content.iter().filter_map(|content| content.as_text());
        let text: String = texts.map(|text| text.text.as_str()).collect();
        Ok((text, answer.is_error == Some(true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::path::Path;

    /// A server that is not ours: `scripts/mcp-servers` gets it.
    const STRANGER: &str = "node_modules/@modelcontextprotocol/server-everything/dist/index.js";

    #[tokio::test]
    async fn a_strangers_tool_is_called_and_its_refusal_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/mcp-servers").join(STRANGER);
        let settings = McpSettings {
            place: Place::Server(
                ["node", &program.display().to_string(), "stdio"].map(str::to_owned).to_vec(),
            ),
            project: None,
            token: None,
            env: BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap())]),
            folder: folder.path().to_owned(),
            limit: Duration::from_secs(10),
            complaints: None,
        };
        let session = Session::open(&settings).await.unwrap();
        let with = |key: &str| Map::from_iter([(key.to_owned(), Value::from("hello"))]);
        assert_eq!(session.call("echo", with("message")).await, Ok(("Echo: hello".to_owned(), false)));
        let refused = session.call("echo", with("no-such")).await;
        assert!(matches!(refused, Ok((_, true)) | Err(BoardError::Refused(_))), "{refused:?}");
    }
}
