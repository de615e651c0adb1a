// A GitHub that is not ours, the emulator `emulate`, before a bare repository: what git puts there is told to it before each
// request, and what it merges is put there after each. It keeps real git objects, so the ids are the same on both sides.
//
//     node emulate.mjs MODULES GIT_DIR TOKEN
//
// Says {"port": …} in its first line, and ends when its input does.

import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [modules, gitDir, token] = process.argv.slice(2);
const { createEmulator } = await import(pathToFileURL(`${modules}/emulate/dist/api.js`));
const repo = "/repos/o/r";
const emulator = await createEmulator({
  service: "github",
  port: 0,
  seed: {
    tokens: { [token]: { login: "o", scopes: ["repo"] } },
    github: { users: [{ login: "o" }], repos: [{ owner: "o", name: "r", default_branch: "main" }] },
  },
});

const git = (args, input) =>
  execFileSync("git", ["--git-dir", gitDir, ...args], { input, maxBuffer: 1 << 26 });
const lines = (args) => git(args).toString().split("\n").filter(Boolean);

async function ask(method, path, body) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const answer = await fetch(emulator.url + repo + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

const refs = async () => new Map((await ask("GET", "/git/matching-refs/heads")).map(({ ref, object }) => [ref, object.sha]));

// Both sides' branches as of the last request, and the objects that both have.
let branches = await refs();
const known = new Set();

function person(line) {
  const [, name, email, seconds, zone] = line.match(/^(.*) <(.*)> (\d+) ([+-]\d{4})$/);
  const shifted = Number(seconds) + (zone[0] === "-" ? -1 : 1) * (zone.slice(1, 3) * 3600 + zone.slice(3) * 60);
  const date = new Date(shifted * 1000).toISOString().replace(".000Z", `${zone.slice(0, 3)}:${zone.slice(3)}`);
  return { name, email, date };
}

async function tell(kind, id, path, body) {
  const made = await ask("POST", path, body);
  if (made.sha !== id) throw new Error(`${kind} ${id} is ${made.sha} there`);
  known.add(id);
}

async function tellTree(id) {
  if (known.has(id)) return;
  const tree = [];
  for (const entry of lines(["ls-tree", id])) {
    const [, mode, type, sha, path] = entry.match(/^(\d+) (\w+) (\w+)\t(.*)$/);
    if (type === "tree") await tellTree(sha);
    else if (!known.has(sha)) {
      const content = git(["cat-file", "blob", sha]).toString("base64");
      await tell("blob", sha, "/git/blobs", { content, encoding: "base64" });
    }
    tree.push({ mode, type, sha, path });
  }
  await tell("tree", id, "/git/trees", { tree });
}

async function tellCommit(id) {
  const text = git(["cat-file", "commit", id]).toString();
  const [head, message] = [text.slice(0, text.indexOf("\n\n")), text.slice(text.indexOf("\n\n") + 2)];
  const all = (key) => head.split("\n").filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  const [tree] = all("tree");
  await tellTree(tree);
  const [author, committer] = [person(all("author")[0]), person(all("committer")[0])];
  await tell("commit", id, "/git/commits", { message, tree, parents: all("parent"), author, committer });
}

// What git has put there.
async function takeIn() {
  const now = new Map(lines(["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"]).map((line) => line.split(" ")));
  const ids = lines(["rev-list", "--reverse", "--topo-order", ...new Set(now.values())]);
  for (const id of ids) if (!known.has(id)) await tellCommit(id);
  for (const [ref, sha] of now) {
    if (branches.get(ref) === sha) continue;
    const path = `/git/${ref}`;
    if (branches.has(ref)) await ask("PATCH", path, { sha, force: true });
    else await ask("POST", "/git/refs", { ref, sha });
  }
  for (const ref of branches.keys()) if (!now.has(ref)) await ask("DELETE", `/git/${ref}`);
  branches = now;
}

// What the emulator has made: commits of trees that are there.
async function putOut() {
  for (const [ref, sha] of await refs()) {
    if (branches.get(ref) === sha) continue;
    const { tree, parents, author, committer, message } = await ask("GET", `/git/commits/${sha}`);
    const who = (kind, { name, email, date }) => `${kind} ${name} <${email}> ${Math.floor(Date.parse(date) / 1000)} +0000\n`;
    const ended = message.endsWith("\n") ? message : `${message}\n`;
    const text =
      `tree ${tree.sha}\n` +
      parents.map(({ sha }) => `parent ${sha}\n`).join("") +
      who("author", author) + who("committer", committer) + `\n${ended}`;
    const made = git(["hash-object", "-t", "commit", "-w", "--stdin"], text).toString().trim();
    if (made !== sha) throw new Error(`commit ${sha} is ${made} here`);
    git(["update-ref", ref, made]);
    known.add(made);
    branches.set(ref, made);
  }
}

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

// It knows no commit statuses; GitHub answers so where there are none.
const noStatuses = JSON.stringify({ state: "pending", statuses: [], total_count: 0 });

async function serve(request, response) {
  const sent = await body(request);
  await takeIn();
  const { method, headers, url } = request;
  if (method === "GET" && /^\/repos\/o\/r\/commits\/\w+\/status(\?|$)/.test(url)) {
    response.writeHead(200, { "content-type": "application/json" }).end(noStatuses);
    return;
  }
  const kept = Object.fromEntries(["authorization", "content-type", "accept"].map((name) => [name, headers[name] ?? ""]));
  const bare = method === "GET" || method === "HEAD";
  const answer = await fetch(emulator.url + url, { method, headers: kept, body: bare ? undefined : sent });
  const text = Buffer.from(await answer.arrayBuffer());
  await putOut();
  const link = answer.headers.get("link");
  const type = answer.headers.get("content-type") ?? "text/plain";
  response.writeHead(answer.status, { "content-type": type, "content-length": text.length, ...(link && { link }) });
  response.end(text);
}

// One at a time, so that each sees what the one before it has done.
let turn = Promise.resolve();
const server = createServer((request, response) => {
  turn = turn.then(() => serve(request, response)).catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    response.writeHead(599).end(String(error));
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`));
process.stdin.resume().on("end", () => process.exit());
