"""Output that is not UTF-8, and output that cannot be written."""

import io
import json
import sys

import pytest

from rag.console import print_json, run_command, say, show

TEXT = "“晚钟” is a sound – naïve"


class Terminal(io.TextIOWrapper):
    """A terminal of an encoding; what was written is its `text`."""

    def __init__(self, encoding):
        super().__init__(io.BytesIO(), encoding=encoding, newline="")

    @property
    def text(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


@pytest.fixture
def terminal(monkeypatch):
    def make(encoding):
        made = Terminal(encoding)
        monkeypatch.setattr(sys, "stdout", made)
        monkeypatch.setattr(sys, "stderr", Terminal(encoding))
        return made

    return make


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", TEXT),
        ("ascii", "???? is a sound ? na?ve"),
        ("latin-1", "???? is a sound ? naïve"),
        ("gbk", "“晚钟” is a sound – na?ve"),
    ],
)
def test_characters_that_cannot_be_shown_are_replaced(terminal, encoding, shown):
    out = terminal(encoding)
    run_command(lambda: (show(TEXT), say(TEXT)))
    assert out.text == shown + "\n"
    assert sys.stderr.text == shown + "\n"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "gbk"])
def test_json_loses_nothing_in_any_encoding(terminal, encoding):
    out = terminal(encoding)
    run_command(lambda: print_json({"answer": TEXT}))
    assert json.loads(out.text) == {"answer": TEXT}
    assert ("晚钟" in out.text) == (encoding == "utf-8")


@pytest.mark.parametrize("write", [show, print_json])
def test_output_that_is_full_is_one_line(terminal, monkeypatch, write):
    terminal("utf-8")
    monkeypatch.setattr(sys, "stdout", open("/dev/full", "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: write("x"))
    assert ended.value.code == 1
    assert sys.stderr.text == "Error: the output cannot be written: No space left on device.\n"
    sys.stdout.close()
