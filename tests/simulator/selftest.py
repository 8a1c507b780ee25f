#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the simulator itself: selftest.py PATH-TO-SIMULATOR [NAME-PART]

Each test is a function test_*; it talks raw sockets, so that it sees what goes
over the wire and not what a client library makes of it. Exit status 0: all well.
"""
import base64, gzip, hashlib, json, os, re, socket, ssl, subprocess, sys, tempfile, threading, time

OAT = {"Authorization": "Bearer sk-ant-oat01-x", "anthropic-version": "2023-06-01", "anthropic-beta": "oauth-2025-04-20"}
API = {"x-api-key": "sk-ant-api03-x", "anthropic-version": "2023-06-01"}
SK = {"Authorization": "Bearer sk-abc"}
HEAD = {"claude_pro": OAT, "claude_api": API, "backup": API, "deepseek": SK, "kimi": SK}
MODEL = {"claude_pro": "claude-opus-5-5", "claude_api": "claude-opus-5-5", "backup": "claude-opus-5-5",
         "deepseek": "deepseek-flash", "kimi": "kimi-k3"}
PATH = {p: ("/anthropic" if p in ("deepseek", "kimi") else "") + "/v1/messages" for p in HEAD}
# The one that speaks Chat Completions is tried by tests of its own.
MODEL["openai"], PATH["openai"] = "gpt-6-sol", "/v1/chat/completions"


class Answer:
    def __init__(self, raw, end):
        self.raw, self.end = raw, end  # end: "fin", "rst", "open", "timeout"
        self.status, self.headers, self.body, self.whole, self.rest = None, [], b"", False, b""
        while True:
            head, sep, rest = raw.partition(b"\r\n\r\n")
            if not sep:
                return
            lines = head.decode("latin1").split("\r\n")
            self.version, self.status = lines[0].split(" ")[0], int(lines[0].split(" ")[1])
            if self.status != 100:
                break
            raw = rest
        self.headers = [tuple(l.split(": ", 1)) if ": " in l else (l, "") for l in lines[1:]]
        te, cl = self.get("transfer-encoding"), self.get("content-length")
        if te:
            at, parts = 0, []
            while at < len(rest) and (eol := rest.find(b"\r\n", at)) >= 0:
                n = int(rest[at:eol], 16)
                if n == 0:
                    self.whole, self.rest = rest[eol + 2:eol + 4] == b"\r\n", rest[eol + 4:]
                    break
                parts.append(rest[eol + 2:eol + 2 + n])
                at = eol + 2 + n + 2
            self.body = b"".join(parts)
        elif cl is not None:
            n = int(cl)
            self.body, self.rest, self.whole = rest[:n], rest[n:], len(rest) >= n
        else:
            self.body, self.whole = rest, end == "fin"

    def get(self, name):
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)

    def json(self):
        return json.loads(self.body)

    def events(self):
        return [json.loads(m) for m in re.findall(r"^data: (.*)$", self.body.decode(), re.M)]

    def text(self):
        return "".join(e["delta"].get("text", "") for e in self.events() if e["type"] == "content_block_delta")


class Conn:
    def __init__(self, port, tls=None):
        self.s = socket.create_connection(("127.0.0.1", port))
        if tls:
            self.s = tls.wrap_socket(self.s, server_hostname="localhost", suppress_ragged_eofs=False)

    def send(self, method, path, headers, body=b""):
        if method == "POST" and not any(k.lower() == "content-type" for k in headers):
            headers = {"Content-Type": "application/json", **headers}
        head = f"{method} {path} HTTP/1.1\r\nHost: t\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        self.s.sendall((head + f"Content-Length: {len(body)}\r\n\r\n").encode() + body)

    def read(self, timeout=5.0, until=None):
        """Reads to the end of one answer (or, with until, to those bytes); says how it ended."""
        raw, end, stop = b"", "open", time.monotonic() + timeout
        while True:
            # Looking at a long stream again and again would take longer than the stream.
            if len(raw) < 100000 or b"\r\n0\r\n\r\n" in raw[-1000:] or b"chunked" not in raw[:5000]:
                a = Answer(raw, end)
                if (a.whole and (a.get("transfer-encoding") or a.get("content-length") is not None)) or (until and until in raw):
                    return a
            self.s.settimeout(max(0.001, stop - time.monotonic()))
            try:
                got = self.s.recv(65536)
            except (TimeoutError, socket.timeout):
                return Answer(raw, "timeout")
            except ConnectionResetError:
                return Answer(raw, "rst")
            except ssl.SSLError:
                return Answer(raw, "tls-cut")
            if not got:
                return Answer(raw, "fin")
            raw += got

    def close(self):
        self.s.close()


class Sim:
    def __init__(self, path, *args):
        self.dir = tempfile.TemporaryDirectory()
        self.file = os.path.join(self.dir.name, "ports")
        cert, key = os.path.join(self.dir.name, "c.pem"), os.path.join(self.dir.name, "k.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, stderr=subprocess.DEVNULL)
        self.child = subprocess.Popen([path, "--port-file", self.file, "--tls-cert", cert, "--tls-key", key, *args],
                                      stdout=subprocess.PIPE)
        line = self.child.stdout.readline()
        self.ports = json.load(open(self.file))
        assert json.loads(line) == self.ports
        self.tls = ssl.create_default_context(cafile=cert)

    def control(self, method, path, body=None):
        c = Conn(self.ports["control"])
        c.send(method, path, {}, json.dumps(body).encode() if body is not None else b"")
        a = c.read(30)
        c.close()
        return a.status, a.json()

    def post(self, path, body):
        status, answer = self.control("POST", path, body)
        assert status == 200, (path, body, status, answer)
        return answer

    def fault(self, provider, name, **more):
        self.post(f"/sim/{provider}", {"fault": name, **more})

    def records(self, provider, query=""):
        return self.control("GET", f"/sim/{provider}/requests{query}")[1]["requests"]

    def reset(self):
        self.post("/sim/reset", {})

    def ask(self, provider, body=None, headers=None, path=None, method="POST", conn=None, timeout=5.0, tls=False, **fields):
        if body is None:
            limit = "max_completion_tokens" if provider == "openai" else "max_tokens"
            body = {"model": MODEL[provider], limit: 1000, "stream": True, "messages": [{"role": "user", "content": "hi there"}]}
            body.update(fields)
            body = {k: v for k, v in body.items() if v is not None}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if method == "GET":
            data = b""
        c = conn or Conn(self.ports["tls"][provider] if tls else self.ports[provider], self.tls if tls else None)
        c.send(method, path or PATH[provider], HEAD.get(provider, SK) if headers is None else headers, data)
        a = c.read(timeout)
        if conn is None:
            c.close()
        return a


def types(a):
    return [e["type"] for e in a.events()]


def user(text):
    return [{"role": "user", "content": text}]


# ---- answers ----

def test_every_provider_streams_and_answers_json(s):
    for p in HEAD:
        a = s.ask(p, thinking={"type": "enabled" if p == "deepseek" else "adaptive"} if p != "kimi" else None, max_tokens=2000)
        assert a.status == 200 and a.whole, (p, a.raw)
        assert types(a)[0] == "message_start" and types(a)[-1] == "message_stop"
        assert p in a.text() and "hi there" in a.text(), a.text()
        j = s.ask(p, stream=False).json()
        assert j["type"] == "message" and j["stop_reason"] == "end_turn" and p in j["content"][-1]["text"]
        for e in a.events():
            if e["type"] == "content_block_delta" and e["delta"]["type"] == "signature_delta":
                sig = e["delta"]["signature"]
        if p == "kimi":
            assert b"signature" not in a.body
        elif p == "deepseek":
            assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", sig), sig
        else:
            assert sig.startswith("EqoB")
        assert not s.records(p)[0]["problems"], s.records(p)[0]


def test_event_names_equal_types(s):
    a = s.ask("claude_pro", thinking={"type": "adaptive"}, tools=[{"name": "Bash", "input_schema": {"type": "object"}}], messages=user("SIM:TOOLS 1"))
    pairs = re.findall(r"^event: (.*)\ndata: (.*)\n\n", a.body.decode(), re.M)
    assert all(json.loads(d)["type"] == e for e, d in pairs) and len(pairs) == len(a.events()) > 10
    assert "".join(f"event: {e}\ndata: {d}\n\n" for e, d in pairs) == a.body.decode()


def test_tools_in_a_loop(s):
    msgs = [{"role": "user", "content": [{"type": "text", "text": "<system-reminder>x"}, {"type": "text", "text": "do SIM:TOOLS 3 now"}]}]
    for p in HEAD:
        m, seen = list(msgs), set()
        for step in range(4):
            j = s.ask(p, stream=False, messages=m, tools=[{"name": "Read", "input_schema": {"type": "object"}}, {"name": "Bash", "input_schema": {"type": "object"}}],
                      thinking=None if p in ("kimi", "deepseek") else {"type": "adaptive"}).json()
            if step == 3:
                break
            assert j["stop_reason"] == "tool_use", j
            t = j["content"][-1]
            assert j["content"][0]["type"] == "thinking" and t["name"] == "Bash" and t["input"]["command"] == f"echo step-{step + 1}"
            assert t["id"] not in seen
            seen.add(t["id"])
            said = [b for b in j["content"] if b.get("text", "x").strip()]  # nobody sends Kimi's blank texts back
            m = m + [{"role": "assistant", "content": said},
                     {"role": "user", "content": [{"type": "tool_result", "tool_use_id": t["id"], "content": "ok"},
                                                  {"type": "text", "text": "<system-reminder>y"}]}]
        assert j["content"][-1]["text"] == f"done 3 steps, last by {p}", j
        assert not [r for r in s.records(p) if r["problems"] or r["refused"]]


def test_streamed_tool_input_parses(s):
    a = s.ask("claude_pro", tools=[{"name": "Only", "input_schema": {"type": "object"}}], messages=user("SIM:TOOLS 2"))
    parts = [e["delta"]["partial_json"] for e in a.events() if e.get("delta", {}).get("type") == "input_json_delta"]
    assert len(parts) > 2 and json.loads("".join(parts)) == {"command": "echo step-1", "description": "step 1"}
    assert [e for e in a.events() if e["type"] == "content_block_start"][0]["content_block"]["name"] == "Only"


def test_directives(s):
    assert s.ask("claude_pro", messages=user("x\nSIM:SAY grüße an\talle\nmore")).text() == "grüße an\talle"
    a = s.ask("claude_pro", messages=user("SIM:LONG 3000"))
    assert types(a).count("content_block_delta") == 3000 and a.text().split() == [f"w{i}" for i in range(1, 3001)]
    assert s.ask("claude_pro", stream=False, messages=user("SIM:LONG 3")).json()["content"][0]["text"] == "w1 w2 w3 "
    t = time.monotonic()
    assert s.ask("claude_pro", messages=user("SIM:SLEEP 300 SIM:SAY late")).text() == "late"
    assert time.monotonic() - t >= 0.3
    j = s.ask("claude_pro", stream=False, output_config={"format": {"type": "json_schema", "schema": {}}}).json()
    assert json.loads(j["content"][0]["text"]) == {"title": "Simulated title"}
    j = s.ask("claude_pro", stream=False, max_tokens=1).json()
    assert j["stop_reason"] == "max_tokens" and j["usage"]["output_tokens"] == 1
    resume = user("SIM:TOOLS 2") + [{"role": "assistant", "content": "half"}] + user("Output token limit hit. Resume directly")
    j = s.ask("claude_pro", stream=False, tools=[{"name": "Bash", "input_schema": {"type": "object"}}], messages=resume).json()
    assert j["stop_reason"] == "tool_use"


def test_count_tokens_and_models(s):
    body = {"model": "claude-opus-5-5", "messages": user("x")}
    a = s.ask("claude_api", body=body, path="/v1/messages/count_tokens?beta=true")
    assert a.json() == {"input_tokens": len(json.dumps(body)) // 4}
    assert s.ask("claude_api", path="/v1/messages/count_tokens").status == 400  # stream, max_tokens: extra inputs
    a = s.ask("claude_pro", path="/v1/models?limit=1000", method="GET")
    assert a.json()["data"][0]["id"].startswith("claude-") and a.json()["has_more"] is False
    assert s.ask("claude_pro", path="/v1/models/claude-opus-5-5", method="GET").json()["type"] == "model"
    assert s.ask("claude_pro", path="/v1/models/none", method="GET").status == 404
    for p in ("deepseek", "kimi"):
        a = s.ask(p, path="/anthropic/v1/messages/count_tokens")
        assert a.status == 404 and "type" not in a.json()
        assert s.ask(p, path="/v1/messages").status == 404
    assert s.ask("claude_pro", path="/v1/messages", method="GET").status == 405


def charges(s):
    status, bill = s.control("GET", "/sim/bill")
    assert status == 200 and bill["lost"] == 0
    return bill["charges"]


def test_bill(s):
    cached = "SIM:INPUT 1000 SIM:READ 200 SIM:WRITE5M 30 SIM:WRITE1H 4 SIM:SAY x"
    for p in HEAD:
        for stream in (False, True):
            s.ask(p, messages=user(cached), stream=stream)
    bill = charges(s)
    assert all(c["told"] and c["finished"] and c["output"] == 12 and c["n"] > 0 for c in bill), bill
    of = {p: [c for c in bill if c["provider"] == p] for p in HEAD}
    assert [len(of[p]) for p in HEAD] == [2] * 5
    for c in of["claude_pro"]:
        assert [c[k] for k in ("input", "cache_read", "cache_5m", "cache_1h")] == [1000, 200, 30, 4]
        assert c["cost"] == 1000 * 4000 + 200 * 200 + 30 * 5000 + 4 * 8000 + 12 * 20000
    for c in of["kimi"]:
        assert (c["input"], c["cache_read"], c["cost"]) == (1034, 200, 1034 * 3000 + 200 * 300 + 12 * 15000)
    peak = 1034 * 300 + 200 * 6 + 12 * 1200
    assert all(c["cost"] in (peak, peak // 2) for c in of["deepseek"])
    assert [c["hides_reads"] for c in of["deepseek"]] == [False, True]


def test_bill_of_cut_answers(s):
    words = user("SIM:INPUT 1000 SIM:LONG 10")
    for at, output in (("head", None), ("message_start", 0), ("text", 1), ("message_delta", 10)):
        s.reset()
        s.fault("claude_api", "close", at=at)
        s.ask("claude_api", messages=words)
        got = [(c["input"], c["output"], c["told"], c["finished"]) for c in charges(s)]
        assert got == ([] if output is None else [(1000, output, output == 10, False)]), (at, got)
    s.reset()
    s.fault("claude_api", "close", at="text")
    s.ask("claude_api", messages=words, stream=False)
    for fault in ("overloaded", "html_200", "overloaded_event"):
        s.fault("claude_api", fault)
        s.ask("claude_api", messages=words)
    s.ask("claude_api", path="/v1/messages/count_tokens")
    assert [(c["output"], c["told"]) for c in charges(s)] == [(10, False)]


def usages(s, p):
    kinds = user("SIM:INPUT 1000 SIM:READ 200 SIM:WRITE1H 4")
    events = s.ask(p, messages=kinds).events()
    return [e["message"]["usage"] if e["type"] == "message_start" else e["usage"] for e in events if "usage" in e or "message" in e]


def test_usage_is_told_in_each_ones_way(s):
    for i in range(4):
        start, delta = usages(s, "claude_api")
        assert start["input_tokens"] == 1000 and start["cache_creation"] == {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 4}
        assert delta.get("input_tokens", "absent") == ("absent", 1000, None, 1000)[i], (i, delta)
    start, delta = usages(s, "kimi")
    assert (start["input_tokens"], delta["input_tokens"], delta["cache_read_input_tokens"]) == (1204, 1004, 200)
    for sums in (False, True):
        start, delta = usages(s, "deepseek")
        assert start["input_tokens"] == delta["input_tokens"] == (1204 if sums else 1004)
        assert ("cache_read_input_tokens" in delta) != sums


def test_limit_headers(s):
    a = s.ask("claude_pro")
    assert a.get("anthropic-ratelimit-unified-status") == "allowed" and 0 < float(a.get("anthropic-ratelimit-unified-5h-utilization")) < 1
    assert time.time() < int(a.get("anthropic-ratelimit-unified-5h-reset")) <= time.time() + 5 * 3600
    a = s.ask("claude_api")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", a.get("anthropic-ratelimit-tokens-reset"))
    assert a.get("anthropic-ratelimit-unified-status") is None and a.get("request-id").startswith("req_")


def test_samples_at_claude(s):
    where = os.environ.get("SAMPLES")  # a folder with NAME.json and NAME.headers: requests of a real Claude Code
    if not where:
        print("      (SAMPLES is not set)")
        return
    for name in sorted(os.listdir(where)):
        if not name.endswith(".headers"):
            continue
        lines = open(os.path.join(where, name)).read().strip().split("\n")
        body = open(os.path.join(where, name[:-8] + ".json"), "rb").read().strip()
        method, path, _ = lines[0].split(" ")
        head = dict(l.split(": ", 1) for l in lines[1:])
        for k in ("Host", "Content-Length", "Connection"):
            head.pop(k, None)
        own = "claude_pro" if "Authorization" in head or "safeguards" in json.loads(body) else "claude_api"
        if own == "claude_pro":
            head.pop("x-api-key", None)
            head["Authorization"] = OAT["Authorization"]
            head["anthropic-beta"] += ",oauth-2025-04-20"
        a = s.ask(own, body=body, headers=head, path=path)
        assert a.status == 200, (name, a.body)
        r = s.records(own)[-1]
        assert not r["problems"] and not r["leak"], (name, r["problems"])
        assert r["body"].encode() == body and r["body_sha256"] == hashlib.sha256(body).hexdigest()
        assert [h for h in r["headers"] if h[0] == "anthropic-beta"] == [["anthropic-beta", head["anthropic-beta"]]]
        # The same, unchanged, is an abomination to the others.
        for p in ("deepseek", "kimi"):
            s.ask(p, body=body, headers=head)
            r = s.records(p)[-1]
            assert r["status"] == 401 and r["leak"] and r["problems"], (name, r)


# ---- strictness ----

def refused(s, p, status, text, headers=None, **fields):
    a = s.ask(p, headers=headers, **fields)
    got = a.body.decode()
    assert a.status == status and text in got, (p, fields, status, text, a.status, got)
    return s.records(p)[-1]


def test_credentials(s):
    v = {"anthropic-version": "2023-06-01", "anthropic-beta": "oauth-2025-04-20"}
    refused(s, "claude_pro", 401, "x-api-key header is required", headers=v)
    refused(s, "claude_pro", 401, "Invalid bearer token", headers={**v, "Authorization": "Bearer dummy"})
    refused(s, "claude_pro", 401, "expired", headers={**v, "Authorization": "Bearer sk-ant-oat01-revoked"})
    refused(s, "claude_pro", 401, "invalid x-api-key", headers={**OAT, "x-api-key": "k"})
    refused(s, "claude_pro", 401, "not supported", headers={"Authorization": "Bearer sk-ant-oat01-x", "anthropic-version": "1"})
    assert refused(s, "claude_pro", 401, "", headers={**v, "Authorization": "Bearer sk-deepseek"})["leak"]
    assert refused(s, "claude_pro", 401, "", headers={**v, "x-api-key": "sk-ant-api03-x"})["leak"]
    refused(s, "claude_api", 401, "Invalid bearer", headers={**API, "Authorization": "Bearer x"})
    refused(s, "claude_api", 401, "invalid x-api-key", headers={**API, "x-api-key": "sk-ant-api03-revoked"})
    assert refused(s, "claude_api", 401, "", headers=OAT)["leak"]
    refused(s, "claude_api", 400, "anthropic-version", headers={"x-api-key": "sk-ant-api03-x"})
    for p in ("deepseek", "kimi"):
        r = refused(s, p, 401, "", headers={"Authorization": "Bearer sk-ant-oat01-x"})
        assert r["leak"] and r["status"] == 401
        assert refused(s, p, 401, "", headers={"x-api-key": "sk-ant-api03-x"})["leak"]
        assert refused(s, p, 401, "", headers={"x-api-key": "sk-ant-api03-x", "Authorization": "Bearer sk-a"})["leak"]
        refused(s, p, 401, "", headers={})
        refused(s, p, 401, "", headers={"Authorization": "Bearer sk-revoked"})
        refused(s, p, 401, "", headers={"Authorization": "Bearer sk-a", "x-api-key": "sk-b"})
        assert not refused(s, p, 401, "", headers={"Authorization": "Bearer dummy"})["leak"]
        assert s.ask(p, headers={"x-api-key": "sk-fine"}).status == 200
        a = s.ask(p, headers={**SK, "anthropic-version": "2023-06-01", "X-Stainless-Lang": "js", "User-Agent": "claude-cli/2"})
        assert a.status == 200 and len(s.records(p)[-1]["problems"]) == 3


def test_claude_rules(s):
    def think(**b):
        return [*user("x"), {"role": "assistant", "content": [b, {"type": "text", "text": "t"}]}, *user("y")]
    foreign = "messages.1.content.0: Invalid `signature` in `thinking` block"
    refused(s, "claude_pro", 400, foreign, messages=think(type="thinking", thinking="t", signature="router.deepseek.abc"))
    refused(s, "claude_pro", 400, foreign, messages=think(type="thinking", thinking="t", signature=""))
    refused(s, "claude_pro", 400, "Field required", messages=think(type="thinking", thinking="t"))
    refused(s, "claude_pro", 400, "redacted_thinking", messages=think(type="redacted_thinking", data="x"))
    assert s.ask("claude_pro", messages=think(type="thinking", thinking="t", signature="EqoBx")).status == 200
    refused(s, "claude_pro", 400, "foo: Extra inputs are not permitted", foo=1)
    refused(s, "claude_pro", 400, "context_management: Extra inputs", context_management={})
    refused(s, "claude_api", 400, "safeguards: Extra inputs", safeguards=[])
    assert s.ask("claude_pro", safeguards=[]).status == 200
    refused(s, "claude_pro", 404, "model: gpt", model="gpt")
    refused(s, "claude_pro", 400, "max_tokens", max_tokens=None)
    refused(s, "claude_pro", 400, "budget_tokens", thinking={"type": "enabled", "budget_tokens": 10})
    refused(s, "claude_pro", 400, "non-empty", messages=user([{"type": "text", "text": ""}]))
    refused(s, "claude_pro", 400, "non-empty", messages=user([]))
    use = {"type": "tool_use", "id": "a", "name": "n", "input": {}}
    refused(s, "claude_pro", 400, "without `tool_result`", messages=[*user("x"), {"role": "assistant", "content": [use]}, *user("y")])
    refused(s, "claude_pro", 400, "unexpected `tool_use_id`", messages=user([{"type": "tool_result", "tool_use_id": "a", "content": "x"}]))
    for bad in (b"", b"{", b"[]", b"1", b"{} x", b'{"a":"\xff"}', b"\x00"):
        assert s.ask("claude_pro", body=bad).status == 400, bad
    ok = json.dumps({"model": "claude-x", "max_tokens": 5, "messages": user("x")}).encode()
    assert s.ask("claude_pro", body=b" " + ok + b"\n").status == 200
    s.post("/sim/claude_pro/strict", {"identity": True})
    refused(s, "claude_pro", 400, '"Error"')
    assert s.ask("claude_pro", model="claude-haiku-4-5").status == 200
    assert s.ask("claude_pro", system="You are Claude Code, Anthropic's official CLI for Claude.").status == 200
    a = s.ask("claude_pro", body=b'{"model":"claude-x","max_tokens":5,"messages":[{"role":"user","content":"' + b"x" * (33 << 20) + b'"}]}', timeout=30)
    assert a.status == 413 and a.json()["error"]["type"] == "request_too_large"


def test_deepseek_rules(s):
    for t in ("document", "search_result", "redacted_thinking", "mcp_tool_use", "container_upload", "tool_reference"):
        refused(s, "deepseek", 400, f"unknown variant `{t}`", messages=user([{"type": t}]))
    use, res = {"type": "tool_use", "id": "a", "name": "n", "input": {}}, {"type": "tool_result", "tool_use_id": "a", "content": "x"}
    turn = [*user("x"), {"role": "assistant", "content": [use]}, *user([res])]
    r = refused(s, "deepseek", 400, "must be passed back", messages=turn)
    assert "must be passed back" in r["refused"]
    assert s.ask("deepseek", messages=turn, thinking={"type": "disabled"}).status == 200
    turn[1]["content"].insert(0, {"type": "thinking", "thinking": "tool call"})
    assert s.ask("deepseek", messages=turn).status == 200 and not s.records("deepseek")[-1]["problems"]
    turn[1]["content"][0]["signature"] = "router.deepseek.x"
    s.ask("deepseek", messages=turn)
    assert "did not make" in s.records("deepseek")[-1]["problems"][0]
    refused(s, "deepseek", 400, "cannot be disabled", thinking={"type": "disabled"}, output_config={"effort": "high"})
    refused(s, "deepseek", 400, "does not support this tool_choice", tool_choice={"type": "tool", "name": "x"})
    refused(s, "deepseek", 400, "Model Not Exist", model="claude-opus-5-5")
    refused(s, "deepseek", 422, "max_tokens", max_tokens=393217)
    refused(s, "deepseek", 400, "image", model="deepseek-v4-pro", messages=user([{"type": "image"}]))
    assert s.ask("deepseek", model="deepseek-reasoner").status == 200
    s.post("/sim/deepseek/retire", {"model": "deepseek-reasoner"})
    refused(s, "deepseek", 400, "Model Not Exist", model="deepseek-reasoner")
    s.ask("deepseek", cache_control={}, top_k=1, tools=[{"name": "a", "input_schema": {}, "defer_loading": True}],
          system=[{"type": "text", "text": "x-anthropic-billing-header: x", "cache_control": {}}],
          metadata={"user_id": '{"device_id":1}'}, output_config={"effort": "medium", "format": {}}, thinking={"type": "adaptive"})
    r = s.records("deepseek")[-1]
    assert r["status"] == 200 and len(r["problems"]) == 9, r["problems"]
    j = s.ask("deepseek", stream=False, max_tokens=1).json()
    assert [b["type"] for b in j["content"]] == ["thinking"]
    assert s.ask("deepseek", messages=[*user("x"), {"role": "system", "content": "y"}]).status == 200


def test_kimi_rules(s):
    refused(s, "kimi", 404, "Not found the model x or Permission denied", model="x")
    refused(s, "kimi", 400, "role", messages=[*user("x"), {"role": "system", "content": "y"}])
    refused(s, "kimi", 400, "invalid temperature", temperature=0.5)
    assert s.ask("kimi", temperature=1).status == 200 and s.ask("kimi", temperature=1.0).status == 200
    use = {"type": "tool_use", "id": "a", "name": "n", "input": {}}
    res = {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "tool_reference", "tool_name": "x"}]}
    turn = [*user("x"), {"role": "assistant", "content": [{"type": "thinking", "thinking": "t"}, use]}, *user([res])]
    refused(s, "kimi", 400, "failed to convert tool result content", messages=turn)
    res["content"] = "x"
    assert s.ask("kimi", messages=turn).status == 200 and not s.records("kimi")[-1]["problems"]
    turn[1]["content"][0]["signature"] = ""
    s.ask("kimi", messages=turn)
    assert "with a signature" in s.records("kimi")[-1]["problems"][0]
    turn[1]["content"].pop(0)
    refused(s, "kimi", 400, "reasoning_content is missing in assistant tool call message at index 1", messages=turn)
    s.post("/sim/kimi/strict", {"thinking": False})
    assert s.ask("kimi", messages=turn).status == 200
    refused(s, "kimi", 400, "only type=enabled", model="kimi-k2.7-code", thinking={"type": "disabled"})
    refused(s, "kimi", 400, "incompatible", model="kimi-k2.6", tool_choice={"type": "tool", "name": "x"})
    assert s.ask("kimi", tool_choice={"type": "tool", "name": "x"}).status == 200
    refused(s, "kimi", 400, "stop", stop_sequences=["a"] * 6)
    refused(s, "kimi", 400, "stop", stop_sequences=["a" * 33])
    refused(s, "kimi", 400, "effort", output_config={"effort": "medium"})
    refused(s, "kimi", 400, "base64", messages=user([{"type": "image", "source": {"type": "url"}}]))
    for m in ("kimi-k2", "kimi-k2.6", "kimi-k2.7-code"):
        assert s.ask("kimi", model=m).status == 200


# ---- Chat Completions ----

BASH = [{"type": "function", "function": {"name": "Bash", "parameters": {"type": "object", "properties": {}}}}]
USAGE = {"include_usage": True}


def chunks(a):
    """The chunks of a stream, [DONE] and comments left out."""
    return [json.loads(m) for m in re.findall(r"^data: (\{.*)$", a.body.decode(), re.M)]


def deltas(a, field):
    return [c["choices"][0]["delta"][field] for c in chunks(a) if c.get("choices") and c["choices"][0]["delta"].get(field)]


def played(s, server, **habits):
    s.post("/sim/openai/habits", {"server": server, **habits})


def called(a):
    """The calls of a stream, by their index, and the order in which their deltas came."""
    calls, order = {}, []
    for d in (d for list_ in deltas(a, "tool_calls") for d in list_):
        c = calls.setdefault(d.get("index"), {"ids": [], "names": [], "arguments": ""})
        c["ids"] += [d["id"]] if "id" in d else []
        c["names"] += [d["function"]["name"]] if "name" in d["function"] else []
        c["arguments"] += d["function"]["arguments"]
        order.append(d.get("index"))
    return calls, order


def test_openai_answers(s):
    a = s.ask("openai", stream_options=USAGE)
    all_ = chunks(a)
    assert a.body.endswith(b"data: [DONE]\n\n") and a.whole and b"event:" not in a.body
    assert all_[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert all_[-1]["choices"] == [] and all_[-1]["usage"]["prompt_tokens"] > 20
    assert all_[-2]["choices"][0]["finish_reason"] == "stop" and all(c["usage"] is None for c in all_[:-1])
    assert "".join(deltas(a, "content")) == "Hello from openai, nice to meet you. You said: hi there"
    assert "usage" not in chunks(s.ask("openai"))[-1]
    j = s.ask("openai", stream=False).json()
    assert j["object"] == "chat.completion" and j["choices"][0]["finish_reason"] == "stop"
    assert j["choices"][0]["message"]["content"].startswith("Hello from openai") and j["choices"][0]["message"]["refusal"] is None
    a = s.ask("openai", stream=False, messages=user("SIM:INPUT 100 SIM:READ 30 SIM:WRITE5M 4"))
    u = a.json()["usage"]
    assert u["prompt_tokens"] == 134 and u["prompt_tokens_details"]["cached_tokens"] == 30 and u["prompt_tokens_details"]["cache_write_tokens"] == 4
    assert a.get("x-ratelimit-remaining-tokens") and a.get("x-ratelimit-reset-requests") == "6ms" and a.get("x-request-id")
    for word, reason in (("max_tokens", "length"), ("refusal", "content_filter"), ("end_turn", "stop")):
        assert s.ask("openai", stream=False, messages=user(f"SIM:STOP {word}")).json()["choices"][0]["finish_reason"] == reason
    a = s.ask("openai", messages=user("SIM:REFUSE I cannot help with that"))
    assert "".join(deltas(a, "refusal")) == "I cannot help with that" and not deltas(a, "content")
    m = s.ask("openai", stream=False, messages=user("SIM:REFUSE no")).json()["choices"][0]["message"]
    assert (m["content"], m["refusal"]) == (None, "no")
    assert "".join(deltas(s.ask("openai", messages=user("SIM:LONG 300")), "content")).split()[-1] == "w300"
    images = [{"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]}]
    assert "I see 1 image. You said: look" in s.ask("openai", stream=False, messages=images).json()["choices"][0]["message"]["content"]
    joined = user("<system-reminder>\nx\n</system-reminder>\nSIM:SAY behind it")
    assert s.ask("openai", stream=False, messages=joined).json()["choices"][0]["message"]["content"] == "behind it"
    schema = {"type": "json_schema", "json_schema": {"name": "output", "schema": {"type": "object", "properties": {}}}}
    assert s.ask("openai", stream=False, response_format=schema).json()["choices"][0]["message"]["content"] == '{"title":"Simulated title"}'
    assert s.ask("openai", stream=False, max_completion_tokens=1, reasoning_effort="none").json()["choices"][0]["finish_reason"] == "length"
    assert not [r for r in s.records("openai") if r["problems"] or r["refused"]]


def test_openai_tools_in_a_loop(s):
    m = user("do SIM:TOOLS 4 SIM:CALLS 2 now")
    for step in range(2):
        j = s.ask("openai", stream=False, messages=m, tools=BASH, reasoning_effort="none").json()["choices"][0]
        assert j["finish_reason"] == "tool_calls" and j["message"]["content"] is None and len(j["message"]["tool_calls"]) == 2, j
        m = m + [{"role": "assistant", "content": None, "tool_calls": j["message"]["tool_calls"]},
                 *({"role": "tool", "tool_call_id": c["id"], "content": "ok"} for c in j["message"]["tool_calls"])]
        m += user("<system-reminder>y</system-reminder>")
    j = s.ask("openai", stream=False, messages=m, tools=BASH, reasoning_effort="none").json()
    assert j["choices"][0]["message"]["content"] == "done 4 steps, last by openai", j
    assert not [r for r in s.records("openai") if r["problems"] or r["refused"]]


def test_openai_calls_in_every_way(s):
    def ask(**habits):
        played(s, "openai", **habits)
        return s.ask("openai", tools=BASH, reasoning_effort="none", messages=user("SIM:TOOLS 3 SIM:CALLS 3"))
    for how, index in (("deltas", [0, 1, 2]), ("interleaved", [0, 1, 2]), ("whole", [0, 1, 2])):
        calls, order = called(ask(calls=how))
        assert sorted(calls) == index and all(len(c["ids"]) == len(c["names"]) == 1 for c in calls.values())
        assert [json.loads(calls[i]["arguments"])["command"] for i in index] == ["echo step-1", "echo step-2", "echo step-3"]
        assert (order == sorted(order)) == (how != "interleaved") and (len(order) == 3) == (how == "whole"), order
    calls, order = called(ask(index="one", ids="repeated", names="repeated"))
    assert sorted(calls) == [1, 2, 3] and all(len(c["ids"]) == order.count(i) and len(set(c["ids"])) == 1 for i, c in calls.items())
    assert set(called(ask(index="missing", calls="whole"))[0]) == {None} and set(called(ask(index="zero"))[0]) == {0}
    assert called(ask(ids="missing"))[0][0]["ids"] == [] and called(ask(ids="empty"))[0][0]["ids"] == [""]
    a = ask(arguments="object")
    assert deltas(a, "tool_calls")[0][0]["function"]["arguments"]["command"] == "echo step-1"
    assert deltas(ask(arguments="empty"), "tool_calls")[0][0]["function"]["arguments"] == ""
    assert chunks(ask(finish="stop"))[-1]["choices"][0]["finish_reason"] == "stop"


def test_openai_servers(s):
    def ask(server, **fields):
        played(s, server)
        path = {"openrouter": "/api", "groq": "/openai", "azure": "/openai"}.get(server, "") + "/v1/chat/completions"
        fields = {"model": "qwen3-coder", "max_tokens": 100, "max_completion_tokens": None, "stream_options": USAGE, **fields}
        a = s.ask("openai", path=path, **fields)
        assert a.status == 200, (server, a.body)
        assert not s.records("openai")[-1]["problems"], s.records("openai")[-1]["problems"]
        return a
    usage = lambda a: [i - len(chunks(a)) for i, c in enumerate(chunks(a)) if c.get("usage") or c.get("x_groq")]
    reasoning = {"ollama": "reasoning", "llamacpp": "reasoning_content", "vllm": "reasoning", "openrouter": "reasoning", "groq": "reasoning"}
    for server in ("ollama", "llamacpp", "vllm", "lmstudio", "openrouter", "groq", "azure"):
        a = ask(server)
        assert "Hello from" in "".join(deltas(a, "content")) and usage(a) == [-1], (server, usage(a))
        if server in reasoning:
            assert "".join(deltas(a, reasoning[server])).startswith("Let me think"), server
        a = ask(server, tools=BASH, messages=user("SIM:TOOLS 1"))
        assert called(a)[1] and json.loads(called(a)[0][0]["arguments"])
    a = ask("ollama", tools=BASH, messages=user("SIM:TOOLS 2 SIM:CALLS 2"))
    assert set(called(a)[0]) == {0} and len(called(a)[0][0]["ids"]) == 2 and chunks(a)[-2]["choices"][0]["finish_reason"] == "stop"
    assert ask("openrouter").body.startswith(b": OPENROUTER PROCESSING\n\n")
    assert chunks(ask("azure"))[0]["choices"] == [] and chunks(ask("azure"))[0]["id"] == ""
    assert "x_groq" in chunks(ask("groq"))[-1] and chunks(ask("llamacpp"))[-1]["choices"][0]["finish_reason"] == "stop"
    assert len(called(ask("vllm", tools=BASH, messages=user("SIM:TOOLS 1")))[0][0]["ids"][0]) == 46
    a = ask("deepseek", messages=user("SIM:INPUT 100 SIM:READ 30"))
    assert chunks(a)[-1]["usage"]["prompt_cache_hit_tokens"] == 30
    for server in ("ollama", "llamacpp", "vllm", "lmstudio"):
        played(s, server)
        assert s.ask("openai", model="x", max_tokens=9, max_completion_tokens=None, headers={}).status == 200
    assert [m["id"] for m in s.ask("openai", path="/v1/models", method="GET").json()["data"]] == ["gpt-oss-20b", "qwen3-coder"]
    s.reset()
    assert s.control("GET", "/sim/openai")[1]["habits"]["server"] == "openai"


def test_openai_stream_habits(s):
    def ask(**habits):
        played(s, "openai", **habits)
        return s.ask("openai", stream_options=USAGE)
    assert b"[DONE]" not in ask(done="never").body
    assert all(not c["choices"] or c["choices"][0]["finish_reason"] is None for c in chunks(ask(finish="never")))
    assert [c["choices"][0]["finish_reason"] for c in chunks(ask(finish="empty")) if c["choices"]][-2:] == ["", "stop"]
    last = [c["choices"][0] for c in chunks(ask(finish="with")) if c["choices"]][-1]
    assert last["delta"] == {"content": "there"} and last["finish_reason"] == "stop", last
    assert all(c["usage"]["total_tokens"] for c in chunks(ask(usage="each")))
    assert not [c for c in chunks(ask(usage="never")) if c.get("usage")]
    a = ask(stream="json")
    assert a.get("content-type") == "application/json" and a.json()["object"] == "chat.completion"
    played(s, "openai", content="parts")
    assert s.ask("openai", stream=False).json()["choices"][0]["message"]["content"][0]["type"] == "text"
    a = ask(reasoning="both")
    assert deltas(a, "reasoning") == deltas(a, "reasoning_content") != []
    for bad, word in (({"server": "x"}, "ollama"), ({"calls": "x"}, "interleaved"), ({"x": "y"}, "reasoning"), ({"refuses": "stop"}, "list")):
        status, answer = s.control("POST", "/sim/openai/habits", bad)
        assert status == 400 and word in answer["error"], answer
    assert s.control("POST", "/sim/kimi/habits", {})[0] == 400
    assert s.control("GET", "/sim/openai")[1]["habits"]["reasoning"] == "both"


def test_openai_errors(s):
    want = {"usage_limit": (429, "rate_limit_exceeded"), "usage_limit_7d": (429, "rate_limit_exceeded"), "family_limit": (429, "rate_limit_exceeded"),
            "throttle": (429, "rate_limit_exceeded"), "throttle_bare": (429, "rate_limit_exceeded"), "balance": (402, None),
            "quota_exceeded": (429, "insufficient_quota"), "credit_low": (429, "billing_not_active"), "overloaded": (503, None), "internal": (500, None),
            "unavailable": (503, "slow_down"), "unauthorized": (401, "invalid_api_key"), "forbidden_key": (403, "unsupported_country_region_territory"),
            "forbidden_model": (403, "model_not_found"), "unknown_model": (404, "model_not_found"), "bad_request": (400, "invalid_value"),
            "too_large": (413, "rate_limit_exceeded"), "unprocessable": (422, None)}
    for name, (status, code) in want.items():
        s.fault("openai", name)
        a = s.ask("openai")
        assert a.status == status and a.json()["error"]["code"] == code and set(a.json()["error"]) == {"message", "type", "param", "code"}, (name, a.raw)
    s.fault("openai", "bad_request", message="m", type="t", code="content_filter")
    assert s.ask("openai").json()["error"] == {"message": "m", "type": "t", "param": None, "code": "content_filter"}
    s.fault("openai", "usage_limit", reset=7200)
    a = s.ask("openai")
    assert a.get("x-ratelimit-reset-tokens") == "2h0m0s" and a.get("x-ratelimit-remaining-tokens") == "0" and "try again in 2h0m0s" in a.json()["error"]["message"]
    s.fault("openai", "usage_limit_7d", reset=90)
    a = s.ask("openai")
    assert a.get("x-ratelimit-reset-requests") == "1m30s" and a.get("x-ratelimit-remaining-requests") == "0" and a.get("anthropic-ratelimit-unified-status") is None
    for server, form in (("vllm", {"object": "error", "message": "m", "type": "t", "param": None, "code": 400}), ("lmstudio", {"error": "m"}),
                         ("openrouter", {"error": {"message": "m", "code": 400}})):
        played(s, server)
        s.fault("openai", "bad_request", message="m", type="t")
        assert s.ask("openai").json() == form, server


def test_openai_errors_in_a_stream(s):
    s.fault("openai", "overloaded_event")
    a = s.ask("openai")
    assert a.status == 200 and a.body.startswith(b'data: {"error":{') and a.body.count(b"data:") == 1 and a.whole
    s.fault("openai", "error_event", at="text", message="broken")
    a = s.ask("openai")
    assert "choices" in chunks(a)[-2] and chunks(a)[-1] == {"error": {"message": "broken", "type": "server_error", "param": None, "code": None}}
    s.fault("openai", "error_event", body='{"error":{}}')
    assert s.ask("openai").body == b'data: {"error":{}}\n\n'
    played(s, "openai", error_events="named")
    s.fault("openai", "error_event")
    assert s.ask("openai").body.startswith(b"event: error\ndata: {")
    played(s, "openai", error_events="beside", errors="number")
    s.fault("openai", "error_event", at="text")
    last = chunks(s.ask("openai"))[-1]
    assert last["choices"][0]["finish_reason"] == "error" and last["error"]["code"] == 502


def test_openai_cuts(s):
    ends = {"message_start": '"role":"assistant"', "thinking": "reasoning", "text": '"content":"Hello ', "message_delta": '"finish_reason":"stop"',
            "usage": '"choices":[],"usage":{', "end": "[DONE]"}
    played(s, "openai", reasoning="reasoning_content")
    for name, end in (("close", "fin"), ("reset", "rst"), ("end", "open"), ("stall", "timeout")):
        for at, last in ends.items():
            s.fault("openai", name, at=at)
            a = s.ask("openai", stream_options=USAGE, timeout=0.3)
            assert a.end == end and last in a.body.decode().strip().split("\n\n")[-1], (name, at, a.end, a.body[-300:])
            assert s.records("openai")[-1]["problems"] == [], s.records("openai")[-1]["problems"]
    for at in ("tool_start", "tool"):
        s.fault("openai", "close", at=at)
        a = s.ask("openai", tools=BASH, reasoning_effort="none", messages=user("SIM:TOOLS 1"))
        assert a.end == "fin" and ("echo" in a.body.decode()) is False, a.body
    s.fault("openai", "close", at="text")
    assert not s.ask("openai", stream=False).whole
    s.fault("openai", "half_event")
    assert not s.ask("openai").body.endswith(b"\n\n")
    s.fault("openai", "no_content_stream", stop_reason="max_tokens")
    assert [c["choices"][0]["finish_reason"] for c in chunks(s.ask("openai"))] == [None, "length"]
    s.fault("openai", "no_content_stream")
    assert s.ask("openai", stream=False).json()["choices"][0]["message"]["content"] is None
    s.fault("openai", "pings", count=2, delay_ms=10)
    assert s.ask("openai").body.startswith(b": keep-alive\n\n: keep-alive\n\ndata: {")
    plain = len(s.ask("openai").body)
    s.fault("openai", "split")
    assert len(s.ask("openai", timeout=20).body) - plain in (0, 1)


def test_openai_is_billed_what_was_told(s):
    s.ask("openai", stream_options=USAGE, messages=user("SIM:INPUT 1000 SIM:READ 200 SIM:WRITE5M 30"))
    s.ask("openai", messages=user("SIM:INPUT 1000 SIM:LONG 10"))
    s.ask("openai", stream=False, messages=user("SIM:INPUT 1000"))
    assert charges(s)[0]["cost"] == 1000 * 2000 + 200 * 200 + 30 * 2500 + 12 * 10000
    got = [(c["input"], c["cache_read"], c["cache_5m"], c["output"], c["told"]) for c in charges(s)]
    assert got == [(1000, 200, 30, 12, True), (1000, 0, 0, 10, False), (1000, 0, 0, 12, True)], got


def test_openai_credentials(s):
    key = "Incorrect API key provided"
    refused(s, "openai", 401, "You didn't provide an API key", headers={})
    refused(s, "openai", 401, "You didn't provide an API key", headers={"x-api-key": "sk-fine"})
    refused(s, "openai", 401, "You didn't provide an API key", headers={"Authorization": "Basic sk-abc"})
    for bad in ("dummy", "sk-revoked", "sk-ant-api03-x"):
        refused(s, "openai", 401, key, headers={"Authorization": f"Bearer {bad}"})
    assert s.records("openai")[-1]["leak"] and s.ask("openai").status == 200
    refused(s, "openai", 401, key, headers={**SK, "x-api-key": "k"})
    s.ask("openai", headers={**SK, "anthropic-version": "2023-06-01"})
    assert s.records("openai")[-1]["problems"] == ["header anthropic-version sent to openai"]
    a = s.ask("openai", path="/v1/models", method="GET")
    assert a.json()["object"] == "list" and "gpt-6-sol" in [m["id"] for m in a.json()["data"]]
    assert s.ask("openai", path="/v1/models/gpt-6-sol", method="GET").json()["object"] == "model"
    assert s.ask("openai", path="/v1/models/x", method="GET").json()["error"]["code"] == "model_not_found"
    refused(s, "openai", 404, "Invalid URL (POST /v1/messages)", path="/v1/messages")
    refused(s, "openai", 405, "Not allowed to GET", path="/v1/chat/completions", method="GET")


# ---- records, waiting, gates ----

def test_record_fields(s):
    a = s.ask("claude_pro", body=b"\xff\xfe not utf8")
    r = s.records("claude_pro")[0]
    assert r["body"] is None and base64.b64decode(r["body_base64"]) == b"\xff\xfe not utf8"
    assert r["n"] == 1 and r["status"] == 400 and r["finished"] and not r["aborted"] and abs(r["at_ms"] / 1000 - time.time()) < 60
    big = b'{"x":"' + "ü".encode() * (1 << 20) + b'"}'
    s.ask("claude_pro", body=big)
    r = s.records("claude_pro")[1]
    assert r["body_bytes"] == len(big) and r["body_sha256"] == hashlib.sha256(big).hexdigest()
    assert (1 << 20) - 2 <= len(r["body"].encode()) <= 1 << 20
    s.ask("kimi")
    assert [r["n"] for r in s.control("GET", "/sim/requests")[1]["requests"]] == [1, 2, 3]
    assert [r["n"] for r in s.control("GET", "/sim/requests?from=2&body=0")[1]["requests"]] == [2, 3]
    s.post("/sim/kimi/record", {"on": False})
    s.ask("kimi")
    assert len(s.records("kimi")) == 1 and s.control("GET", "/sim/kimi")[1]["arrived"] == 2
    s.post("/sim/record", {"on": True})
    assert s.control("DELETE", "/sim/kimi/requests")[0] == 200 and s.records("kimi") == []


def test_ring_keeps_2000(s):
    c = Conn(s.ports["kimi"])
    for _ in range(2100):
        s.ask("kimi", body=b"{}", conn=c)
    r = s.records("kimi")
    assert len(r) == 2000 and r[0]["n"] == 101 and r[-1]["n"] == 2100 and len({x["connection"] for x in r}) == 1


def test_wait(s):
    status, j = s.control("GET", "/sim/kimi/requests?wait=1&timeout_ms=100")
    assert status == 408 and j["requests"] == []
    got = []
    t = threading.Thread(target=lambda: got.append(s.control("GET", "/sim/kimi/requests?wait=2&timeout_ms=5000")))
    t.start()
    s.ask("kimi")
    time.sleep(0.1)
    assert not got
    s.ask("kimi")
    t.join(2)
    assert got[0][0] == 200 and len(got[0][1]["requests"]) == 2
    c = Conn(s.ports["kimi"])
    s.fault("kimi", "stall", at="text")
    c.send("POST", PATH["kimi"], SK, json.dumps({"model": "kimi-k3", "max_tokens": 9, "stream": True, "messages": user("x")}).encode())
    c.read(until=b"text_delta")
    assert s.control("GET", "/sim/kimi/requests?wait_done=3&timeout_ms=100")[0] == 408
    assert s.control("GET", "/sim/kimi/requests?wait=3&timeout_ms=100")[0] == 200
    c.close()
    status, j = s.control("GET", "/sim/kimi/requests?wait_done=3")
    assert status == 200 and j["requests"][2]["aborted"] and not j["requests"][2]["finished"] and j["requests"][2]["fault"] == "stall"
    status, j = s.control("GET", "/sim/requests?wait_done=1&from=3")
    assert status == 200 and len(j["requests"]) == 1


def test_gate(s):
    s.post("/sim/claude_pro/gate", {"hold": True})
    c = Conn(s.ports["claude_pro"])
    c.send("POST", PATH["claude_pro"], OAT, json.dumps({"model": "claude-x", "max_tokens": 9, "stream": True, "messages": user("x")}).encode())
    a = c.read(0.2)
    assert a.status == 200 and a.body == b""
    s.post("/sim/claude_pro/gate", {"release": 3})
    c.s.settimeout(0.2)
    got = b""
    try:
        while True:
            got += c.s.recv(65536)
    except TimeoutError:
        assert got.count(b"\n\n") == 3, got
    assert s.control("GET", "/sim/claude_pro")[1]["gate"] == {"hold": True, "tokens": 0, "waiting": 1}
    s.post("/sim/claude_pro/gate", {"hold": False})
    c.s.settimeout(5)
    while not got.endswith(b"0\r\n\r\n"):
        got += c.s.recv(65536)
    # Exactly as many tokens as events end the stream.
    n = len(s.ask("claude_pro").events())
    s.post("/sim/claude_pro/gate", {"hold": True, "release": n})
    assert s.ask("claude_pro").whole
    s.reset()
    assert s.control("POST", "/sim/kimi/gate", {"release": -1})[0] == 400


def test_control_errors(s):
    for method, path, body, status, word in (
            ("POST", "/sim/kimi", {"fault": "no"}, 400, "usage_limit"), ("POST", "/sim/kimi", {"fault": "reset", "at": "x"}, 400, "text_end"),
            ("POST", "/sim/kimi", {"fault": "reset", "tmies": 1}, 400, "times"), ("POST", "/sim/kimi", {"fault": "reset", "times": "1"}, 400, "times"),
            ("POST", "/sim/kimi", {"fault": "reset", "match": {"x": 1}}, 400, "match"), ("POST", "/sim/kimi", [], 400, "object"),
            ("POST", "/sim/kimi", {"fault": "internal", "at": "text"}, 400, "reset"),
            ("POST", "/sim/kimi", {"fault": "reset", "at": -1}, 400, "text_end"), ("POST", "/sim/kimi", {"fault": "raw", "status": 100}, 400, "status"),
            ("POST", "/sim/kimi", {"fault": "raw", "headers": [["a"]]}, 400, "headers"), ("POST", "/sim/x", {}, 404, "deepseek"),
            ("PUT", "/sim/kimi", {}, 405, "PUT"), ("POST", "/sim/kimi/retire", {}, 400, "model"), ("GET", "/x", None, 404, "route")):
        got = s.control(method, path, body)
        assert got[0] == status and word in got[1]["error"], (path, body, got)
    c = Conn(s.ports["control"])
    c.send("POST", "/sim/kimi", {}, b"{oops")
    assert c.read().status == 400
    c.send("GET", "/sim", {})  # kept alive
    assert c.read().json()["providers"]["kimi"]["faults"] == []


def test_reset_forgets(s):
    s.fault("kimi", "reset", times=-1)
    s.post("/sim/kimi/retire", {"model": "kimi-k3"})
    s.post("/sim/kimi/record", {"on": False})
    s.reset()
    assert s.ask("kimi").status == 200 and s.records("kimi")[0]["n"] == 1


# ---- faults ----

def test_error_faults(s):
    want = {"usage_limit": 429, "usage_limit_7d": 429, "family_limit": 429, "usage_text": 429, "regain_text": 400, "out_of_extra_usage": 400,
            "long_context_credits": 429, "throttle": 429, "throttle_bare": 429, "balance": 402, "quota_exceeded": 429, "credit_low": 400,
            "overloaded": {"claude_pro": 529, "deepseek": 503, "kimi": 429}, "internal": 500, "bad_gateway": 502, "unavailable": 503,
            "timeout_504": 504, "html_200": 200, "unauthorized": 401, "forbidden_key": 403, "forbidden_model": 403,
            "unknown_model": {"claude_pro": 404, "deepseek": 400, "kimi": 404}, "bad_request": 400, "too_large": 413, "unprocessable": 422}
    for name, status in want.items():
        for p in ("claude_pro", "deepseek", "kimi"):
            s.fault(p, name)
            a = s.ask(p)
            assert a.status == (status[p] if isinstance(status, dict) else status) and a.whole, (name, p, a.raw)
            assert s.records(p)[-1]["fault"] == name and s.ask(p).status == 200
            if a.get("content-type") == "application/json":
                e = a.json()
                assert set(e) == ({"type", "error", "request_id"} if p == "claude_pro" else {"error"}), e
                assert e["error"]["message"] and e["error"]["type"]
            else:
                assert b"<html>" in a.body
            s.fault(p, name, status=418, message="mine", type="my_error", retry_after=3)
            a = s.ask(p)
            assert a.status == 418 and a.get("retry-after") == "3", (name, a.raw)


def test_limits_say_when(s):
    def unified(name, what=""):
        return a.get("anthropic-ratelimit-unified-" + name)
    for name, window, claim, fine in (("usage_limit", "5h", "five_hour", "7d"), ("usage_limit_7d", "7d", "seven_day", "5h"),
                                      ("family_limit", "7d_opus", "seven_day_opus", "5h")):
        s.fault("claude_pro", name, reset=7200)
        a = s.ask("claude_pro")
        assert unified("status") == "rejected" and unified(window + "-status") == "rejected" and unified(fine + "-status") == "allowed"
        assert abs(int(unified("reset")) - time.time() - 7200) < 5 and unified(window + "-reset") == unified("reset")
        assert unified("representative-claim") == claim and a.get("retry-after") is None
    s.fault("claude_pro", "usage_text", reset=60)
    m = re.search(r"usage limit reached\|(\d+)", s.ask("claude_pro").json()["error"]["message"])
    assert abs(int(m[1]) - time.time() - 60) < 5
    s.fault("claude_pro", "throttle_bare")
    a = s.ask("claude_pro")
    assert not [h for h in a.headers if "ratelimit" in h[0] or h[0] == "retry-after"]
    s.fault("claude_pro", "throttle")
    assert s.ask("claude_pro").get("retry-after") == "7"
    s.fault("claude_pro", "utilization", utilization={"5h": 0.97, "7d": 0.5})
    a = s.ask("claude_pro")
    assert a.status == 200 and unified("5h-utilization") == "0.97" and unified("7d-utilization") == "0.5" and unified("status") == "allowed_warning"
    assert len([h for h in a.headers if h[0] == "anthropic-ratelimit-unified-status"]) == 1
    s.fault("claude_pro", "extra_usage")
    a = s.ask("claude_pro")
    assert a.status == 200 and unified("overage-in-use") == "true" and unified("status") == "allowed"


def test_queue_times_after_match(s):
    s.fault("kimi", "internal", times=2)
    s.fault("kimi", "unavailable")
    assert [s.ask("kimi").status for _ in range(4)] == [500, 500, 503, 200]
    s.fault("kimi", "internal", after=2)
    assert [s.ask("kimi").status for _ in range(4)] == [200, 200, 500, 200]
    s.fault("kimi", "internal", times=-1, match={"stream": False, "model": "kimi-k2*"})
    s.fault("kimi", "unavailable", match={"path": "beta=true"})
    assert [s.ask("kimi").status, s.ask("kimi", stream=False).status, s.ask("kimi", stream=False, model="kimi-k2.6").status,
            s.ask("kimi", path=PATH["kimi"] + "?beta=true").status] == [200, 200, 500, 503]
    s.control("DELETE", "/sim/kimi")
    assert s.ask("kimi", stream=False, model="kimi-k2").status == 200
    s.fault("kimi", "throttle", times=-1, match={"credential": "sk-limited"})
    assert [s.ask("kimi").status, s.ask("kimi", headers={"Authorization": "Bearer sk-limited"}).status] == [200, 429]
    s.control("DELETE", "/sim/kimi")
    s.fault("kimi", "internal")  # a fault hides no refusal from the record
    s.ask("kimi", temperature=0)
    assert s.records("kimi")[-1]["status"] == 500 and "temperature" in s.records("kimi")[-1]["refused"]


PLACES = {"message_start": "message_start", "ping": "ping", "thinking_start": "content_block_start", "thinking": "thinking_delta",
          "thinking_end": "content_block_stop", "text_start": '"type":"text"', "text": "text_delta", "text_end": "content_block_stop",
          "message_delta": "message_delta", "end": "message_stop"}


def cuts(s, name, end, tls=False, **more):
    for at, last in PLACES.items():
        s.fault("claude_pro", name, at=at, **more)
        a = s.ask("claude_pro", thinking={"type": "adaptive"}, tls=tls)
        events = a.body.decode().strip().split("\n\n")
        assert a.end == end and last in events[-1], (name, at, a.end, events[-1:])
        if not a.whole:
            r = s.records("claude_pro", "?wait_done=1")[-1]
            assert r["problems"] == [] and not r["finished"] and not r["aborted"] and r["ended"], r


def test_close_reset_end_at_each_place(s):
    cuts(s, "close", "fin")
    cuts(s, "reset", "rst")
    cuts(s, "end", "open")
    cuts(s, "close", "tls-cut", tls=True)
    for name, end in (("close", "fin"), ("reset", "rst")):
        s.fault("claude_pro", name)
        a = s.ask("claude_pro")
        assert a.raw == b"" and a.end == end
        s.fault("claude_pro", name, at="half_head")
        a = s.ask("claude_pro")
        assert a.raw.startswith(b"HTTP/1.1 200 OK") and b"\r\n\r\n" not in a.raw and a.end == end
        s.fault("claude_pro", name, at="head")
        a = s.ask("claude_pro")
        assert a.raw.endswith(b"\r\n\r\n") and a.body == b"" and a.end == end
        for n in (1, 100, 1000):
            s.fault("claude_pro", name, at=n)
            a = s.ask("claude_pro")
            assert len(a.body) == n and a.end == end, (n, len(a.body))
        s.fault("claude_pro", name, at="text")
        a = s.ask("claude_pro", stream=False)
        assert a.body.startswith(b'{"id"') and not a.whole and a.end == end


def test_tool_places(s):
    for at, last in (("tool_start", "content_block_start"), ("tool", "input_json_delta"), ("tool_end", "content_block_stop")):
        s.fault("claude_pro", "close", at=at)
        a = s.ask("claude_pro", tools=[{"name": "Bash", "input_schema": {"type": "object"}}], messages=user("SIM:TOOLS 1"))
        assert last in a.body.decode().strip().split("\n\n")[-1] and a.end == "fin"


def test_missing_place_is_a_problem(s):
    s.fault("claude_pro", "close", at="tool")
    a = s.ask("claude_pro")
    assert a.end == "fin" and types(a)[-1] == "message_stop" and not a.whole
    assert "never reached" in s.records("claude_pro")[-1]["problems"][0]


def test_stall_and_pause(s):
    for at in ("start", "half_head", "head", "text", 50):
        s.fault("claude_pro", "stall", at=at)
        a = s.ask("claude_pro", timeout=0.15)
        assert a.end == "timeout" and not a.whole
    r = s.records("claude_pro", "?wait_done=5")
    assert all(x["aborted"] and not x["finished"] for x in r)
    for at in ("start", "half_head", "head", "message_start", "text", "end", 77):
        s.fault("claude_pro", "pause", at=at, delay_ms=120)
        t = time.monotonic()
        a = s.ask("claude_pro")
        assert a.whole and types(a)[-1] == "message_stop" and time.monotonic() - t >= 0.12, at
    s.fault("claude_pro", "overloaded", delay_ms=150)
    t = time.monotonic()
    assert s.ask("claude_pro").status == 529 and time.monotonic() - t >= 0.15


def test_drips(s):
    s.fault("claude_pro", "pings", at="message_start", count=3, delay_ms=20)
    a = s.ask("claude_pro")
    assert types(a)[1:5] == ["ping"] * 4 and a.whole
    s.fault("claude_pro", "comments", count=2, delay_ms=20)
    a = s.ask("claude_pro")
    assert a.body.startswith(b": keep-alive\n\n: keep-alive\n\nevent: message_start") and a.whole
    s.fault("deepseek", "comments", count=3, delay_ms=20)
    a = s.ask("deepseek", stream=False)
    assert a.body.startswith(b"\n\n\n{") and a.json()["type"] == "message"
    s.fault("claude_pro", "pings", delay_ms=20)
    a = s.ask("claude_pro", timeout=0.3)
    assert a.end == "timeout" and types(a).count("ping") > 4


def test_error_events(s):
    s.fault("claude_pro", "overloaded_event")
    a = s.ask("claude_pro")
    assert a.status == 200 and a.whole and a.events() == [{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"},
                                                          "request_id": a.events()[0]["request_id"]}]
    s.fault("claude_pro", "error_event", at="text", type="rate_limit_error", message="later")
    a = s.ask("claude_pro")
    assert a.events()[-1]["error"]["type"] == "rate_limit_error" and types(a)[-2] == "content_block_delta" and a.whole
    s.fault("kimi", "error_event", body="{not json")
    assert b"data: {not json\n\n" in s.ask("kimi", stream=False).body


def test_odd_streams(s):
    s.fault("claude_pro", "empty_200")
    a = s.ask("claude_pro")
    assert a.status == 200 and a.get("content-length") == "0"
    s.fault("claude_pro", "empty_stream")
    a = s.ask("claude_pro")
    assert a.status == 200 and a.body == b"" and a.whole and "event-stream" in a.get("content-type")
    s.fault("claude_pro", "no_content_stream")
    assert types(s.ask("claude_pro")) == ["message_start", "ping", "message_delta", "message_stop"]
    s.fault("claude_pro", "no_content_stream")
    assert s.ask("claude_pro", stream=False).json()["content"] == []
    s.fault("claude_pro", "garbage")
    a = s.ask("claude_pro")
    assert a.status == 200 and a.whole and b"neither" in a.body
    s.fault("claude_pro", "garbage", at="start")
    a = s.ask("claude_pro")
    assert a.end == "fin" and a.raw.startswith(b"\x01\x02")
    for end, how in (("close", "fin"), ("reset", "rst"), ("stall", "timeout"), ("clean", "open")):
        s.fault("claude_pro", "half_event", end=end)
        a = s.ask("claude_pro", timeout=0.3)
        assert a.end == how and not a.body.endswith(b"\n\n") and a.body.count(b"text_delta") >= 1, (end, a.end)


def test_bytewise(s):
    plain = s.ask("claude_pro").body.replace(b"_1", b"_N")
    s.fault("claude_pro", "split")
    a = s.ask("claude_pro", timeout=20)
    assert a.whole and a.body.replace(b"_2", b"_N") == plain
    s.fault("claude_pro", "slow", delay_ms=1, at="text_end")
    t = time.monotonic()
    assert s.ask("claude_pro", timeout=20).whole and time.monotonic() - t > 0.2
    s.fault("claude_pro", "split")
    assert s.ask("claude_pro", tls=True, stream=False).whole


def test_wrong_frames(s):
    s.fault("claude_pro", "wrong_length_long")
    a = s.ask("claude_pro")
    assert a.end == "fin" and not a.whole and types(a)[-1] == "message_stop" and int(a.get("content-length")) == len(a.body) + 100
    s.fault("claude_pro", "wrong_length_short")
    c = Conn(s.ports["claude_pro"])
    a = s.ask("claude_pro", stream=False, conn=c)
    assert len(a.rest) == 20 and a.whole
    s.fault("claude_pro", "glued")
    a = s.ask("claude_pro", stream=False)
    assert a.rest.startswith(b"HTTP/1.1 200 OK") and b"glued" in a.rest
    s.fault("claude_pro", "http10")
    a = s.ask("claude_pro")
    assert a.version == "HTTP/1.0" and a.end == "fin" and types(a)[-1] == "message_stop" and s.records("claude_pro")[-1]["finished"]
    s.fault("claude_pro", "continue_100")
    a = s.ask("claude_pro")
    assert a.raw.startswith(b"HTTP/1.1 100") and a.status == 200 and a.whole
    s.fault("claude_pro", "huge_header")
    a = s.ask("claude_pro")
    assert len(a.get("anthropic-huge")) == 1 << 20 and a.whole


def test_gzip(s):
    s.fault("claude_pro", "gzip_error")
    a = s.ask("claude_pro")
    assert a.get("content-encoding") == "gzip" and "credit balance" in json.loads(gzip.decompress(a.body))["error"]["message"]
    s.fault("claude_pro", "gzip_error", body="x" * 200000)
    assert gzip.decompress(s.ask("claude_pro").body) == b"x" * 200000
    s.fault("claude_pro", "truncated_gzip")
    try:
        gzip.decompress(s.ask("claude_pro").body)
        assert False
    except EOFError:
        pass


def test_steer_redirect_raw_pass(s):
    s.fault("claude_pro", "steer")
    a = s.ask("claude_pro")
    assert a.status == 200 and a.whole and a.get("X-Accel-Redirect") and b"\r\n Status: 501" in a.raw and b"\x01\x02\x1b" in a.raw
    s.fault("claude_pro", "redirect")
    a = s.ask("claude_pro")
    assert a.status == 302 and str(s.ports["backup"]) in a.get("location")
    s.fault("claude_pro", "raw", status=299, headers=[["X-A", "1\u0001"], ["Content-Type", "text/x"]], body="hällo")
    a = s.ask("claude_pro")
    assert a.status == 299 and a.get("x-a") == "1\x01" and a.body.decode() == "hällo" and a.get("content-type") == "text/x"
    s.fault("claude_pro", "raw", wire="NOT HTTP\r\n")
    a = s.ask("claude_pro")
    assert a.raw == b"NOT HTTP\r\n" and a.end == "fin"
    s.fault("claude_pro", "pass", headers=[["anthropic-x", "y"]])
    assert s.ask("claude_pro").get("anthropic-x") == "y"


def test_refuse(s):
    s.fault("claude_pro", "refuse")
    c = Conn(s.ports["claude_pro"])
    assert c.read().end in ("fin", "rst")
    c = Conn(s.ports["claude_pro"])
    assert s.ask("claude_pro", conn=c).status == 200
    s.fault("claude_pro", "refuse")
    a = s.ask("claude_pro", conn=c)
    assert a.raw == b"" and a.end == "fin" and s.records("claude_pro")[-1]["fault"] == "refuse"
    assert s.control("GET", "/sim/claude_pro")[1]["refused"] == 1


def test_readme_is_current(s):
    readme = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "README.md")).read()
    faults = subprocess.run([sys.argv[1], "--list-faults"], capture_output=True, text=True).stdout
    usage = subprocess.run([sys.argv[1], "--help"], capture_output=True, text=True).stdout
    habits = subprocess.run([sys.argv[1], "--list-habits"], capture_output=True, text=True).stdout
    assert faults in readme and habits in readme and all(part in readme for part in usage.split("\n\nControl port:\n"))
    # Every fault in the table is tried somewhere here.
    tests = open(__file__).read()
    for name in re.findall(r"^  (\w+) ", faults.split("Parameters:")[0], re.M):
        assert f'"{name}"' in tests, name


# ---- HTTP ----

def test_http_corners(s):
    c = Conn(s.ports["claude_pro"])
    body = json.dumps({"model": "claude-x", "max_tokens": 5, "messages": user("x")}).encode()
    head = "".join(f"{k}: {v}\r\n" for k, v in {**OAT, "Content-Type": "application/json"}.items()).encode()
    # A chunked body, sent in pieces.
    c.s.sendall(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\n" + head + b"Transfer-Encoding: chunked\r\n\r\n")
    for i in range(0, len(body), 7):
        piece = body[i:i + 7]
        c.s.sendall(b"%x\r\n" % len(piece) + piece[:3])
        c.s.sendall(piece[3:] + b"\r\n")
    c.s.sendall(b"0\r\n\r\n")
    assert c.read().status == 200 and s.records("claude_pro")[0]["body"].encode() == body
    # Two pipelined.
    one = b"POST /v1/messages HTTP/1.1\r\nHost: x\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    c.s.sendall(one + one)
    a = c.read()
    assert a.status == 200
    if not a.rest:
        assert c.read().status == 200
    # Expect: 100-continue.
    c = Conn(s.ports["claude_pro"])
    c.s.sendall(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(body))
    assert c.s.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    c.s.sendall(body)
    assert c.read().status == 200
    # Byte by byte.
    c = Conn(s.ports["claude_pro"])
    for i in range(len(one)):
        c.s.sendall(one[i:i + 1])
    assert c.read().status == 200
    # HTTP/1.0, a stream.
    c = Conn(s.ports["claude_pro"])
    b10 = body[:-1] + b', "stream": true}'
    c.s.sendall(b"POST /v1/messages HTTP/1.0\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(b10) + b10)
    a = c.read()
    assert a.end == "fin" and a.get("transfer-encoding") is None and types(a)[-1] == "message_stop"
    c = Conn(s.ports["claude_pro"])
    c.send("POST", "/v1/messages", {**OAT, "Connection": "close"}, body)
    assert c.read().get("connection") == "close"
    assert c.read().end == "fin"


def test_malformed(s):
    for raw in (b"hello\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n",
                b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nbad\r\n\r\n",
                b"GET http://x/ HTTP/1.1\r\nHost: a\r\n\r\n", b"A" * 300000):
        c = Conn(s.ports["kimi"])
        c.s.sendall(raw)
        a = c.read()
        assert a.status == 400 or (len(raw) > 200000 and a.end == "rst"), raw
    assert s.control("GET", "/sim/kimi")[1]["malformed"] == 13


def test_tls(s):
    c = Conn(s.ports["tls"]["deepseek"], s.tls)
    for _ in range(3):
        assert s.ask("deepseek", conn=c, messages=user("SIM:LONG 20000")).whole
    r = s.records("deepseek")
    assert r[0]["tls"] and r[0]["connection"] == r[2]["connection"]
    assert s.control("GET", "/sim/deepseek")[1]["tls_handshakes"] >= 1
    c = Conn(s.ports["tls"]["deepseek"])  # no TLS at all
    c.s.sendall(b"GET / HTTP/1.1\r\n\r\n")
    assert c.read().end in ("fin", "rst")


def test_slow_reader(s):
    c = Conn(s.ports["claude_pro"])
    c.send("POST", PATH["claude_pro"], OAT, json.dumps({"model": "claude-x", "max_tokens": 9, "stream": True,
                                                         "messages": user("SIM:LONG 200000")}).encode())
    time.sleep(0.5)
    rss = int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{s.child.pid}/status").read())[1])
    a = b""
    while not a.endswith(b"0\r\n\r\n"):
        got = c.s.recv(1 << 20)
        assert got
        a += got
    assert a.count(b"text_delta") == 200000 and s.records("claude_pro", "?wait_done=1")[-1]["finished"]
    assert rss < 400000


def test_many_streams(s):
    n = int(os.environ.get("STREAMS", "1000"))
    s.post("/sim/claude_pro/gate", {"hold": True, "release": 0})
    body = json.dumps({"model": "claude-x", "max_tokens": 9, "stream": True, "messages": user("x")}).encode()
    conns = [Conn(s.ports["claude_pro"]) for _ in range(n)]
    for c in conns:
        c.send("POST", PATH["claude_pro"], OAT, body)
    status, j = s.control("GET", f"/sim/claude_pro/requests?wait={n}&body=0")
    assert status == 200 and len(j["requests"]) == min(n, 2000)
    for c in conns[:10]:
        c.close()
    assert s.control("GET", "/sim/claude_pro/requests?wait_done=10&body=0")[0] == 200
    s.post("/sim/claude_pro/gate", {"hold": False})
    for c in conns[10:]:
        assert c.read().whole
        c.close()


def test_sigterm_is_prompt(s):
    s.fault("claude_pro", "stall", at="text")
    c = Conn(s.ports["claude_pro"])
    c.send("POST", PATH["claude_pro"], OAT, json.dumps({"model": "claude-x", "max_tokens": 9, "stream": True, "messages": user("x")}).encode())
    c.read(until=b"text_delta")
    s.child.terminate()
    assert s.child.wait(2) == 0


def main():
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    part, bad = sys.argv[2] if len(sys.argv) > 2 else "", 0
    tests = [(n, f) for n, f in globals().items() if n.startswith("test_") and part in n]
    s = Sim(sys.argv[1])
    for name, run in tests:  # the last one ends the simulator
        try:
            if s.child.poll() is None and name != "test_reset_at_start":
                s.reset()
            run(s)
            print(f"ok    {name}", flush=True)
        except Exception as e:
            bad += 1
            print(f"FAIL  {name}: line {e.__traceback__.tb_next.tb_lineno}: {type(e).__name__} {str(e)[:1500]}\n      repeat: {sys.argv[0]} {sys.argv[1]} {name}")
            if s.child.poll() is not None:
                print(f"      the simulator died with {s.child.returncode}")
                s = Sim(sys.argv[1])
    if s.child.poll() is None:
        s.child.terminate()
    sys.exit(1 if bad else 0)


main()
