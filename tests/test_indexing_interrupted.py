"""A run that is stopped or killed costs nothing, and two at once do no harm."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from index_runs import content, fresh, posix, run, texts, write
from places import ROOT

from indexing import documents
from indexing.cli import _stopping
from rag.errors import LockedError
from rag.stores.embedded.store import EmbeddedStore

# Kills or stops the process at its second batch; the first one is committed by then.
INTERRUPTED = """
import os, signal, sys
from indexing import documents, pipeline
documents.BATCH = 4
embed, calls = pipeline._embed, []
def stop_at_the_second(*arguments):
    calls.append(1)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.{signal})
    embed(*arguments)
pipeline._embed = stop_at_the_second
from ui.commands.main import main
main()
"""


# -- stopped and killed


def many(count=12):
    for number in range(count):
        write(f"docs/{number:02}.txt", f"Device {number} stands in room {number % 5}.")


def test_a_run_that_breaks_goes_on_where_it_was(store, counted, tmp_path, monkeypatch):
    write("docs/old.txt", "The pump runs on diesel.")
    run(store, counted)
    before, asked = content(store), len(counted.texts)
    many(12)
    monkeypatch.setattr(documents, "BATCH", 4)
    counted.fails_after = asked + 8  # two batches of four
    with pytest.raises(RuntimeError, match="the power is gone"):
        run(store, counted)
    assert content(store) == before and store.generation == 1 and store.check() == []

    counted.fails_after = None
    counted.texts.clear()
    report = run(store, counted)
    assert report.recovered == 8
    assert len(counted.texts) == 12 - 8 == len(report.indexed)
    assert report.generation == 2 and store.check() == []
    assert content(store) == fresh(tmp_path, counted)


def test_a_file_that_changed_after_a_broken_run_is_taken_as_it_is_now(
    store, counted, tmp_path, monkeypatch
):
    many(8)
    monkeypatch.setattr(documents, "BATCH", 4)
    counted.fails_after = 4
    with pytest.raises(RuntimeError):
        run(store, counted)
    write("docs/00.txt", "Device 0 has been sold.")
    Path("docs/01.txt").unlink()
    counted.fails_after = None
    report = run(store, counted)
    assert report.recovered == 4 and len(report.removed) == 1
    assert content(store) == fresh(tmp_path, counted)


def interrupted(name, *, home):
    code = INTERRUPTED.format(signal=name)
    return subprocess.run(
        [sys.executable, "-c", code, "index", "docs", "--json"],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "RAG_HOME": str(home), "PYTHONPATH": str(ROOT)},
    )


@posix
def test_a_killed_process_loses_nothing_and_the_same_command_goes_on(counted, tmp_path):
    home = tmp_path / "home"
    write("docs/old.txt", "The pump runs on diesel.")
    store = EmbeddedStore(home / "collections" / "default")
    run(store, counted)
    many(12)
    assert interrupted("SIGKILL", home=home).returncode == -signal.SIGKILL

    assert store.generation == 1 and texts(store) == ["The pump runs on diesel."]
    report = run(store, counted)
    assert report.recovered == 4  # the first batch
    assert store.generation == 2 and store.check() == []
    assert content(store) == fresh(tmp_path, counted)
    assert not list(store.folder.glob("*.tmp"))
    store.close()


@posix
def test_ctrl_c_publishes_what_is_done_and_the_same_command_goes_on(counted, tmp_path):
    home = tmp_path / "home"
    many(12)
    done = interrupted("SIGINT", home=home)
    assert done.returncode == 130
    told = json.loads(done.stdout)
    assert told["stopped"] and told["counts"]["indexed"] == 8  # the batch in hand is finished
    assert "Run the same command to go on." in done.stderr and "Traceback" not in done.stderr

    store = EmbeddedStore(home / "collections" / "default")
    assert store.generation == 1 and len(content(store)) == 8
    report = run(store, counted)
    assert len(report.indexed) == 12 - 8 and report.unchanged == 8
    assert content(store) == fresh(tmp_path, counted)
    store.close()


def test_a_stop_ends_the_run_after_the_batch_and_removes_nothing(store, counted, monkeypatch):
    write("docs/gone.txt", "The pump runs on diesel.")
    run(store, counted)
    Path("docs/gone.txt").unlink()
    many(12)
    monkeypatch.setattr(documents, "BATCH", 4)
    stop = threading.Event()
    report = run(store, counted, progress=lambda done, total, source: stop.set(), stop=stop)
    assert report.stopped and len(report.indexed) == 4 and report.removed == []
    assert len(content(store)) == 1 + 4
    assert len(run(store, counted).removed) == 1 and len(content(store)) == 12


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_ends_at_once(number, capsys):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), _stopping() as stop:
        os.kill(os.getpid(), number)
        assert stop.is_set()
        assert "Stopping after this batch" in capsys.readouterr().err
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


# -- two at once


def test_a_second_indexer_is_told_who_holds_the_lock(store, counted):
    write("docs/a.txt", "The pump runs on diesel.")
    other = EmbeddedStore(store.folder)
    with other.writer(), pytest.raises(LockedError, match=f"by process {os.getpid()} on "):
        run(store, counted)
    other.close()
    assert run(store, counted).generation == 1


def test_questions_read_the_old_generation_while_the_new_one_is_made(store, counted):
    write("docs/a.txt", "The pump runs on diesel.")
    run(store, counted)
    write("docs/a.txt", "The pump runs on sunlight.")
    seen = []

    def look(done, total, source):
        seen.append((store.generation, texts(store)))

    run(store, counted, progress=look)
    assert seen == [(1, ["The pump runs on diesel."])]
    assert texts(store) == ["The pump runs on sunlight."]
