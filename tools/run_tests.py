"""Every test, in jobs by kind that run side by side, each with a log of its own.

    python tools/run_tests.py [--jobs N] [--logs FOLDER] [--check]

The last line is the sum over all jobs, `N passed, N failed, N skipped`; exit 1 if any job failed.
A test of a browser or a server that failed beside other jobs is run once more with the machine to
itself, as those have time-outs; one that passes then is named, and counts as passed.
`--check` runs lint and types as a job too. Kinds are described in `tests/kinds.py`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
# The jobs that take longest first, so that none is left alone at the end.
KINDS = ("cluster", "browser", "core 1/3", "core 2/3", "core 3/3", "training", "process", "crash")
SHOWN_LINES = 60  # of the log of a job that failed
AGAIN = frozenset({"browser", "cluster", "process"})  # kinds with time-outs that others' work eats
MOST_AGAIN = 5  # failed tests; more of them are no accident


@dataclass
class Job:
    """A command, and the outcome of its tests.

    Attributes:
        name: The kind of its tests, or `check`.
        command: Program and arguments.
        log: File with its output.
        counts: Outcome -> number of tests: `passed`, `failed`, `skipped`.
        failed: Ids of the tests that failed.
        seconds: How long it took.
        status: Exit status of the command.
    """

    name: str
    command: Sequence[str]
    log: Path
    counts: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    seconds: float = 0.0
    status: int = 0

    @property
    def is_good(self) -> bool:
        """Whether all went well."""
        return self.status == 0 and not self.counts.get("failed")


def make_jobs(logs: Path, *, check: bool) -> list[Job]:
    """Return the jobs in the order in which they begin.

    Args:
        logs: Folder for logs.
        check: Whether lint and types are a job too.
    """
    jobs = []
    for name in KINDS:
        kind, _, part = name.partition(" ")
        stem = re.sub(r"\W", "-", name)
        command = [sys.executable, "-m", "pytest", "-q", "-m", kind, "-p", "no:cacheprovider"]
        command += [f"--junitxml={logs / stem}.xml", "--override-ini=junit_family=xunit1"]
        command += ["--durations=15"]
        command += [f"--part={part}"] if part else []
        jobs.append(Job(name, command, logs / f"{stem}.log"))
    if check:
        jobs.append(Job("check", ["make", "check"], logs / "check.log"))
    return jobs


def run_job(job: Job, environment: dict[str, str], say: threading.Lock) -> Job:
    """Run a job and fill in its outcome."""
    start = time.monotonic()
    with job.log.open("wb") as log:
        done = subprocess.run(
            job.command, check=False, cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    job.seconds, job.status = time.monotonic() - start, done.returncode
    if job.name != "check":
        job.counts = read_counts(job.log.with_suffix(".xml"))
        job.failed = read_failed(job.log.with_suffix(".xml"))
    with say:
        print(f"{job.name:10} {job.seconds:6.0f} s  {line_of(job.counts)}  exit {job.status}")
        if not job.is_good:
            print("\n".join(job.log.read_text(errors="replace").splitlines()[-SHOWN_LINES:]))
        sys.stdout.flush()
    return job


def read_counts(path: Path) -> dict[str, int]:
    """Return the outcomes in pytest's report; one failure if there is no report."""
    if not path.is_file():
        return {"failed": 1}
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):  # noqa: S314 - our own file
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        counts["failed"] += failed
        counts["skipped"] += skipped
        counts["passed"] += int(suite.get("tests", 0)) - failed - skipped
    return counts


def read_failed(path: Path) -> list[str]:
    """Return the ids of the tests that failed by pytest's report, each once."""
    if not path.is_file():
        return []
    cases = ElementTree.parse(path).getroot().iter("testcase")  # noqa: S314 - our own file
    return list(
        dict.fromkeys(
            "::".join([case.get("file", ""), *_classes(case), case.get("name", "")])
            for case in cases
            if case.find("failure") is not None or case.find("error") is not None
        )
    )


def _classes(case: ElementTree.Element) -> list[str]:
    """Return the test classes around a test: what its class name has beyond its file's."""
    module = case.get("file", "").removesuffix(".py").replace("/", ".")
    return [each for each in case.get("classname", "").removeprefix(module).split(".") if each]


def run_again(jobs: Sequence[Job], logs: Path, environment: dict[str, str]) -> None:
    """Run the failed tests of the kinds in `AGAIN` once more, with nothing beside them.

    A job's counts change for each test that passes now. Nothing is run if too many failed.
    """
    failed = [(job, test) for job in jobs if job.name in AGAIN for test in job.failed]
    if not failed or len(failed) > MOST_AGAIN:
        return
    for number, (job, test) in enumerate(failed):
        log = logs / f"again-{number}.log"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
        with log.open("wb") as output:
            done = subprocess.run(
                command, check=False, cwd=ROOT, env=environment, stdout=output, stderr=output
            )
        print(f"again, alone: {test}  exit {done.returncode}", flush=True)
        if done.returncode == 0:
            job.counts["failed"] -= 1
            job.counts["passed"] += 1
            job.status = 0 if not job.counts["failed"] else job.status


def line_of(counts: dict[str, int]) -> str:
    """Return outcomes as a line."""
    return ", ".join(f"{counts.get(each, 0)} {each}" for each in ("passed", "failed", "skipped"))


def main() -> int:
    """Run all jobs, print their outcomes, and return the exit status."""
    parser = argparse.ArgumentParser(description="Run every test, in jobs by kind.")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--logs", type=Path)
    parser.add_argument("--check", action="store_true", help="lint and types as a job too")
    options = parser.parse_args()
    logs = options.logs or Path(tempfile.mkdtemp(prefix="citewell-tests-"))
    logs.mkdir(parents=True, exist_ok=True)
    builds = tempfile.mkdtemp(prefix="citewell-builds-")
    environment = {**os.environ, "RAG_TEST_BUILDS": builds, "OMP_NUM_THREADS": "1"}
    print(f"Logs: {logs}", flush=True)
    say = threading.Lock()
    with ThreadPoolExecutor(max(1, options.jobs)) as pool:
        jobs = make_jobs(logs, check=options.check)
        done = list(pool.map(lambda job: run_job(job, environment, say), jobs))
    for job in done:
        for test in job.failed:
            print(f"failed: {test}", flush=True)
    run_again(done, logs, environment)
    shutil.rmtree(builds, ignore_errors=True)
    total = {name: sum(job.counts.get(name, 0) for job in done)
             for name in ("passed", "failed", "skipped")}  # fmt: skip
    broken = [job.name for job in done if not job.is_good and not job.counts.get("failed")]
    total["failed"] += len(broken)
    print(line_of(total))
    return 1 if total["failed"] or broken else 0


if __name__ == "__main__":
    sys.exit(main())
