#!/usr/bin/env python3
"""A scripted model server: real coding agents run against it, no model needed.

One process serves many agents.  The first path segment picks the scenario, the
second names the client, so an agent's base URL is

    http://127.0.0.1:PORT/SCENARIO/CLIENT            (Anthropic, Gemini)
    http://127.0.0.1:PORT/SCENARIO/CLIENT/v1         (OpenAI Responses and Chat)

The scenarios are one JSON file, read anew for each request, so that a test can change
how the world is while agents work.  A scenario is {"turns": [TURN...],
"inner": {"prompt": TEXT, "turns": [TURN...]}, "faults": [FAULT...]}.  A request's turn
is the number of scripted replies that its conversation already holds (agents put words
of their own between them when they were interrupted), so answers depend on the
conversation and not on the order of requests; past the end the last turn repeats.
"inner" is for conversations whose first message holds a text: those of sub-agents.
Faults are consumed one per request and client, before any turn.

TURN   {"say": TEXT that is not empty, "sh": COMMAND, "tool": {"name", "input"},
        "usage": [in, out, cache_read, cache_write], "wait_s": N}; {task} stands for the
        name of the folder below "workspaces" that the agent works in
FAULT  {"status": 529, "retry_after": N, "message": M} | {"hang": true} | {}
       plus "times": N to repeat it, "after": N to let N turns pass first.

Requests that offer no tools (titles, summaries, probes) are answered outside the script.
It prints {"port", "pid"} when it listens, appends one JSON line per request to its log
(what was asked; what was answered, with its usage), and ends when its standard input does.
"""
import argparse, contextlib, json, os, re, sys, threading, time, uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DESCRIBED = lambda command: {"command": command, "description": "scripted command"}
SHELL_TOOLS = {  # the shell tool's name in each CLI -> its arguments for a command
    "Bash": DESCRIBED, "bash": DESCRIBED, "run_shell_command": DESCRIBED,
    "exec_command": lambda command: {"cmd": command},
    "shell_command": lambda command: {"command": command},
    "shell": lambda command: {"command": ["bash", "-lc", command]},
    "exec": lambda command: "text(await tools.exec_command({cmd: %s}))" % json.dumps(command),  # code mode
}
LOCK = threading.Lock()


new_id = lambda prefix: prefix + uuid.uuid4().hex[:20]
words = lambda text: re.findall(r"\S+\s*", text or "")
sse = lambda kind, data: (f"event: {kind}\n" if kind else "") + f"data: {json.dumps(data)}\n\n"


class Brain:
    """The scripts, and how far each client has got with its faults."""

    def __init__(self, scripts, log):
        self.scripts_path, self.log_path, self.queues, self.count = scripts, log, {}, 0

    def scenario(self, name):
        with open(self.scripts_path) as f:
            return json.load(f).get(name)

    def fault(self, faults, key, index):
        """The fault that a client's request falls into; faults that were changed begin anew."""
        with LOCK:
            began, queue = self.queues.get(key, (None, []))
            if began != faults:
                queue = [dict(f) for f in faults]
                self.queues[key] = (faults, queue)
            if not queue or index < queue[0].get("after", 0):
                return {}
            queue[0]["times"] = queue[0].get("times", 1) - 1
            return queue[0] if queue[0]["times"] > 0 else queue.pop(0)

    def log(self, **row):
        with LOCK, open(self.log_path, "a") as f:
            self.count += 1
            f.write(json.dumps({"n": self.count, "t": round(time.time(), 3), **row}) + "\n")


class Api:
    """What one request asks, and how its wire format spells an answer."""

    ERRORS = {400: "invalid_request_error", 401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}

    def __init__(self, body):
        self.model, self.stream = body.get("model", "scripted"), body.get("stream", False)
        self.offered, self.said = self.read(body)

    def read(self, body):
        """(the names of the tools on offer, the texts that were said by the model's side)."""
        said = [m.get("content") for m in body.get("messages", []) if m.get("role") == "assistant"]
        texts = [[c] if isinstance(c, str) else [p.get("text") for p in c or []] for c in said]
        return [t.get("name") or t.get("function", {}).get("name") for t in body.get("tools") or []], sum(texts, [])

    def turn(self, turns):
        """How many of these turns it has had."""
        scripted = {turn["say"] for turn in turns}
        return sum(text in scripted for text in self.said)

    def call(self, turn):
        """(name, arguments) of the tool call that a turn asks for, or None."""
        if "tool" in turn:
            return turn["tool"]["name"], turn["tool"].get("input", {})
        shells = [name for name in SHELL_TOOLS if "sh" in turn and name in self.offered]
        return (shells[0], SHELL_TOOLS[shells[0]](turn["sh"])) if shells else None

    def usage(self, turn):
        """Input, output, read from a cache, written to one: as far as this wire format can tell it."""
        return (list(turn.get("usage", [1000, 50])) + [0])[:3] + [0]

    def error(self, status, message):
        kind = self.ERRORS.get(status, "server_error")
        return {"error": {"type": kind, "code": kind, "message": message}}


