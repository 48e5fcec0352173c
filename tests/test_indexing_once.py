"""A first `rag index` does its work once: it hashes and converts each file once, in one process."""

from collections import Counter
from pathlib import Path

import pytest
from cli_runs import done

from indexing import conversions as conversions_module
from indexing import plan
from indexing.conversions import Conversions
from indexing.converters import ConversionError, Converter
from indexing.converters.process.wire import unpack
from rag.config import Config

FILES = 30  # more than are looked into for their language


class Work:
    """Work done, by the name of the file; and the processes that were started."""

    def __init__(self):
        self.hashed, self.converted, self.processes = Counter(), Counter(), 0


@pytest.fixture
def work(monkeypatch):
    work = Work()
    sha256_of, exchange, start = plan.sha256_of, Converter._exchange, Converter._start

    def hashing(path):
        work.hashed[path.name] += 1
        return sha256_of(path)

    def exchanging(converter, request, *arguments):
        work.converted[Path(unpack(request)["path"]).name] += 1
        return exchange(converter, request, *arguments)

    def starting(converter):
        work.processes += 1
        return start(converter)

    monkeypatch.setattr(plan, "sha256_of", hashing)
    monkeypatch.setattr(Converter, "_exchange", exchanging)
    monkeypatch.setattr(Converter, "_start", starting)
    return work


def write_some(count=FILES):
    Path("docs").mkdir()
    names = [f"{number:02}.txt" for number in range(count)]
    for name in names:
        Path("docs", name).write_text(f"Device {name} stands in the hall.", encoding="utf-8")
    return names


def test_a_first_run_hashes_and_converts_each_file_once_in_one_process(rag, work):
    names = write_some()
    report = done(rag("index", "docs", "--json"))
    assert report["counts"]["indexed"] == FILES
    assert work.hashed == work.converted == dict.fromkeys(names, 1)
    assert work.processes == 1


def test_a_run_without_changes_hashes_once_and_starts_no_process(rag, work):
    names = write_some()
    rag("index", "docs")
    work.hashed.clear(), work.converted.clear()
    assert done(rag("index", "docs", "--json"))["counts"]["unchanged"] == FILES
    assert work.hashed == dict.fromkeys(names, 1)
    assert (work.converted, work.processes) == ({}, 1)  # that of the first run


def test_a_file_too_slow_for_the_sample_is_converted_with_all_its_time(rag, work, monkeypatch):
    names = write_some(3)
    monkeypatch.setattr(conversions_module, "SAMPLE_SECONDS", 1e-6)
    report = done(rag("index", "docs", "--json"))
    assert [Path(each["source"]).name for each in report["indexed"]] == names
    assert work.converted == dict.fromkeys(names, 2)
    assert work.hashed == dict.fromkeys(names, 1)


def test_a_file_that_changes_after_the_sample_is_noticed_by_the_next_run(rag, monkeypatch):
    write_some(1)
    real = Conversions.sample

    def sample(conversions, path):
        found = real(conversions, path)
        path.write_text("The lamp was sold.", encoding="utf-8")
        return found

    monkeypatch.setattr(Conversions, "sample", sample)
    assert done(rag("index", "docs", "--json"))["counts"]["indexed"] == 1
    assert done(rag("index", "docs", "--json"))["counts"]["indexed"] == 1
    best = done(rag("search", "lamp", "--json"))["results"][0]
    assert best["text"] == "The lamp was sold."


def test_what_the_sample_gave_is_handed_out_once():
    path = Path("a.txt").absolute()
    path.write_text("The pump runs on diesel.", encoding="utf-8")
    with Conversions(Config()) as conversions:
        sampled = conversions.sample(path)
        assert conversions.convert(path) is sampled
        again = conversions.convert(path)
        assert again == sampled and again is not sampled


def test_a_sample_without_text_says_nothing_and_the_conversion_says_why():
    Path("a.txt").write_text("", encoding="utf-8")
    with Conversions(Config()) as conversions:
        assert conversions.sample(Path("a.txt")) is None
        with pytest.raises(ConversionError, match="the file is empty"):
            conversions.convert(Path("a.txt"))
