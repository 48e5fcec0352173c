"""The doors of the suite: a share of every kind is in `make test`, and nothing is in no job."""

import re

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
