// Drives a GitHub with Octokit, GitHub's own client: says what it saw, as JSON.
//
//     node octokit.mjs NODE_MODULES API_URL TOKEN

import { pathToFileURL } from "node:url";

const [modules, baseUrl, auth] = process.argv.slice(2);
const { Octokit } = await import(pathToFileURL(`${modules}/@octokit/rest/dist-src/index.js`));
const octokit = new Octokit({ baseUrl, auth, log: { debug() {}, info() {}, warn: console.error, error: console.error } });
const repo = { owner: "o", repo: "r" };
const status = (promise) => promise.then((answer) => answer.status, (error) => error.status);

const { data: made } = await octokit.pulls.create({ ...repo, title: "T", body: "B", head: "feat", base: "main" });
const [pull, issue] = [{ ...repo, pull_number: made.number }, { ...repo, issue_number: made.number }];
const again = await status(octokit.pulls.create({ ...repo, title: "T", head: "feat", base: "main" }));
const found = await octokit.paginate(octokit.pulls.list, { ...repo, state: "open", head: "o:feat", per_page: 1 });
await octokit.issues.addLabels({ ...issue, labels: ["a", "b"] });
const { data: comment } = await octokit.issues.createComment({ ...issue, body: "first" });
await octokit.issues.updateComment({ ...repo, comment_id: comment.id, body: "second" });
const comments = await octokit.paginate(octokit.issues.listComments, issue);
const checks = await octokit.paginate(octokit.checks.listForRef, { ...repo, ref: made.head.sha, per_page: 2 });
const { data: combined } = await octokit.repos.getCombinedStatusForRef({ ...repo, ref: made.head.sha });
const asked = `query($oid: GitObjectID!) { repository(owner: "o", name: "r") { object(oid: $oid) {
  ... on Commit { statusCheckRollup { contexts(first: 100) { totalCount } } } } } }`;
const told = await octokit.graphql(asked, { oid: made.head.sha });
await octokit.pulls.update({ ...pull, state: "closed" });
const { data: closed } = await octokit.pulls.get(pull);

console.log(
  JSON.stringify({
    number: made.number,
    again,
    found: found.map((pull) => pull.number),
    comments: comments.map((comment) => comment.body),
    checks: checks.map((run) => `${run.name} ${run.conclusion}`),
    statuses: combined.statuses.map((status) => `${status.context} ${status.state}`),
    rolled: told.repository.object.statusCheckRollup.contexts.totalCount,
    closed: [closed.state, closed.merged, closed.labels.map((label) => label.name)],
    missing: await status(octokit.pulls.get({ ...repo, pull_number: 77 })),
  }),
);
