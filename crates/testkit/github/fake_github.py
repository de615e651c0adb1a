"""A GitHub for tests: one repository, o/r, with git over HTTP and those parts of the REST and GraphQL API that the forge uses.

    fake_github.py --api API --root ROOT --token TOKEN

Prints one line of JSON with its port, serves on loopback, and ends when its standard input does. The bare repository is
ROOT/o/r.git. Every request and every answer is held to GitHub's own descriptions, which lie in the folder API (see
contract.py and graph.py): a violation is remembered, and the answer is 599. Addresses that begin with an underscore are for tests alone:

    GET  /_told    {violations, requests, pulls, comments}
    POST /_rules   what the repository allows and what its CI does, see hub.py
    POST /_fault   {path, method?, times?, and one or more of: status, headers, body, size, slow_ms, lost}
    POST /_secure  {certificate, key}: serves over TLS as well, and says at which port
    POST /_person  {number, and state, title or body; or squash; or dequeue; or review}: what a person does to a pull request
"""

import argparse
import base64
import functools
import hashlib
import json
import os
import re
import ssl
import subprocess
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import queueing
import reviewing
from contract import Contract
from hub import NAME, OWNER, Hub, Refused

# What stands inside of an answer and comes in pages.
LISTS = ("check_runs", "statuses", "workflow_runs", "jobs")
# Beyond what a client can be expected to hold.
CHUNK = b" " * 65536


