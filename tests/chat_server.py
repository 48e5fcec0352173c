"""A server on this machine that speaks chat completions as a test wants it to."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from generator_runs import QUESTION

from rag.answers.generators import OpenAIGenerator
from rag.errors import ModelError

KEY = "sk-very-secret-key-123"


class Handler(BaseHTTPRequestHandler):
    """Speaks chat completions as server-sent events; `server.behaviour` says how."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.body = body
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.path, headers, body))
        try:
            self.server.behaviour(self)
        except (BrokenPipeError, ConnectionResetError):
            self.server.hung_up.set()
        self.close_connection = True

    def start(self, status=200, kind="text/event-stream", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def refuse(self, status, message="no"):
        self.start(status, "application/json")
        self.wfile.write(json.dumps({"error": {"message": message}}).encode())

    def send(self, text=None, finish=None):
        choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
        chunk = {
            "id": "1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [choice],
        }
        self.raw(json.dumps(chunk))

    def raw(self, data):
        self.wfile.write(f"data: {data}\n\n".encode())
        self.wfile.flush()


def answers(handler):
    handler.start()
    for piece in ("The ", "pump ", "weighs ", "12 kg [1]."):
        handler.send(piece)
    handler.send(finish="stop")
    handler.raw("[DONE]")


def counts_for_ever(handler):
    handler.start()
    for number in range(10_000):
        handler.send(f"{number} ")
        time.sleep(0.01)


def stalls(handler):
    handler.start()
    handler.send("Once ")
    handler.server.release.wait(5)


@contextmanager
def serve(behaviour):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.behaviour, server.seen = behaviour, []
    server.hung_up, server.release = threading.Event(), threading.Event()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def generator_for(server, **settings):
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    settings = {"api_key": KEY, "retries": 0, "timeout": 5} | settings
    generator = OpenAIGenerator(url, "m", **settings)
    try:
        yield generator
    finally:
        generator.close()


def error_from(behaviour, **settings):
    with serve(behaviour) as server, generator_for(server, **settings) as generator:
        with pytest.raises(ModelError) as caught:
            generator.run(QUESTION)
        message = str(caught.value)
        assert f"127.0.0.1:{server.server_address[1]}/v1" in message
    assert KEY not in message
    assert "\n" not in message
    return message
