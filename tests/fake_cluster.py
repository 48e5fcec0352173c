"""A small server that speaks as much of Elasticsearch as bulk requests need, and fails as told.

`FakeCluster` keeps rows in memory. Each request can be answered by a fault instead: a function of
the request, taken from `faults` in turn; `FaultyProxy` stands before a real server in the same way.
"""

import json
import socket
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TYPE = "application/vnd.elasticsearch+json; compatible-with=8"


class CutError(Exception):
    """The connection is to be cut now."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body together: two small packets wait for each other

    def log_message(self, *arguments):
        """Say nothing."""

    def _serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, answer = self.server.owner.answer(self.command, self.path, body, self.headers)
        except CutError:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        if self.server.owner.is_elasticsearch:
            self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", self.server.owner.content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815 - the base's names


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that has gone is no error here."""


class _Answering:
    """Serves on a loopback port for a block."""

    is_elasticsearch = True
    content_type = TYPE

    def __init__(self):
        self.requests = []
        self.fault = None  # method, path, body -> (status, answer), None to go on; may raise

    @contextmanager
    def running(self):
        server = _Server(("127.0.0.1", 0), _Handler)
        server.owner = self
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def answer(self, method, path, body, headers):
        self.requests.append((method, path))
        if self.fault is not None:
            made = self.fault(method, path, body)
            if made is not None:
                return made
        return self.usual(method, path, body, headers)


def error(status, kind="injected", reason="injected"):
    """An answer that is an error."""
    return status, {"error": {"type": kind, "reason": reason}, "status": status}


class FakeCluster(_Answering):
    """Rows in memory; `item` decides what happens to single changes.

    Attributes:
        rows: Row id -> row.
        sent: The ids of each bulk request.
        item: Row id, number of times it was sent -> (status, type), or None to take it.
    """

    def __init__(self):
        super().__init__()
        self.rows, self.sent, self.times = {}, [], {}
        self.item = lambda name, times: None
        self.version = "8.19.0"
        self.after_apply = None  # called once rows are changed, before the answer; may raise

    def usual(self, method, path, body, headers):
        if path.startswith("/_nodes"):
            return 200, {"nodes": {"one": {"version": self.version}}}
        if "/_bulk" in path:
            answer = self._bulk([json.loads(line) for line in body.splitlines()])
            if self.after_apply is not None:
                self.after_apply()
            return 200, answer
        return error(404, "index_not_found_exception", "no such index [c]")

    def _bulk(self, lines):
        items = []
        self.sent.append([])
        while lines:
            ((action, facts),) = lines.pop(0).items()
            row = lines.pop(0) if action != "delete" else None
            items.append({action: self._change(facts["_id"], row)})
        errors = any("error" in outcome for item in items for outcome in item.values())
        return {"took": 1, "errors": errors, "items": items}

    def _change(self, name, row):
        self.sent[-1].append(name)
        self.times[name] = self.times.get(name, 0) + 1
        fault = self.item(name, self.times[name])
        if fault:
            status, kind = fault
            return {"_id": name, "status": status, "error": {"type": kind, "reason": f"{kind}!"}}
        was_there = name in self.rows
        if row is None:
            self.rows.pop(name, None)
            return {"_id": name, "status": 200 if was_there else 404, "result": "deleted"}
        self.rows[name] = row
        return {"_id": name, "status": 200 if was_there else 201, "result": "created"}


class FaultyProxy(_Answering):
    """Stands before a real server, and passes on what no fault answers.

    Attributes:
        change: Method, path, answer -> the answer as it is changed on the way back.
    """

    def __init__(self, url):
        super().__init__()
        self._target = url
        self.change = lambda method, path, answer: answer

    def usual(self, method, path, body, headers):
        passed = {
            name: value
            for name, value in headers.items()
            if name.lower() in ("content-type", "accept")
        }
        request = urllib.request.Request(  # noqa: S310 - loopback
            self._target + path, data=body or None, method=method, headers=passed
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                status, content = response.status, response.read()
        except urllib.error.HTTPError as failed:
            status, content = failed.code, failed.read()
        if not content:
            return status, b""
        return status, self.change(method, path, json.loads(content))