class Anthropic(Api):
    ERRORS = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error", 529: "overloaded_error"}

    def error(self, status, message):
        return {"type": "error", "error": {"type": self.ERRORS.get(status, "api_error"), "message": message}}

    def usage(self, turn):
        return (list(turn.get("usage", [1000, 50])) + [0, 0])[:4]

    def whole(self, turn):
        call, (fresh, out, cached, written) = self.call(turn), self.usage(turn)
        content = [{"type": "text", "text": turn["say"]}] if turn.get("say") else []
        if call:
            content.append({"type": "tool_use", "id": new_id("toolu_"), "name": call[0], "input": call[1]})
        return {"id": new_id("msg_"), "type": "message", "role": "assistant", "model": self.model, "content": content,
                "stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None,
                "usage": {"input_tokens": fresh, "output_tokens": out, "cache_read_input_tokens": cached,
                          "cache_creation_input_tokens": written}}

    def chunks(self, turn):
        whole = self.whole(turn)
        start = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
        events = [("message_start", {"message": start})]
        for n, block in enumerate(whole["content"]):
            if block["type"] == "text":
                empty, deltas = {**block, "text": ""}, [{"type": "text_delta", "text": w} for w in words(block["text"])]
            else:
                empty = {**block, "input": {}}
                deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
            events.append(("content_block_start", {"index": n, "content_block": empty}))
            events += [("content_block_delta", {"index": n, "delta": d}) for d in deltas]
            events.append(("content_block_stop", {"index": n}))
        events.append(("message_delta", {"delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None},
                                         "usage": {"output_tokens": whole["usage"]["output_tokens"]}}))
        return [sse(kind, {"type": kind, **data}) for kind, data in events + [("message_stop", {})]]


class Responses(Api):
    def read(self, body):
        items = body.get("input") if isinstance(body.get("input"), list) else []
        tools = (body.get("tools") or []) + [t for i in items if i.get("type") == "additional_tools" for t in i["tools"]]
        tools += [inner for t in tools if t.get("type") == "namespace" for inner in t.get("tools", [])]
        texts = [p.get("text") for i in items if i.get("role") == "assistant" for p in i.get("content") or []]
        return [t.get("name") or t.get("type") for t in tools], texts

    def whole(self, turn):
        call, (fresh, out, cached, _), items = self.call(turn), self.usage(turn), []
        if turn.get("say"):
            items.append({"type": "message", "id": new_id("msg_"), "role": "assistant", "status": "completed",
                          "content": [{"type": "output_text", "text": turn["say"], "annotations": []}]})
        if call:
            text = {"input": call[1]} if isinstance(call[1], str) else {"arguments": json.dumps(call[1])}
            items.append({"type": "custom_tool_call" if "input" in text else "function_call", "id": new_id("fc_"),
                          "call_id": new_id("call_"), "name": call[0], "status": "completed", **text})
        return {"id": new_id("resp_"), "object": "response", "status": "completed", "model": self.model,
                "output": items, "usage": {
                    "input_tokens": fresh + cached, "input_tokens_details": {"cached_tokens": cached},
                    "output_tokens": out, "output_tokens_details": {"reasoning_tokens": 0},
                    "total_tokens": fresh + cached + out}}

    def chunks(self, turn):
        whole = self.whole(turn)
        events = [("created", {"response": {**whole, "status": "in_progress", "output": [], "usage": None}})]
        for n, item in enumerate(whole["output"]):
            events.append(("output_item.added", {"output_index": n, "item": item}))
            for part in item.get("content", []):
                events += [("output_text.delta", {"output_index": n, "content_index": 0, "item_id": item["id"], "delta": w})
                           for w in words(part["text"])]
            events.append(("output_item.done", {"output_index": n, "item": item}))
        events.append(("completed", {"response": whole}))
        return [sse("response." + kind, {"type": "response." + kind, **data}) for kind, data in events]


class Chat(Api):
    def whole(self, turn):
        call, (fresh, out, cached, _) = self.call(turn), self.usage(turn)
        calls = call and [{"index": 0, "id": new_id("call_"), "type": "function",
                           "function": {"name": call[0], "arguments": json.dumps(call[1])}}]
        message = {"role": "assistant", "content": turn.get("say"), **({"tool_calls": calls} if calls else {})}
        return {"id": new_id("chatcmpl-"), "object": "chat.completion", "created": int(time.time()), "model": self.model,
                "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if call else "stop"}],
                "usage": {"prompt_tokens": fresh + cached, "completion_tokens": out,
                          "total_tokens": fresh + cached + out, "prompt_tokens_details": {"cached_tokens": cached}}}

    def chunks(self, turn):
        whole = {**self.whole(turn), "object": "chat.completion.chunk"}
        message, stop = whole["choices"][0]["message"], whole["choices"][0]["finish_reason"]
        deltas = [{"role": "assistant", "content": w} for w in words(message["content"])]
        deltas += [{"tool_calls": message["tool_calls"]}] if "tool_calls" in message else []
        choices = [{"index": 0, "delta": d, "finish_reason": None} for d in deltas]
        choices.append({"index": 0, "delta": {}, "finish_reason": stop})
        return [sse(None, {**whole, "choices": [c]}) for c in choices] + ["data: [DONE]\n\n"]


