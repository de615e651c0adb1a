//! Who does a task: its agent, that one's model, and who takes over while it has no allowance.
//!
//! Pure: from the task as written, the rules and what is known of each agent. Knows neither how an agent is started nor
//! whether it can be.

use super::State;
use crate::plan::{Priority, TaskSpec};
use crate::policy::{AgentRule, Policy};

/// Who does a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// The agent.
    pub agent: String,
    /// Its model; nothing leaves that to the agent.
    pub model: Option<String>,
    /// The agent that takes the task meanwhile; never the same one.
    pub fallback: Option<String>,
}

impl State {
    /// Who does this task, by the priority that is in force.
    pub fn assignment(&self, at: usize) -> Assignment {
        Assignment::of(&self.policy, &self.plan.tasks[at].spec, self.priority(at))
    }

    /// The model that `agent` would use for this task, which another may do as well.
    pub fn model_for(&self, at: usize, agent: &str) -> Option<String> {
        model_for(&self.policy, &self.plan.tasks[at].spec, self.priority(at), agent)
    }
}

impl Assignment {
    /// Who does a task. Word by word: the task's own, else that of the first rule that fits and has one, else that of the
    /// policy. What a rule says that names another agent does not count: a model is one agent's.
    pub fn of(policy: &Policy, spec: &TaskSpec, priority: Priority) -> Self {
        let agent = agent_of(policy, spec, priority);
        let of_rule = lent(policy, spec, priority, agent).find_map(|rule| rule.fallback.clone());
        let of_agent = || policy.agents.get(agent).and_then(|known| known.fallback.clone());
        let fallback = of_rule.or_else(of_agent).filter(|other| other != agent);
        Self { agent: agent.to_owned(), model: model_for(policy, spec, priority, agent), fallback }
    }
}

fn agent_of<'a>(policy: &'a Policy, spec: &'a TaskSpec, priority: Priority) -> &'a str {
    let by_rule = || fitting(policy, spec, priority).find_map(|rule| rule.agent.as_deref());
    spec.agent.as_deref().or_else(by_rule).unwrap_or(&policy.agent)
}

fn model_for(policy: &Policy, spec: &TaskSpec, priority: Priority, agent: &str) -> Option<String> {
    let chosen = agent_of(policy, spec, priority) == agent;
    let own = spec.model.as_deref().filter(|_| chosen).map(str::to_owned);
    let of_rule = || {
        let named = |rule: &&AgentRule| chosen || rule.agent.is_some();
        lent(policy, spec, priority, agent).filter(named).find_map(|rule| rule.model.clone())
    };
    let of_agent = || policy.agents.get(agent).and_then(|known| known.model.clone());
    own.or_else(of_rule).or_else(of_agent)
}

/// The rules that fit a task and may be heard when `agent` does it.
fn lent<'a>(
    policy: &'a Policy,
    spec: &'a TaskSpec,
    priority: Priority,
    agent: &'a str,
) -> impl Iterator<Item = &'a AgentRule> {
    fitting(policy, spec, priority)
        .filter(move |rule| rule.agent.as_deref().is_none_or(|named| named == agent))
}

fn fitting<'a>(
    policy: &'a Policy,
    spec: &'a TaskSpec,
    priority: Priority,
) -> impl Iterator<Item = &'a AgentRule> {
    policy.rules.iter().filter(move |rule| rule.fits(spec, priority))
}

