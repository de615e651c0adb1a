#!/usr/bin/env python3
"""Puts a server of the Model Context Protocol that speaks on standard input and output behind HTTP, for test suites that
know nothing else.

A request of 2026-07-28 gets a process of its own: each stands for itself. A handshake begins a session, whose process
lives until it is deleted. What the server says before its answer goes ahead of it as a stream of events.

It prints {"port", "pid"} when it listens, and ends when its standard input does.
"""
import contextlib, json, os, subprocess, sys, threading, uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMAND = sys.argv[1:]
# The errors that HTTP tells by a status of its own since 2026: unknown methods, bad parameters, unknown revisions.
STATUS = {-32601: 404, -32602: 400, -32022: 400}
SESSIONS = {}


class Server:
    """A process of the server, and who waits for which of its answers."""

    def __init__(self):
        self.process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.lock = threading.Lock()

    def say(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def until_answered(self, message):
        """Everything that it says from a request to the answer, the answer last."""
        with self.lock:
            self.say(message)
            for line in self.process.stdout:
                said = json.loads(line)
                yield said
                if said.get("id") == message["id"] and "method" not in said:
                    return

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(405)

    def do_DELETE(self):
        server = SESSIONS.pop(self.headers.get("mcp-session-id"), None)
        if server:
            server.end()
        self.reply(200 if server else 404)

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
        session = self.headers.get("mcp-session-id")
        if message.get("method") == "initialize":
            session = uuid.uuid4().hex
            SESSIONS[session] = Server()
        elif session and session not in SESSIONS:
            return self.reply(404)
        server = SESSIONS.get(session) or Server()
        try:
            self.pass_on(server, message, {"mcp-session-id": session} if session else {})
        finally:
            if not session:
                server.end()

    def pass_on(self, server, message, headers):
        if "id" not in message or "method" not in message:
            server.say(message)
            return self.reply(202, **headers)
        said = server.until_answered(message)
        first = next(said)
        if "method" not in first:
            status = 200 if headers else STATUS.get(first.get("error", {}).get("code"), 200)
            return self.reply(status, json.dumps(first).encode(), content_type="application/json", **headers)
        self.close_connection = True
        self.send_response(200)
        for name, value in {"content-type": "text/event-stream", "connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        while first:
            self.wfile.write(f"event: message\ndata: {json.dumps(first)}\n\n".encode())
            self.wfile.flush()
            first = next(said, None)


def end_with_stdin():
    while sys.stdin.buffer.read(1):
        pass
    for server in SESSIONS.values():
        server.process.kill()
    os._exit(0)


def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(json.dumps({"port": server.server_address[1], "pid": os.getpid()}), flush=True)
    threading.Thread(target=end_with_stdin, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