class Gemini(Api):
    ERRORS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}

    def read(self, body):
        return ([f["name"] for t in body.get("tools") or [] for f in t.get("functionDeclarations", [])],
                [p.get("text") for c in body.get("contents", []) if c.get("role") == "model" for p in c.get("parts", [])])

    def error(self, status, message):
        return {"error": {"code": status, "status": self.ERRORS.get(status, "INTERNAL"), "message": message}}

    def whole(self, turn):
        call, (fresh, out, cached, _) = self.call(turn), self.usage(turn)
        parts = [{"text": turn["say"]}] if turn.get("say") else []
        parts += [{"functionCall": {"name": call[0], "args": call[1]}}] if call else []
        return {"candidates": [{"index": 0, "content": {"role": "model", "parts": parts},
                                "finishReason": "STOP"}], "modelVersion": self.model,
                "usageMetadata": {"promptTokenCount": fresh + cached, "candidatesTokenCount": out,
                                  "totalTokenCount": fresh + cached + out, "cachedContentTokenCount": cached}}

    def chunks(self, turn):
        return [sse(None, self.whole(turn))]


class Handler(BaseHTTPRequestHandler):
    protocol_version, brain = "HTTP/1.1", None
    endpoints = {"/messages": Anthropic, "/responses": Responses, "/completions": Chat, "enerateContent": Gemini}

    def log_message(self, *args):
        pass

    def head(self, status, headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, str(value))
        self.end_headers()

    def reply(self, status, data, headers=()):
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.head(status, {"content-type": "application/json", "content-length": len(data), **dict(headers)})
        if self.command != "HEAD":
            self.wfile.write(data)

    def do_GET(self):
        self.brain.log(method=self.command, path=self.path)
        self.reply(200, {"object": "list", "data": [], "models": []})

    do_HEAD = do_GET

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(raw or b"{}")
        name, client, path = (self.path.split("?")[0].strip("/").split("/", 2) + ["", ""])[:3]
        if path.lower().endswith(("count_tokens", "counttokens")):
            return self.reply(200, {"input_tokens": len(raw) // 4, "totalTokens": len(raw) // 4})
        kind = next((api for end, api in self.endpoints.items() if ("/" + path).endswith(end)), None)
        scenario = self.brain.scenario(name)
        if scenario is None or kind is None:
            self.brain.log(method="POST", path=self.path, note="no such scenario or endpoint")
            return self.reply(404, {"error": {"type": "not_found_error", "message": "no such scenario or endpoint"}})
        api = kind(body)
        stream, side = api.stream or "streamGenerateContent" in path, not api.offered
        inner = scenario.get("inner", {"prompt": "\0"})
        inside = inner["prompt"] in json.dumps(body.get("messages", [])[:1])
        turns = [{"say": "Scripted title"}] if side else (inner if inside else scenario)["turns"]
        index = api.turn(turns)
        fault = {} if side else self.brain.fault(scenario.get("faults", []), (name, client), index)
        task = (re.search(rb"workspaces/([\w.-]+)", raw) or [b"", b"none"])[1].decode()
        turn = json.loads(json.dumps(turns[min(index, len(turns) - 1)]).replace("{task}", task))
        row = dict(scenario=name, client=client, task=task, model=api.model, side=side, inner=inside,
                   stream=stream, turn=index, fault=fault or None)
        self.brain.log(**row, asked=True)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.answer(api, stream, turn, fault)
            if "status" not in fault:
                self.brain.log(**row, usage=api.usage(turn))

    def answer(self, api, stream, turn, fault):
        time.sleep(3600 if fault.get("hang") else turn.get("wait_s", 0))
        if "status" in fault:
            late = {"retry-after": fault["retry_after"]} if "retry_after" in fault else {}
            message = fault.get("message", "scripted failure")
            return self.reply(fault["status"], api.error(fault["status"], message), late)
        if not stream:
            return self.reply(200, api.whole(turn))
        self.head(200, {"content-type": "text/event-stream", "connection": "close"})
        self.close_connection = True
        for chunk in api.chunks(turn):
            self.wfile.write(chunk.encode())
            self.wfile.flush()


def end_with_stdin():
    """Ends the server when whoever started it has ended."""
    while sys.stdin.buffer.read(1):
        pass
    os._exit(0)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--scripts", required=True, help="JSON file: scenario name -> scenario")
    p.add_argument("--log", required=True, help="file for the requests")
    p.add_argument("--port", type=int, default=0)
    args = p.parse_args()
    Handler.brain = Brain(args.scripts, args.log)
    server = ThreadingHTTPServer(("127.0.0.1", args.port), Handler)
    print(json.dumps({"port": server.server_address[1], "pid": os.getpid()}), flush=True)
    threading.Thread(target=end_with_stdin, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
