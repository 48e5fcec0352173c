"""The worker process: ended, replaced, kept quiet and kept small; nothing of it is left behind."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest

from indexing.converters import ConversionError, Converter

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files and signals")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="address space limits need Linux")


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.md"
    path.write_text("# Pumps\n\nThey pump.\n", encoding="utf-8")
    return path


def assert_refused(converter, path, reason, good):
    """The file is refused for this reason, and the same converter goes on."""
    with pytest.raises(ConversionError, match=reason) as caught:
        converter.convert(path)
    assert "\n" not in str(caught.value)
    assert converter.convert(good).documents[0].title == "Pumps"


@contextmanager
def only_seconds(converter, seconds):
    """Little time for what must not end; the start of a worker may take longer elsewhere."""
    usual, converter._seconds = converter._seconds, seconds
    try:
        yield
    finally:
        converter._seconds = usual


def write(path, data):
    path.write_bytes(data)
    return path


def test_a_parser_that_never_ends_is_killed_in_time(tmp_path, good):
    heavy = write(tmp_path / "heavy.html", b"<b>x" * 2_000_000)
    with Converter() as converter:
        with only_seconds(converter, 0.5):
            start = time.monotonic()
            with pytest.raises(ConversionError, match=r"takes longer than 0\.5 s") as caught:
                converter.convert(heavy)
            assert time.monotonic() - start < 5
        assert "\n" not in str(caught.value)
        assert converter.convert(good).documents[0].title == "Pumps"


@linux_only
def test_a_file_that_needs_too_much_memory_is_refused(tmp_path, good):
    hog = write(tmp_path / "hog.json", b"[" + b"{}," * 5_000_000 + b"{}]")
    with Converter(memory_mb=200) as converter:
        assert_refused(converter, hog, "takes more than 200 MB of memory", good)


def worker_of(converter):
    return converter._worker


@posix_only
def test_a_worker_that_is_killed_is_replaced(tmp_path, good):
    with Converter() as converter:
        converter.convert(good)
        first = worker_of(converter)
        converter.convert(good)
        assert worker_of(converter) is first  # one worker for many files
        first.kill()
        first.wait()
        assert converter.convert(good).documents
        second = worker_of(converter)
        assert second.pid != first.pid
        os.kill(second.pid, signal.SIGSTOP)
        killer = threading.Timer(0.2, second.kill)
        killer.start()
        with pytest.raises(ConversionError, match=r"the converter crashed on it \(signal 9\)"):
            converter.convert(good)
        killer.join()
        assert converter.convert(good).documents


def test_a_worker_that_grew_is_replaced(good, monkeypatch):
    with Converter() as converter:
        converter.convert(good)
        monkeypatch.setattr(converter, "_memory_mb", 1)
        converter.convert(good)
        assert worker_of(converter) is None


FAKE = """
import sys, time
for line in sys.stdin:
    {}
    sys.stdout.flush()
"""


@pytest.mark.parametrize(
    ("does", "reason"),
    [
        ("print('no json')", "an answer that makes no sense"),
        ("print('[]')", "an answer that makes no sense"),
        ('print(\'{"document": {"key": 1}}\')', "an answer that makes no sense"),
        ("print('{'); sys.exit()", "an answer that makes no sense"),
        ("sys.exit(7)", r"crashed on it \(exit code 7\)"),
        ("sys.stdout.write('x' * 11_000_000)", "its text is over 10 MB"),
        ("time.sleep(60)", r"takes longer than 0\.5 s"),
    ],
)
def test_a_worker_out_of_its_mind_costs_one_file(monkeypatch, good, does, reason):
    with Converter(max_file_mb=1) as converter:
        fake = subprocess.Popen(
            [sys.executable, "-c", FAKE.format(does)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        monkeypatch.setattr(converter, "_worker", fake)
        seconds = 0.5 if "sleep" in does else 30
        with only_seconds(converter, seconds), pytest.raises(ConversionError) as caught:
            converter.convert(good)
        caught.match(reason)
        assert "\n" not in str(caught.value)
        assert fake.poll() is not None
        assert converter.convert(good).documents[0].title == "Pumps"


def test_what_a_library_prints_does_not_reach_the_answers(good):
    code = (
        "import os, sys\n"
        "from indexing.converters.formats import markdown\n"
        "from indexing.converters.process import worker\n"
        "real = markdown.convert_markdown\n"
        "def noisy(text, stem, **options):\n"
        "    print('noise'); os.system('echo noise'); sys.stderr.write('noise')\n"
        "    return real(text, stem, **options)\n"
        "markdown.convert_markdown = noisy\n"
        "sys.exit(worker.main(['9', '2048']))\n"
    )
    request = f'{{"path": "{good}", "suffix": ".md", "stem": "x", "most": 99}}\n'
    result = subprocess.run(
        [sys.executable, "-c", code], input=request.encode(), capture_output=True, check=True
    )
    assert b"noise" not in result.stdout + result.stderr
    assert result.stdout.count(b"\n") == 2


def test_the_worker_imports_no_parser_and_nothing_heavy_before_it_needs_to():
    code = (
        "import sys, indexing.converters.process.worker\n"
        "heavy = {'rag', 'haystack', 'torch', 'numpy', 'pydantic', 'pypdfium2', 'docx', 'bs4',"
        " 'lxml', 'yaml', 'markdown_it', 'charset_normalizer'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert result.stderr == b"\n"


def test_modules_in_the_current_folder_are_not_imported_by_the_worker(tmp_path, monkeypatch):
    write(tmp_path / "bs4.py", b"raise SystemExit(1)")
    write(tmp_path / "json.py", b"raise SystemExit(1)")
    page = write(tmp_path / "page.html", b"<p>Pump</p>")
    monkeypatch.chdir(tmp_path)
    with Converter() as converter:
        assert converter.convert(page).documents[0].text == "Pump"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files in /proc")
def test_no_zombie_no_open_pipe_and_no_warning_is_left(tmp_path, good):
    def open_files():
        return len(list(Path("/proc/self/fd").iterdir()))

    gc.collect()  # what other tests left behind must not be counted
    before, threads = open_files(), threading.active_count()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            with Converter() as converter:
                converter.convert(good)
                pid = worker_of(converter).pid
                heavy = write(tmp_path / "heavy.html", b"<b>x" * 1_000_000)
                with only_seconds(converter, 0.5), pytest.raises(ConversionError):
                    converter.convert(heavy)
                converter.convert(good)
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        gc.collect()
    assert open_files() <= before
    assert threading.active_count() <= threads + 1  # a timer may be about to end


def test_a_closed_converter_starts_again_when_asked(good):
    converter = Converter()
    converter.close()
    assert converter.convert(good).documents
    converter.close()
    converter.close()


def test_limits_must_be_positive():
    with pytest.raises(ValueError, match="must be over 0"):
        Converter(seconds=0)