impl AgentRule {
    /// Whether it is about this task.
    pub fn fits(&self, spec: &TaskSpec, priority: Priority) -> bool {
        let title = |part: &String| spec.title.to_lowercase().contains(&part.to_lowercase());
        let module = |module: &String| spec.module.as_deref() == Some(module);
        let id = |wanted: &String| match wanted.strip_suffix('*') {
            Some(beginning) => spec.id.value.as_str().starts_with(beginning),
            None => spec.id.value.as_str() == wanted,
        };
        self.title.as_ref().is_none_or(title)
            && self.module.as_ref().is_none_or(module)
            && self.id.as_ref().is_none_or(id)
            && self.priority.is_none_or(|least| priority >= least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskId;
    use crate::plan::Spot;
    use crate::policy::AgentPolicy;

    fn task(id: &str, title: &str) -> TaskSpec {
        TaskSpec::bare(TaskId::new(id), title, Spot { file: "t.md".into(), line: 1 })
    }

    #[expect(clippy::unnecessary_wraps, reason = "it stands where nothing may")]
    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn policy(rules: Vec<AgentRule>) -> Policy {
        let known = |model: Option<&str>, fallback: Option<&str>| AgentPolicy {
            account: "a".to_owned(),
            model: model.map(str::to_owned),
            fallback: fallback.map(str::to_owned),
        };
        let agents = [
            ("claude", known(Some("sonnet"), Some("codex"))),
            ("codex", known(None, Some("claude"))),
            ("opencode", known(None, Some("opencode"))),
        ];
        Policy {
            agent: "claude".to_owned(),
            agents: agents.into_iter().map(|(name, known)| (name.to_owned(), known)).collect(),
            rules,
            ..Policy::default()
        }
    }

    /// Agent, model and fallback in one line.
    fn who(policy: &Policy, spec: &TaskSpec, priority: Priority) -> String {
        let Assignment { agent, model, fallback } = Assignment::of(policy, spec, priority);
        format!("{agent} {} {}", model.as_deref().unwrap_or("-"), fallback.as_deref().unwrap_or("-"))
    }

    #[test]
    fn without_rules_the_policy_says_it() {
        let spec = task("T-001", "Write the docs");
        assert_eq!(who(&policy(Vec::new()), &spec, Priority::Medium), "claude sonnet codex");
        assert_eq!(who(&Policy::default(), &spec, Priority::Medium), "command - -");
        let itself = Policy { agent: "opencode".to_owned(), ..policy(Vec::new()) };
        assert_eq!(who(&itself, &spec, Priority::Medium), "opencode - -", "nobody takes over from itself");
    }

    #[test]
    fn every_word_of_a_rule_must_fit() {
        let spec = TaskSpec { module: Some("web".into()), ..task("T-012", "Update the API Docs") };
        let rule = AgentRule::default;
        for (rule, fits) in [
            (rule(), true),
            (AgentRule { title: some("dOcS"), ..rule() }, true),
            (AgentRule { title: some("tests"), ..rule() }, false),
            (AgentRule { module: some("web"), ..rule() }, true),
            (AgentRule { module: some("we"), ..rule() }, false),
            (AgentRule { id: some("T-012"), ..rule() }, true),
            (AgentRule { id: some("T-01"), ..rule() }, false),
            (AgentRule { id: some("T-0*"), ..rule() }, true),
            (AgentRule { id: some("T-1*"), ..rule() }, false),
            (AgentRule { id: some("*"), ..rule() }, true),
            (AgentRule { priority: Some(Priority::High), ..rule() }, true),
            (AgentRule { priority: Some(Priority::Medium), ..rule() }, true),
            (AgentRule { priority: Some(Priority::Critical), ..rule() }, false),
            (AgentRule { title: some("docs"), module: some("api"), ..rule() }, false),
        ] {
            assert_eq!(rule.fits(&spec, Priority::High), fits, "{rule:?}");
        }
        let no_module = AgentRule { module: some("web"), ..rule() };
        assert!(!no_module.fits(&task("T-1", "x"), Priority::High), "a task without a module is in none");
    }

    #[test]
    fn each_word_comes_from_the_first_rule_that_has_it() {
        let rules = vec![
            AgentRule { title: some("docs"), model: some("haiku"), ..AgentRule::default() },
            AgentRule {
                id: some("T-0*"),
                model: some("opus"),
                fallback: some("opencode"),
                ..AgentRule::default()
            },
        ];
        let policy = policy(rules);
        assert_eq!(who(&policy, &task("T-001", "The docs"), Priority::Low), "claude haiku opencode");
        assert_eq!(who(&policy, &task("T-002", "Code"), Priority::Low), "claude opus opencode");
        assert_eq!(who(&policy, &task("X-1", "Code"), Priority::Low), "claude sonnet codex");
    }

    #[test]
    fn what_the_task_says_wins_and_another_agents_words_do_not_count() {
        let docs = AgentRule { title: some("docs"), ..AgentRule::default() };
        let policy = policy(vec![
            AgentRule {
                agent: some("opencode"),
                model: some("big"),
                fallback: some("claude"),
                ..docs.clone()
            },
            AgentRule { model: some("small"), ..docs },
        ]);
        let spec = task("T-001", "docs");
        assert_eq!(who(&policy, &spec, Priority::Low), "opencode big claude");
        let own = TaskSpec { agent: Some("codex".into()), ..spec.clone() };
        assert_eq!(who(&policy, &own, Priority::Low), "codex small claude");
        let model = TaskSpec { model: Some("mine".into()), ..spec };
        assert_eq!(who(&policy, &model, Priority::Low), "opencode mine claude");
        assert_eq!(
            model_for(&policy, &model, Priority::Low, "claude"),
            some("sonnet"),
            "its own, not the task's"
        );
        assert_eq!(model_for(&policy, &own, Priority::Low, "opencode"), some("big"));
    }
}
