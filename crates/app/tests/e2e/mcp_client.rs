//! A client of the Model Context Protocol that asks a server of ours line by line, as either era does. Knows no SDK.

use ppe_testkit::env::TestEnv;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// Which protocol is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    /// With a handshake; the server asks the client.
    Handshake,
    /// Each request for itself; the answer says what is asked.
    Stateless,
}

/// Whether the client shows forms, and the word that its user chooses. With `cancel` the call is taken back before they agree.
pub(crate) type Forms = Option<&'static str>;

/// The client.
pub(crate) struct Client {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    era: Era,
    forms: Forms,
    asked: u64,
    /// Notifications that came, in their order.
    pub(crate) told: Vec<Value>,
}

impl Client {
    /// Starts a server in the user's repository and gets to know it.
    pub(crate) fn start(env: &TestEnv, era: Era, forms: Forms) -> Self {
        let mut command = env.command(&["mcp"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut client = Self { child, input, output, era, forms, asked: 0, told: Vec::new() };
        match era {
            Era::Stateless => drop(client.call("server/discover", json!({}))),
            Era::Handshake => {
                let who = json!({"name": "test", "version": "1"});
                let capabilities = client.capabilities();
                let hello =
                    json!({"protocolVersion": "2025-11-25", "capabilities": capabilities, "clientInfo": who});
                assert_eq!(client.call("initialize", hello)["protocolVersion"], "2025-11-25");
                client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
            }
        }
        client
    }

    fn capabilities(&self) -> Value {
        if self.forms.is_some() { json!({"elicitation": {"form": {}}}) } else { json!({}) }
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.input.as_mut().unwrap(), "{message}").unwrap();
    }

    /// Asks, and waits for the whole answer.
    pub(crate) fn ask(&mut self, method: &str, mut params: Value) -> Value {
        self.asked += 1;
        // Who waits wants to hear how far it is.
        params["_meta"] = json!({"progressToken": self.asked});
        if self.era == Era::Stateless {
            let of = |name: &str| format!("io.modelcontextprotocol/{name}");
            let meta = &mut params["_meta"];
            meta[of("protocolVersion")] = json!("2026-07-28");
            meta[of("clientInfo")] = json!({"name": "test", "version": "1"});
            meta[of("clientCapabilities")] = self.capabilities();
        }
        let id = self.asked;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the server has gone");
            let message: Value = serde_json::from_str(&line).unwrap();
            match (&message["method"], &message["id"]) {
                (Value::Null, of) if *of == json!(id) => return message,
                (Value::String(method), of) if method == "elicitation/create" => {
                    let takes_back = self.forms == Some("cancel");
                    if takes_back {
                        let params = json!({"requestId": id});
                        let method = "notifications/cancelled";
                        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
                    }
                    let result = self.chosen();
                    self.send(&json!({"jsonrpc": "2.0", "id": of, "result": result}));
                    if takes_back {
                        return json!({"result": "no answer comes"});
                    }
                }
                (Value::String(_), Value::Null) => self.told.push(message),
                other => panic!("not expected: {other:?}"),
            }
        }
    }

    fn chosen(&self) -> Value {
        match self.forms.expect("a client with forms") {
            "decline" => json!({"action": "decline"}),
            "cancel" => json!({"action": "accept", "content": {"answer": "yes"}}),
            word => json!({"action": "accept", "content": {"answer": word}}),
        }
    }

    /// Asks, and demands that it goes well.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        let answer = self.ask(method, params);
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    /// Calls a tool, and lets the user choose what the answer asks for.
    pub(crate) fn tool(&mut self, name: &str, arguments: Value) -> Value {
        let first = self.call("tools/call", json!({"name": name, "arguments": arguments}));
        if first["resultType"] != "input_required" {
            return first;
        }
        let asks = first["inputRequests"].as_object().unwrap();
        let answers: serde_json::Map<_, _> = asks.keys().map(|key| (key.clone(), self.chosen())).collect();
        self.call("tools/call", json!({"name": name, "arguments": arguments, "inputResponses": answers}))
    }

    /// The document that a tool answers with.
    pub(crate) fn document(&mut self, name: &str, arguments: Value) -> Value {
        let result = self.tool(name, arguments);
        assert_ne!(result["isError"], true, "{result}");
        result["structuredContent"].clone()
    }

    /// Waits by long calls until the run is in a state.
    pub(crate) fn until(&mut self, state: &str) -> Value {
        self.until_status(|status| status["state"] == state)
    }

    /// The same until a question is open.
    pub(crate) fn until_asked(&mut self) -> Value {
        self.until_status(|status| status["questions"][0].is_object())
    }

    fn until_status(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut mark = Value::Null;
        for _ in 0..60 {
            let mut arguments = json!({"wait_s": 20});
            if mark.is_string() {
                arguments["since"] = mark;
            }
            let status = self.document("plan_status", arguments);
            if wanted(&status) {
                return status;
            }
            mark = status["mark"].clone();
        }
        panic!("it never came");
    }

    /// Goes, and demands that the server does as well.
    pub(crate) fn end(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