class Loopback(ThreadingHTTPServer):
    """A server whose clients may be killed at any moment, which is no fault of its own. Any other failure is one."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        if isinstance(sys.exc_info()[1], (ConnectionError, ssl.SSLEOFError)):
            return
        with self.lock:
            self.violations.append(f"the server failed:\n{traceback.format_exc()}")
        super().handle_error(request, client_address)


class Server(Loopback):
    def __init__(self, options):
        super().__init__(("127.0.0.1", 0), Handler)
        self.token, self.root = options.token, options.root
        self.descriptions = options.api
        self.contract = Contract(os.path.join(options.api, "api.json"))
        self.hub = Hub(self.contract, os.path.join(options.root, OWNER, NAME + ".git"))
        self.hub.url = f"http://127.0.0.1:{self.server_address[1]}"
        # The second alone is held while the graph is made: nobody else waits for that.
        self.lock, self.graph_lock = threading.Lock(), threading.Lock()
        self.faults, self.violations, self.requests = [], [], []
        self.reset = int(time.time()) + 3600

    @functools.cached_property
    def graph(self):
        # It takes a moment, and not every test asks it.
        sys.path.insert(0, os.path.join(self.descriptions, "python"))
        from graph import Graph  # pylint: disable=import-outside-toplevel

        return Graph(os.path.join(self.descriptions, "api.graphql"), self.hub)

    def fault_for(self, method, path):
        """The first fault that is waiting for such a request."""
        with self.lock:
            for fault in self.faults:
                if fault.get("method", method) == method and re.search(fault["path"], path) and fault["times"] > 0:
                    fault["times"] -= 1
                    return fault
        return {}


class Secure(Loopback):
    """The same server over TLS."""

    def __init__(self, plain, certificate, key):
        super().__init__(("127.0.0.1", 0), Handler)
        self.plain = plain
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def __getattr__(self, name):
        return getattr(self.plain, name)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Small answers on kept connections: waiting to fill a packet costs 40 ms each.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.handle_any()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def handle_any(self):
        url = urlsplit(self.path)
        body = self.read_body()
        if url.path.startswith("/_"):
            return self.for_tests(url.path, body)
        fault = self.server.fault_for(self.command, url.path)
        time.sleep(fault.get("slow_ms", 0) / 1000)
        if "status" in fault:
            text = fault.get("body", {"message": "a fault"})
            text = text if isinstance(text, str) else json.dumps(text)
            self.note(url, fault["status"])
            return self.send(fault["status"], text.encode(), fault.get("headers", {}), fault.get("size", 0))
        if re.match(f"/{OWNER}/{NAME}(\\.git)?/", url.path):
            answer = self.git(url, body)
        elif stored := re.fullmatch("/storage/(\\d+)", url.path):
            answer = self.stored(stored[1])
        else:
            answer = self.api(url, body)
        self.note(url, answer[0])
        if fault.get("lost"):
            self.close_connection = True
            return None
        return self.send(*answer)

    def read_body(self):
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.read_line().split(b";")[0], 16):
                parts.append(self.read(size))
                self.read_line()
            self.read_line()
            return b"".join(parts)
        return self.read(int(self.headers.get("content-length", 0)))

    def read(self, size):
        part = self.rfile.read(size)
        if len(part) < size:
            raise ConnectionResetError("the client has gone while it was sending")
        return part

    def read_line(self):
        line = self.rfile.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the client has gone while it was sending")
        return line

    def send(self, status, body, headers, padding=0):
        self.send_response(status)
        for name, value in {"content-type": "application/json; charset=utf-8", **headers}.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("content-length", str(len(body) + padding))
        self.end_headers()
        if status not in (204, 304):
            self.wfile.write(body)
        for _ in range(padding // len(CHUNK)):
            self.wfile.write(CHUNK)
        return None

    def note(self, url, status):
        row = {"at": time.time(), "method": self.command, "path": url.path, "query": url.query, "status": status}
        with self.server.lock:
            self.server.requests.append(row)

    # The API.

    def api(self, url, body):
        server = self.server
        path = url.path.removeprefix("/api/v3")
        resource = "graphql" if path.endswith("/graphql") else "core"
        limits = {"x-oauth-scopes": "repo", **self.budget(resource)}
        if self.headers.get("authorization") not in (f"Bearer {server.token}", f"token {server.token}"):
            return 401, b'{"message": "Bad credentials"}', limits
        if path.endswith("/graphql"):
            return self.graphql(json.loads(body), limits)
        if limits["x-ratelimit-remaining"] == "0":
            return 403, b'{"message": "API rate limit exceeded"}', limits
        found = server.contract.find(self.command, path)
        if found is None:
            return self.violated([f"{self.command} {path}: GitHub has no such operation"])
        operation, part = found
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        given = json.loads(body) if body else None
        wrong = operation.judge_request(query, given)
        if wrong:
            return self.violated(wrong)
        if operation.name.endswith("/logs"):
            place = f"{server.hub.url}/storage/{part['job_id']}"
            return 302, b"", {"location": place, **limits}
        try:
            status, answer = server.hub.answer(operation, part, query, given)
        except Refused as refused:
            status, answer = refused.status, refused.body
            # What is not there or not allowed is so everywhere, whether an operation's page lists it or not.
            if status in (403, 404):
                return status, json.dumps(answer).encode(), limits
        if isinstance(answer, list) and self.command == "GET":
            answer, limits = self.page(url, query, answer, limits)
        elif rows := [key for key in LISTS if key in answer]:
            answer[rows[0]], limits = self.page(url, query, answer[rows[0]], limits)
        wrong = operation.judge_answer(status, answer)
        if wrong:
            return self.violated(wrong)
        text = json.dumps(answer).encode()
        etag = f'W/"{hashlib.sha256(text).hexdigest()[:32]}"'
        if self.command == "GET" and self.headers.get("if-none-match") == etag:
            return 304, b"", {"etag": etag, **limits}
        return status, text, {"etag": etag, **limits}

    def budget(self, resource):
        """What is said of the hour's requests; where a test has set what is left, each takes one of them."""
        with self.server.hub.lock:
            left = self.server.hub.rules["left"]
            if resource in left:
                left[resource] = max(left[resource] - 1, 0)
            remaining = left.get(resource, 5000)
        return {
            "x-ratelimit-limit": "5000",
            "x-ratelimit-remaining": str(remaining),
            "x-ratelimit-reset": str(self.server.reset),
            "x-ratelimit-resource": resource,
        }

    def graphql(self, given, limits):
        if limits["x-ratelimit-remaining"] == "0":
            told = {"errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}
            return 200, json.dumps(told).encode(), limits
        with self.server.graph_lock:
            graph = self.server.graph
        told, wrong = graph.answer(given["query"], given.get("variables"))
        if wrong:
            return self.violated(wrong)
        return 200, json.dumps(told).encode(), limits

    def page(self, url, query, rows, limits):
        size, number = int(query.get("per_page", 30)), int(query.get("page", 1))
        if len(rows) > size * number:
            rest = urlencode({**query, "page": number + 1})
            limits = {**limits, "link": f'<{self.server.hub.url}{url.path}?{rest}>; rel="next"'}
        return rows[size * (number - 1) : size * number], limits

    def stored(self, job):
        """A log at its short-lived address, to which no token may be sent."""
        if "authorization" in self.headers:
            return self.violated(["a token was sent to the place where logs are stored"])
        hub = self.server.hub
        with hub.lock:
            return 200, hub.log_of(job).encode(), {"content-type": "text/plain"}

    def violated(self, wrong):
        print(*wrong, sep="\n", file=sys.stderr)
        with self.server.lock:
            self.server.violations += wrong
        return 599, json.dumps(wrong).encode(), {}

    # Git.

    def git(self, url, body):
        server = self.server
        expected = base64.b64encode(f"x-access-token:{server.token}".encode()).decode()
        if self.headers.get("authorization") != f"Basic {expected}":
            return 401, b"", {"www-authenticate": 'Basic realm="GitHub"'}
        rest = re.sub(f"^/{OWNER}/{NAME}(\\.git)?/", f"/{OWNER}/{NAME}.git/", url.path)
        variables = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": server.root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "octocat",
            "PATH_INFO": rest,
            "QUERY_STRING": url.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
            "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=variables, capture_output=True, check=False)
        head, _, answer = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200 OK").split(" ")[0])
        if url.path.endswith("/git-receive-pack"):
            server.hub.pushed()
        return status, answer, {name.lower(): value for name, value in headers.items()}

    # For tests.

    def for_tests(self, path, body):
        server, given = self.server, json.loads(body) if body else None
        if path == "/_told":
            with server.hub.lock:
                server.hub.pushed()
                told = {"pulls": server.hub.pulls, "comments": server.hub.comments}
                told = {**told, "violations": server.violations, "requests": server.requests}
                return self.send(200, json.dumps(told).encode(), {})
        if path == "/_rules":
            server.hub.rules.update(given)
        elif path == "/_secure":
            secure = Secure(server, given["certificate"], given["key"])
            threading.Thread(target=secure.serve_forever, daemon=True).start()
            return self.send(200, json.dumps({"port": secure.server_address[1]}).encode(), {})
        elif path == "/_fault":
            with server.lock:
                server.faults.append({"times": 1, **given})
        elif path == "/_person":
            with server.hub.lock:
                server.hub.pushed()
                pull = server.hub.pull(given.pop("number"))
                if given.pop("squash", False):
                    server.hub.squash_by_hand(pull)
                elif given.pop("dequeue", False):
                    queueing.take_out(server.hub, pull, "manual")
                elif "review" in given:
                    reviewing.review(server.hub, pull, given["review"])
                else:
                    server.hub.edit_pull(pull, given)
        return self.send(200, b"{}", {})


def main():
    parser = argparse.ArgumentParser()
    for name in ("--api", "--root", "--token"):
        parser.add_argument(name, required=True)
    server = Server(parser.parse_args())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_address[1]}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
