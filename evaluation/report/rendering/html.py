"""`report.html`: one file with its style, its one small script and its charts inside.

The template engine escapes everything from the data, which has an element of its own that isolates
its writing direction; the content security policy allows no request at all, and no script but the
one whose hash it names.
"""

import base64
import hashlib
from importlib.resources import files

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateNotFound
from markupsafe import Markup, escape

from evaluation.report.layout import Page, Text
from evaluation.report.words import Words, say
from rag.console import printable


def render_html(page: Page) -> str:
    """Return the text of the file."""
    template = _environment().get_template("report.html.j2")
    text = template.render(
        page=page,
        style=Markup(_resource("report.css")),  # noqa: S704 - a file of this package
        script=Markup(_resource("report.js")),  # noqa: S704 - likewise
        policy=report_policy(),
    )
    return text.lstrip() + "\n"


def report_policy() -> str:
    """Return the content security policy of a report: no request, no script but its own."""
    script = _resource("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def _environment() -> Environment:
    environment = Environment(
        loader=_PackageFiles(),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.globals["t"] = lambda key: _bilingual(say(key))
    environment.filters["text"] = _text
    environment.filters["svg"] = Markup
    return environment


class _PackageFiles(BaseLoader):
    """Template loader for the files of this package, wherever it is installed."""

    def get_source(self, environment: Environment, template: str) -> tuple[str, None, None]:
        try:
            return _resource(template), None, None
        except FileNotFoundError:
            raise TemplateNotFound(template) from None


def _resource(name: str) -> str:
    path = files("evaluation.report").joinpath("templates").joinpath(name)
    return path.read_text(encoding="utf-8")


def _shown(value: object) -> object:
    """Remove control characters from printed values, except this package's markup."""
    return printable(value) if type(value) is str else value


def _text(text: Text) -> Markup:
    """Return a text in both languages, or data unchanged."""
    if isinstance(text, Words):
        return _bilingual(text)
    return Markup("<bdi>") + escape(printable(text)) + Markup("</bdi>")


def _bilingual(words: Words) -> Markup:
    english, chinese = (escape(printable(side)) for side in (words.en, words.zh))
    if words.en == words.zh:
        return Markup("<bdi>") + english + Markup("</bdi>")
    return Markup('<span class="en">{}</span><span class="zh" lang="zh">{}</span>').format(
        english, chinese
    )
