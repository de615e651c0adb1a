"""A kanban board for tests, behind the Model Context Protocol.

    fake_board.py --dialect DIALECT --shelf FILE [--era old|new] [--http TOKEN]

Speaks on its standard streams, or with --http as streamable HTTP on loopback, after one line of JSON with its port; it ends
when its standard input does. All that lasts is in FILE, which several processes may use at once under its lock: cards,
projects, the moves that were made, the calls, and what broke the schemas in dialects.py, which must stay nothing. The test
writes there too: `faults` is {"dead": true} for a server that ends at once, {"slow_ms": N}, {"error": TEXT}, or {"page": N}
for one that gives fewer rows at once than it is asked for, where its lists have pages. With
--era new it speaks 2026-07-28 and ends when it hears `initialize`; the other ends when that is not the first thing that it hears, as
boards of their time do.
"""

import argparse
import contextlib
import datetime
import fcntl
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jsonschema

from dialects import DIALECTS, Refused

OLD, NEW = "2025-03-26", "2026-07-28"


class Shelf:
    """What lasts."""

    def __init__(self, path):
        self.path, self.held = path, None

    @contextlib.contextmanager
    def open(self):
        with open(self.path + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with open(self.path) as file:
                self.held = json.load(file)
            try:
                yield self
            finally:
                text = json.dumps(self.held)
                with open(self.path, "w") as file:
                    file.write(text)

    def time(self):
        return datetime.datetime.now(datetime.timezone.utc).isoformat()

    def cards(self):
        return self.held["cards"]

    def projects(self):
        return self.held["projects"]

    def fault(self, name):
        return (self.held.get("faults") or {}).get(name)

    def demand_project(self, project):
        if project not in [known["id"] for known in self.projects()]:
            raise Refused(f"Project not found: {project}")

    def card(self, card):
        for known in self.cards():
            if known["id"] == card:
                return known
        raise Refused("Task not found")

    def move(self, card, to, who):
        if card["column"] != to:
            self.held["moves"].append({"card": card["id"], "from": card["column"], "to": to, "who": who})
            card["column"] = to

    def expand(self, text):
        return re.sub(r"@(\w+)", lambda found: f"(the text of {found.group(1)})", text)

    def violation(self, what):
        self.held["violations"].append(what)


class Board:
    """The protocol, whatever it comes by."""

    def __init__(self, dialect, shelf, era):
        self.tools, self.shelf, self.era, self.greeted = DIALECTS[dialect], shelf, era, False

    def faults(self):
        with self.shelf.open() as shelf:
            return dict(shelf.held.get("faults") or {})

    def answer(self, message):
        """The answer to a message; None where none is due. SystemExit where a board of its time would end."""
        method, params = message.get("method"), message.get("params") or {}
        if "id" not in message:
            return None
        if self.era == "old" and not self.greeted and method != "initialize":
            sys.exit(1)
        if self.era == "new" and method == "initialize":
            sys.exit(1)
        known = {"initialize": self.initialize, "server/discover": self.discover, "ping": lambda _: {},
                 "tools/list": self.list_tools, "tools/call": self.call}
        if method not in known:
            return {"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": f"no {method}"}}
        result = known[method](params)
        if self.era == "new":
            result = {"resultType": "complete", **result}
        return {"jsonrpc": "2.0", "id": message["id"], "result": result}

    def initialize(self, _):
        self.greeted = True
        info = {"name": "vibe-kanban", "version": "1.0.0"}
        return {"protocolVersion": OLD, "capabilities": {"tools": {}}, "serverInfo": info}

    def discover(self, _):
        info = {"io.modelcontextprotocol/serverInfo": {"name": "board", "version": "2.0.0"}}
        cache = {"ttlMs": 0, "cacheScope": "private"}
        return {"supportedVersions": [NEW], "capabilities": {"tools": {}}, **cache, "_meta": info}

    def list_tools(self, _):
        tools = [{"name": name, "description": name, "inputSchema": schema} for name, (schema, _, _) in self.tools.items()]
        cache = {"ttlMs": 0, "cacheScope": "private"} if self.era == "new" else {}
        return {"tools": tools, **cache}

    def call(self, params):
        name, arguments = params["name"], params.get("arguments") or {}
        with self.shelf.open() as shelf:
            shelf.held["calls"].append({"tool": name, "with": arguments})
            faults = shelf.held.get("faults") or {}
            if faults.get("error"):
                return said({"success": False, "error": faults["error"]}, True)
            if name not in self.tools or not self.tools[name][2]:
                shelf.violation(f"{name} must not be called here")
                return said({"success": False, "error": f"no {name}"}, True)
            given, answered, do = self.tools[name]
            try:
                jsonschema.validate(arguments, given)
                answer = do(shelf, arguments)
            except jsonschema.ValidationError as error:
                shelf.violation(f"{name} was given {arguments}: {error.message}")
                return said({"success": False, "error": error.message}, True)
            except Refused as error:
                return said({"success": False, "error": str(error)}, True)
            try:
                jsonschema.validate(answer, answered)
            except jsonschema.ValidationError as error:
                shelf.violation(f"{name} answers {answer}: {error.message}")
            return said(answer, False)


def said(value, failed):
    return {"content": [{"type": "text", "text": json.dumps(value, indent=2)}], "isError": failed}


def over_streams(board):
    for line in sys.stdin:
        faults = board.faults()
        if faults.get("dead"):
            sys.exit(1)
        time.sleep(faults.get("slow_ms", 0) / 1000)
        answer = board.answer(json.loads(line))
        if answer is not None:
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


def over_http(board, token):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def reply(self, status, body=b"", **headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.headers.get("Authorization") != f"Bearer {token}":
                return self.reply(401, b"who are you?", WWW_Authenticate="Bearer")
            if board.era == "new" and message.get("method") == "initialize":
                error = {"code": -32601, "message": "no initialize"}
                body = {"jsonrpc": "2.0", "id": message["id"], "error": error}
                return self.reply(400, json.dumps(body).encode(), Content_Type="application/json")
            board.greeted = True
            answer = board.answer(message)
            if answer is None:
                return self.reply(202)
            # In turns as an event and as plain JSON: a client must take both.
            if message["method"] == "tools/list":
                event = f"event: message\ndata: {json.dumps(answer)}\n\n".encode()
                return self.reply(200, event, Content_Type="text/event-stream")
            session = {} if board.era == "new" else {"Mcp_Session_Id": "one"}
            return self.reply(200, json.dumps(answer).encode(), Content_Type="application/json", **session)

        def do_GET(self):
            self.reply(405)

        def do_DELETE(self):
            self.reply(200)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(json.dumps({"port": server.server_port}), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dialect", choices=DIALECTS, required=True)
    parser.add_argument("--shelf", required=True)
    parser.add_argument("--era", choices=["old", "new"], default="old")
    parser.add_argument("--http", metavar="TOKEN")
    args = parser.parse_args()
    board = Board(args.dialect, Shelf(args.shelf), args.era)
    if args.http:
        over_http(board, args.http)
    else:
        over_streams(board)


if __name__ == "__main__":
    main()
