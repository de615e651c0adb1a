//! The checks of many commits by one question to GitHub's GraphQL.
//!
//! What it tells is told as REST tells it, so that there is one way to judge it.

use super::api::{Api, CheckRun, Output, Status};
use super::ci::Check;
use super::client::ApiError;
use ppe_core::ids::CommitId;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Commits that one question is about.
const MOST_COMMITS: usize = 25;
/// Questions about one commit, each for a hundred of its checks. What has more is left to REST.
const MOST_PAGES: usize = 10;

/// What is asked of a page of checks.
const CONTEXTS: &str = "fragment Contexts on StatusCheckRollupContextConnection {
  pageInfo { hasNextPage endCursor }
  nodes {
    __typename
    ... on CheckRun { databaseId name status conclusion title checkSuite { databaseId } }
    ... on StatusContext { context state description }
  }
}";

#[derive(Deserialize)]
struct Told {
    repository: BTreeMap<String, Option<Rolled>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rolled {
    status_check_rollup: Option<RollUp>,
}

#[derive(Deserialize)]
struct RollUp {
    contexts: Page,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    page_info: PageInfo,
    nodes: Vec<Option<Context>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(tag = "__typename")]
enum Context {
    CheckRun(Run),
    StatusContext(Status),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    database_id: Option<u64>,
    name: String,
    status: String,
    conclusion: Option<String>,
    title: Option<String>,
    check_suite: Suite,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Suite {
    database_id: Option<u64>,
}

impl Api {
    /// The checks of those commits that GitHub knows.
    pub(super) fn checks_of(&self, commits: &[CommitId]) -> Result<BTreeMap<CommitId, Vec<Check>>, ApiError> {
        let mut found: BTreeMap<CommitId, Vec<Context>> = BTreeMap::new();
        for some in commits.chunks(MOST_COMMITS) {
            let mut wanted: Vec<(CommitId, Option<String>)> =
                some.iter().map(|commit| (commit.clone(), None)).collect();
            for _ in 0..MOST_PAGES {
                if wanted.is_empty() {
                    break;
                }
                wanted = self.more_checks(wanted, &mut found)?;
            }
            for (commit, _) in wanted {
                found.remove(&commit);
            }
        }
        Ok(found.into_iter().map(|(commit, contexts)| (commit, latest(contexts))).collect())
    }

    /// Asks for a page of each commit; answers whose checks go on, and where.
    fn more_checks(
        &self,
        wanted: Vec<(CommitId, Option<String>)>,
        found: &mut BTreeMap<CommitId, Vec<Context>>,
    ) -> Result<Vec<(CommitId, Option<String>)>, ApiError> {
        let (query, variables) = question(&wanted);
        let mut told: Told = self.ask(&query, variables)?;
        let mut go_on = Vec::new();
        for (at, (commit, _)) in wanted.into_iter().enumerate() {
            // One that is not known there may have been pushed this moment.
            let Some(rolled) = told.repository.remove(&format!("c{at}")).flatten() else { continue };
            let page = rolled.status_check_rollup.map(|rollup| rollup.contexts).unwrap_or_default();
            found.entry(commit.clone()).or_default().extend(page.nodes.into_iter().flatten());
            if page.page_info.has_next_page {
                go_on.push((commit, page.page_info.end_cursor));
            }
        }
        Ok(go_on)
    }
}

/// A question about commits, each from where its checks go on.
fn question(wanted: &[(CommitId, Option<String>)]) -> (String, Map<String, Value>) {
    let asked = |at| format!(", $c{at}: GitObjectID!, $a{at}: String");
    let field = |at| {
        format!(
            "    c{at}: object(oid: $c{at}) {{ ... on Commit {{ statusCheckRollup {{ \
             contexts(first: 100, after: $a{at}) {{ ...Contexts }} }} }} }}\n"
        )
    };
    let (asked, fields): (String, String) = (0..wanted.len()).map(|at| (asked(at), field(at))).unzip();
    let query = format!(
        "query Checks($owner: String!, $name: String!{asked}) {{\n  \
         repository(owner: $owner, name: $name) {{\n{fields}  }}\n}}\n{CONTEXTS}"
    );
    let variables = wanted.iter().enumerate();
    let variables = variables.flat_map(|(at, (commit, after))| {
        [(format!("c{at}"), json!(commit)), (format!("a{at}"), json!(after))]
    });
    (query, variables.collect())
}

/// The latest of what was run more than once, as REST tells it.
fn latest(contexts: Vec<Context>) -> Vec<Check> {
    let (mut runs, mut checks) = (BTreeMap::new(), Vec::new());
    for context in contexts {
        match context {
            Context::StatusContext(status) => {
                let state = status.state.to_lowercase();
                checks.push(Check::from(Status { state, ..status }));
            }
            Context::CheckRun(run) => {
                let key = (run.check_suite.database_id, run.name.clone());
                match runs.get(&key) {
                    Some(Run { database_id, .. }) if *database_id > run.database_id => {}
                    _ => drop(runs.insert(key, run)),
                }
            }
        }
    }
    let runs = runs.into_values().map(|run| CheckRun {
        name: run.name,
        status: run.status.to_lowercase(),
        conclusion: run.conclusion.map(|conclusion| conclusion.to_lowercase()),
        output: Some(Output { title: run.title }),
    });
    runs.map(Check::from).chain(checks).collect()
}
