"""Every test, in jobs by kind that run side by side, each with a log of its own.

    python tools/run_tests.py [--jobs N] [--logs FOLDER] [--check]

The last line is the sum over all jobs, `N passed, N failed, N skipped`; exit 1 if any job failed.
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


@dataclass
class Job:
    """A command, and the outcome of its tests.

    Attributes:
        name: The kind of its tests, or `check`.
        command: Program and arguments.
        log: File with its output.
        counts: Outcome -> number of tests: `passed`, `failed`, `skipped`.
        seconds: How long it took.
        status: Exit status of the command.
    """

    name: str
    command: Sequence[str]
    log: Path
    counts: dict[str, int] = field(default_factory=dict)
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
    shutil.rmtree(builds, ignore_errors=True)
    total = {name: sum(job.counts.get(name, 0) for job in done)
             for name in ("passed", "failed", "skipped")}  # fmt: skip
    broken = [job.name for job in done if not job.is_good and not job.counts.get("failed")]
    total["failed"] += len(broken)
    print(line_of(total))
    return 1 if total["failed"] or broken else 0


if __name__ == "__main__":
    sys.exit(main())
