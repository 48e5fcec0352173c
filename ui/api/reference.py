"""The reference page at `/docs`: the API's description as plain HTML, without scripts."""

import base64
import hashlib
import json
import re
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

_CODE = re.compile(r"`([^`]+)`")

router = APIRouter(include_in_schema=False)

STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
code, pre { font: 14px/1.4 ui-monospace, monospace } pre { overflow-x: auto }
section { border-top: 1px solid; margin-top: 1.5rem } summary { cursor: pointer }
""".strip()


@router.get("/docs")
async def show_reference(request: Request) -> HTMLResponse:
    """Return the description as a page."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"
    above = "../" if request.scope.get("raw_path", b"").endswith(b"/") else ""
    page = render_reference(request.app.openapi(), f"{above}openapi.json")
    return HTMLResponse(page, headers={"content-security-policy": policy})


def render_reference(description: dict[str, Any], address: str = "openapi.json") -> str:
    """Return an OpenAPI description as a self-contained page.

    Args:
        description: The description.
        address: Its own address, relative to the page's.
    """
    info = description["info"]
    base = "".join(each["url"] for each in description.get("servers", [])[:1])
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        '<meta name="viewport" content="width=device-width">',
        f"<title>{escape(info['title'])} API</title><style>{STYLE}</style><main>",
        f"<h1>{escape(info['title'])} API {escape(info['version'])}</h1>",
        *_paragraphs(info["description"]),
        f'<p>For programs: <a href="{escape(address)}">{escape(base)}/openapi.json</a></p>',
    ]
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            parts += _operation(f"{method.upper()} {base}{path}", operation)
    parts.append("<section><h2>Schemas</h2>")
    for name, schema in sorted(description["components"]["schemas"].items()):
        parts += [f'<h3 id="{escape(name)}">{escape(name)}</h3>', *_schema(schema)]
    return "\n".join([*parts, "</section></main></html>"])


def _operation(title: str, operation: dict[str, Any]) -> list[str]:
    parts = [f"<section><h2><code>{escape(title)}</code></h2>"]
    parts += _paragraphs(operation.get("description", ""))
    rows = [
        f"<li><code>{escape(each['name'])}</code> ({escape(each['in'])}) "
        f"{escape(each.get('description') or '')}</li>"
        for each in operation.get("parameters", [])
    ]
    parts += ["<ul>", *rows, "</ul>"] if rows else []
    if "requestBody" in operation:
        parts += ["<p>Body:</p>", *_contents(operation["requestBody"])]
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            parts += [f"<p>Response {escape(status)}:</p>", *_contents(response)]
    return [*parts, "</section>"]


def _contents(body: dict[str, Any]) -> list[str]:
    found = body.get("content", {})
    if not found:
        return ["<p>empty</p>"]
    return [
        f"<p><code>{escape(kind)}</code> {_named(content.get('schema', {}))}</p>"
        for kind, content in found.items()
    ]


def _named(schema: dict[str, Any]) -> str:
    """Return a schema's name as a link to it, or the schema itself if it has none."""
    if "items" in schema:
        return f"list of {_named(schema['items'])}"
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    return f"<code>{escape(json.dumps(schema))}</code>"


def _schema(schema: dict[str, Any]) -> list[str]:
    text = escape(json.dumps(schema, indent=2, ensure_ascii=False))
    return [*_paragraphs(schema.get("description", "")), f"<details><summary>JSON Schema</summary>"
            f"<pre>{text}</pre></details>"]  # fmt: skip


def _paragraphs(text: str) -> list[str]:
    marked = _CODE.sub(r"<code>\1</code>", escape(text))
    return [f"<p>{part}</p>" for part in marked.split("\n\n") if part.strip()]
