"""The page as an application: headers, cookies, health; and the command that starts it."""

import asyncio
import base64
import hashlib
import re
from importlib.resources import files

import pytest

from rag.config import Config
from rag.errors import ConfigError
from ui.commands.page import _free_port, _url, streamlit_options
from ui.headers import (
    LANGUAGE_COOKIE,
    OWNER_COOKIE,
    Headers,
    content_security_policy,
    is_secret,
)


def get(path="/", *, query="", headers=(), body=b'<html lang="en">', kind="http", method="GET"):
    """Headers, cookies and body as a browser gets them; and the headers that the page saw."""
    sent, seen = [], {}

    async def page(scope, receive, send):
        seen.update(scope["headers"])
        start = {"type": "http.response.start", "status": 200}
        await send(start | {"headers": [(b"etag", b"1"), (b"x-frame-options", b"ALLOW")]})
        await send({"type": "http.response.body", "body": body})

    async def send(message):
        sent.append(message)

    scope = {
        "type": kind,
        "method": method,
        "scheme": "http",
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }
    asyncio.run(Headers(page)(scope, None, send))
    got = sent[0]["headers"]
    cookies = [value.decode() for name, value in got if name == b"set-cookie"]
    return dict(got), cookies, sent[1]["body"], seen


def test_every_response_carries_the_policy_once():
    for path in ("/", "/static/js/index.js", "/_stcore/health", "/media/x.png"):
        headers, *_ = get(path)
        assert headers[b"content-security-policy"].decode() == content_security_policy()
        assert headers[b"x-frame-options"] == b"DENY"
        assert headers[b"x-content-type-options"] == b"nosniff"


def test_the_policy_names_the_one_inline_script_of_the_installed_streamlit():
    page = files("streamlit").joinpath("static/index.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    policy = content_security_policy()
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert policy.count("sha256-") == 1 and "http" not in policy and "*" not in policy


def test_a_visitor_gets_a_secret_once_that_scripts_cannot_read():
    _, cookies, *_ = get()
    (cookie,) = cookies
    name, value = cookie.split(";")[0].split("=")
    assert name == OWNER_COOKIE and is_secret(value)
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie
    assert get(headers=[("cookie", f"{name}={value}")])[1] == []
    assert get()[1] != cookies


@pytest.mark.parametrize("brought", ["x", "x" * 500, "a b" * 20, '"; DROP TABLE', ""])
def test_a_secret_that_was_not_given_out_here_is_replaced(brought):
    assert len(get(headers=[("cookie", f"{OWNER_COOKIE}={brought}")])[1]) == 1


def test_files_and_streams_set_no_cookie():
    for path in ("/static/js/index.js", "/_stcore/stream", "/favicon.png", "/ready"):
        assert get(path)[1] == []
    assert get(method="POST")[1] == []


def test_the_language_is_remembered_and_named():
    _, cookies, body, _ = get(query="lang=zh")
    assert any(cookie.startswith(f"{LANGUAGE_COOKIE}=zh;") for cookie in cookies)
    assert body == b'<html lang="zh">'
    assert get(headers=[("cookie", f"{LANGUAGE_COOKIE}=zh")])[2] == b'<html lang="zh">'
    assert get(headers=[("accept-language", "zh-CN")])[2] == b'<html lang="zh">'
    assert get(query="lang=zh%22onload", headers=[("accept-language", "en")])[2].endswith(b'"en">')


def test_a_page_is_neither_packed_nor_kept_for_another_language():
    headers, _, _, seen = get(headers=[("accept-encoding", "gzip"), ("if-none-match", "1")])
    assert b"etag" not in headers and not {b"accept-encoding", b"if-none-match"} & set(seen)


def test_streamlit_is_told_to_call_nobody_and_to_show_no_insides():
    options = streamlit_options(Config(), "127.0.0.1", 1)
    assert options["browser.gatherUsageStats"] is False
    assert options["client.showErrorDetails"] == "none"
    assert options["client.showErrorLinks"] is False
    assert options["server.fileWatcherType"] == "none"
    assert options["server.allowedHosts"] == ["localhost", "127.0.0.1"]
    assert options["server.maxUploadSize"] == Config().server.max_upload_mb


def test_streamlit_knows_every_option():
    from streamlit import config

    known = set(config._config_options_template)
    assert set(streamlit_options(Config(), "127.0.0.1", 1)) <= known


def test_the_address_is_printed_as_a_browser_takes_it():
    assert _url("127.0.0.1", 8501, None) == "http://127.0.0.1:8501/"
    assert _url("::1", 80, "a b") == "http://[::1]:80/?collection=a+b"
    assert _url("0.0.0.0", 80, None) == "http://localhost:80/"  # noqa: S104


def test_a_port_that_is_taken_is_said_in_one_line():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"port {port}.*--port 0"):
            _free_port("127.0.0.1", port)
    with pytest.raises(ConfigError, match=r"cannot listen on 203\.0\.113\.1"):
        _free_port("203.0.113.1", 0)
    assert _free_port("127.0.0.1", 0) > 0
