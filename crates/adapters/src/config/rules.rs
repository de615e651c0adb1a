//! The tables of `[[agent.rule]]`: which tasks each is about, and who does those.
//!
//! Whether an agent of that name exists is not known here.

use super::error::{Problem, nearest};
use super::key::{Key, choice, key, text};
use super::origin::Origin;
use super::value::{self, Raw, quoted};
use ppe_core::plan::Priority;
use ppe_core::policy::AgentRule;
use toml::de::DeTable;

/// The section's name and meaning.
pub(super) const RULE_SECTION: (&str, &str) = (
    "agent.rule",
    "Who does which tasks. Word by word the first rule that fits and says it holds; what a task's own front matter says \
     comes before all rules. What a rule says that names another agent than the task's does not count.",
);

/// The table inside a rule that says which tasks it is about.
const MATCH: &str = "match";

/// Keys of `[[agent.rule]]`; those below `match` describe tasks.
pub(super) static RULE_KEYS: &[Key<AgentRule>] = &[
    key(
        "match.title",
        text(|r: &mut AgentRule, t| r.title = Some(t)),
        &[],
        "A part of the title, whatever its case.",
    ),
    key("match.module", text(|r, t| r.module = Some(t)), &[], "The module."),
    key("match.id", text(|r, t| r.id = Some(t)), &[], "The id, or its beginning before a `*`: `T-0*`."),
    key(
        "match.priority",
        choice(&[
            ("low", |r: &mut AgentRule| r.priority = Some(Priority::Low)),
            ("medium", |r| r.priority = Some(Priority::Medium)),
            ("high", |r| r.priority = Some(Priority::High)),
            ("critical", |r| r.priority = Some(Priority::Critical)),
        ]),
        &[],
        "At least this priority.",
    ),
    key("agent", text(|r, t| r.agent = Some(t)), &[], "The agent."),
    key("model", text(|r, t| r.model = Some(t)), &[], "The model."),
    key(
        "fallback",
        text(|r, t| r.fallback = Some(t)),
        &[],
        "The agent that takes these tasks while their own has no allowance.",
    ),
];

/// A value of a rule that was not kept: which key's, where, and why.
pub(super) enum Mistake {
    /// There is no such key; perhaps that one was meant.
    Unknown { path: String, at: std::ops::Range<usize>, nearest: Option<&'static str> },
    /// The key allows something else.
    Value { path: String, at: std::ops::Range<usize>, message: String },
}

/// One table as a rule, with everything that is wrong in it.
pub(super) fn read(fields: &DeTable<'_>) -> (AgentRule, Vec<Mistake>) {
    let (mut rule, mut wrong) = (AgentRule::default(), Vec::new());
    for (name, item) in fields {
        match (name.get_ref().as_ref(), item.get_ref().as_table()) {
            (MATCH, Some(inner)) => {
                for (name, item) in inner {
                    one(&format!("{MATCH}.{}", name.get_ref()), name.span(), item, &mut rule, &mut wrong);
                }
            }
            (MATCH, None) => wrong.push(Mistake::Value {
                path: MATCH.to_owned(),
                at: item.span(),
                message: "match must be a table: match = { title = \"docs\" }".to_owned(),
            }),
            (name_text, _) => one(name_text, name.span(), item, &mut rule, &mut wrong),
        }
    }
    (rule, wrong)
}

fn one(
    path: &str,
    name: std::ops::Range<usize>,
    item: &toml::Spanned<toml::de::DeValue<'_>>,
    rule: &mut AgentRule,
    wrong: &mut Vec<Mistake>,
) {
    let Some(key) = RULE_KEYS.iter().find(|key| key.path == path) else {
        let nearest = nearest(path, RULE_KEYS.iter().map(|key| key.path)).or_else(|| described(path));
        return wrong.push(Mistake::Unknown { path: path.to_owned(), at: name, nearest });
    };
    if let Err(message) = value::set(key, Raw::Toml(item.get_ref()), rule) {
        wrong.push(Mistake::Value { path: path.to_owned(), at: item.span(), message });
    }
}

/// `title` is meant as `match.title`.
fn described(path: &str) -> Option<&'static str> {
    RULE_KEYS.iter().map(|key| key.path).find(|known| known.strip_prefix("match.") == Some(path))
}

/// What a rule lacks to be one.
pub(super) fn lacking(rule: &AgentRule) -> Option<&'static str> {
    let AgentRule { title, module, id, priority, agent, model, fallback } = rule;
    if title.is_none() && module.is_none() && id.is_none() && priority.is_none() {
        return Some("match is missing: it says which tasks, match = { title = \"docs\" }");
    }
    if agent.is_none() && model.is_none() && fallback.is_none() {
        return Some("it says nothing: give it agent, model or fallback");
    }
    let star = id.as_deref().and_then(|id| id.strip_suffix('*').or(Some(id)));
    star.filter(|id| id.contains('*')).map(|_| "match.id may have a `*` at its end only")
}

/// A rule together with the place it was written at.
#[derive(Clone, Debug)]
pub(super) struct RuleDraft {
    pub(super) rule: AgentRule,
    pub(super) file: String,
    pub(super) line: usize,
}

/// The rules that are complete, with their places, and what is wrong with the others.
pub(super) fn settle(drafts: Vec<RuleDraft>) -> (Vec<AgentRule>, Vec<Origin>, Vec<Problem>) {
    let (mut rules, mut origins, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for RuleDraft { rule, file, line } in drafts {
        if let Some(why) = lacking(&rule) {
            let message = format!("[[{}]] {why}", RULE_SECTION.0);
            problems.push(Problem::Shape { file, line, message });
            continue;
        }
        rules.push(rule);
        origins.push(Origin::File { name: file, line });
    }
    (rules, origins, problems)
}

/// A rule as it may be written in a file.
pub(super) fn rule_text(rule: &AgentRule) -> String {
    let field = |name: &str, value: Option<&String>| value.map(|v| format!("{name} = {}", quoted(v)));
    let priority = rule.priority.map(|p| p.as_str().to_owned());
    let tasks = [
        field("title", rule.title.as_ref()),
        field("module", rule.module.as_ref()),
        field("id", rule.id.as_ref()),
        field("priority", priority.as_ref()),
    ];
    let tasks = tasks.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let says = [
        Some(format!("match = {{ {tasks} }}")),
        field("agent", rule.agent.as_ref()),
        field("model", rule.model.as_ref()),
        field("fallback", rule.fallback.as_ref()),
    ];
    format!("{{ {} }}", says.into_iter().flatten().collect::<Vec<_>>().join(", "))
}
