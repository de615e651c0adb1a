//! Questions to the user by way of the client, where it can show forms: in the answer of a call, as the protocol of 2026
//! has it, or by a request of ours before that. Knows nothing of what is asked.

use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequestParams, ClientResult, ConstTitle, ElicitRequest, ElicitRequestParams, ElicitResult,
    ElicitationAction, ElicitationSchema, InputRequest, InputRequests, InputRequiredResult, ProtocolVersion,
    ServerRequest, TitledSingleSelectEnumSchema,
};
use rmcp::service::RequestContext;
use serde_json::{Value, json};
use std::time::Duration;

/// The field of every form.
const FIELD: &str = "answer";
/// How long a person may think before the call goes on without them.
const PATIENCE: Duration = Duration::from_mins(10);

/// One question with what may be chosen.
pub(super) struct Form {
    /// What the answer is found by. It names all that was shown, so that no answer is taken for another question.
    pub(super) key: String,
    /// The question.
    pub(super) message: String,
    /// The words to choose from, each with what it leads to.
    pub(super) choices: Vec<(String, String)>,
}

/// What came of asking.
pub(super) enum Asked {
    /// The chosen word.
    Chosen(String),
    /// The user said no, or nothing that was asked for.
    Declined,
    /// The client has no forms, or did not bring one back: nobody may have seen it.
    CannotAsk,
    /// The client asks, and calls again.
    Later(InputRequiredResult),
}

/// Asks the user.
pub(super) async fn ask(
    form: Form,
    request: &CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Asked {
    let answered = request.input_responses.as_ref().and_then(|all| all.get(&form.key));
    if let Some(answer) = answered {
        return serde_json::from_value(answer.clone())
            .map_or(Asked::CannotAsk, |result| chosen(&form, result));
    }
    let forms = context.client_capabilities().and_then(|has| has.elicitation);
    // A client that declares neither kind has forms: there was nothing else when it was written.
    if !forms.is_some_and(|has| has.form.is_some() || has.url.is_none()) {
        return Asked::CannotAsk;
    }
    let Some(question) = question(&form) else { return Asked::CannotAsk };
    let is_modern =
        context.protocol_version().is_some_and(|v| v.as_str() >= ProtocolVersion::V_2026_07_28.as_str());
    if is_modern {
        let asks: InputRequests = [(form.key, InputRequest::Elicitation(question))].into();
        return Asked::Later(InputRequiredResult::new(Some(asks), None));
    }
    let sent = context.peer.send_request(ServerRequest::ElicitRequest(question));
    let answered = tokio::select! {
        biased;
        // Whoever has taken the call back does not mean what a form of it still says.
        () = context.ct.cancelled() => return Asked::CannotAsk,
        answered = tokio::time::timeout(PATIENCE, sent) => answered,
    };
    match answered {
        Ok(Ok(ClientResult::ElicitResult(result))) => chosen(&form, result),
        Ok(Ok(_) | Err(_)) | Err(_) => Asked::CannotAsk,
    }
}

fn question(form: &Form) -> Option<ElicitRequest> {
    let titles = form.choices.iter().map(|(word, effect)| ConstTitle::new(word, format!("{word}: {effect}")));
    let choice = serde_json::to_value(TitledSingleSelectEnumSchema::new(titles.collect())).ok()?;
    let schema = json!({"type": "object", "properties": {FIELD: choice}, "required": [FIELD]});
    let requested_schema: ElicitationSchema = serde_json::from_value(schema).ok()?;
    Some(ElicitRequest::new(ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: form.message.clone(),
        requested_schema,
    }))
}

fn chosen(form: &Form, result: ElicitResult) -> Asked {
    match result.action {
        ElicitationAction::Accept => {}
        ElicitationAction::Cancel => return Asked::CannotAsk,
        _ => return Asked::Declined,
    }
    let word =
        result.content.and_then(|content| content.get(FIELD).and_then(Value::as_str).map(str::to_owned));
    match word.filter(|word| form.choices.iter().any(|(known, _)| known == word)) {
        Some(word) => Asked::Chosen(word),
        None => Asked::Declined,
    }
}
