"""The doors of the suite: a share of every kind is in `make test`, and nothing is in no job."""

import re
import subprocess

import kinds
from places import ROOT

from tools import run_tests


def test_the_share_holds_tests_that_exist_of_every_kind():
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("test_*.py")]
    defined = {name for text in texts for name in re.findall(r"^def (test_\w+)", text, re.M)}
    assert set(kinds.SHARE) <= defined
    assert set(kinds.SHARE.values()) == set(kinds.KINDS) - {"core"}


def test_every_kind_is_a_job_and_every_part_of_the_core(tmp_path):
    jobs = [job.name for job in run_tests.make_jobs(tmp_path, check=True)]
    parts = [name for name in jobs if name.startswith("core")]
    assert sorted(parts) == [f"core {n}/{len(parts)}" for n in range(1, len(parts) + 1)]
    assert set(jobs) - set(parts) == {*kinds.KINDS, "check"} - {"core"}


def test_a_job_counts_what_its_report_says_and_fails_without_one(tmp_path):
    report = tmp_path / "a.xml"
    assert run_tests.read_counts(report) == {"failed": 1}
    suite = '<testsuite tests="9" failures="2" errors="1" skipped="4"/>'
    report.write_text(f"<testsuites>{suite}</testsuites>", encoding="utf-8")
    assert run_tests.read_counts(report) == {"passed": 2, "failed": 3, "skipped": 4}
    job = run_tests.Job("core 1/1", ["x"], report, counts={"passed": 2, "failed": 0})
    assert job.is_good
    job.status = 1
    assert not job.is_good


def test_a_browser_s_failed_test_is_run_again_alone_and_one_of_the_core_is_not(
    tmp_path, monkeypatch, capsys
):
    report = tmp_path / "a.xml"
    cases = "".join(
        f'<testcase file="tests/test_a.py" classname="tests.test_a{inside}" name="{name}">{end}'
        f"</testcase>"
        for inside, name, end in (
            ("", "test_b", "<failure/>"), (".TestC", "test_d[1]", "<error/>"), ("", "test_e", ""),
        )
    )  # fmt: skip
    report.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>", encoding="utf-8")
    failed = run_tests.read_failed(report)
    assert failed == ["tests/test_a.py::test_b", "tests/test_a.py::TestC::test_d[1]"]
    counts = {"passed": 1, "failed": 2, "skipped": 0}
    browser, core = (
        run_tests.Job(name, ["x"], report, counts=dict(counts), failed=failed, status=1)
        for name in ("browser", "core 1/3")
    )
    ends = {failed[0]: 0, failed[1]: 1}

    def run(command, **_):
        return subprocess.CompletedProcess(command, ends[command[-1]])

    monkeypatch.setattr(subprocess, "run", run)
    run_tests.run_again([browser, core], tmp_path, {})
    assert browser.counts == {"passed": 2, "failed": 1, "skipped": 0}
    assert not browser.is_good
    assert core.counts == counts
    assert f"again, alone: {failed[0]}  exit 0" in capsys.readouterr().out
