"""Section 2: systems, data and environment behind the numbers."""

import json
from collections.abc import Mapping
from typing import Any

from evaluation.report import numbers
from evaluation.report.layout import Block, Bullets, Facts, Line, Text
from evaluation.report.sections.limits import command_line
from evaluation.report.words import say
from evaluation.results.schema import Results, SystemResult

_SHOWN_APART = {"packages", "command", "git_sha", "python", "platform", "cpu", "seed", "limit"}


def provenance(results: Results) -> tuple[Block, ...]:
    """Return the section's blocks."""
    blocks: list[Block] = [_dataset(results)]
    if results.dataset.synthetic:
        blocks.insert(0, Line(say("threat.synthetic"), "warning"))
    if results.dataset.notes:
        blocks.append(Line(say("run.notes"), "heading"))
        blocks.append(Bullets(results.dataset.notes))
    blocks.append(_run(results))
    blocks += [_system(results, system) for system in results.systems]
    packages = results.environment.get("packages")
    if isinstance(packages, Mapping):
        pairs = tuple((str(name), str(version)) for name, version in sorted(packages.items()))
        blocks.append(Facts(say("run.packages"), pairs, folded=True))
    return tuple(blocks)


def _dataset(results: Results) -> Facts:
    data = results.dataset
    asked: Text = numbers.count(data.questions)
    if data.sampled_from is not None:
        asked = say("run.sampled", n=asked, whole=numbers.count(data.sampled_from))
    return Facts(
        say("run.dataset"),
        (
            (say("run.name"), data.name),
            (say("run.questions"), asked),
            (say("run.answerable"), numbers.share(data.answerable, data.questions)),
            (say("run.judgements"), numbers.count(data.judgements)),
            (say("run.without_relevant"), numbers.share(data.without_relevant, data.questions)),
            (say("run.documents"), numbers.count(data.documents)),
            (say("run.clusters"), numbers.count(data.clusters)),
            (say("run.matching"), say(f"matching.{data.matching}")),
            (say("run.synthetic"), say("run.yes" if data.synthetic else "run.no")),
            (say("run.questions_sha"), data.questions_sha256),
            (say("run.qrels_sha"), data.qrels_sha256),
        ),
    )


def _run(results: Results) -> Facts:
    environment, timings = results.environment, results.timings
    unknown = say("run.unknown")
    known = [(say("run.command"), command_line(results) or unknown)] + [
        (say(f"run.{name}"), str(environment[name]) if environment.get(name) else unknown)
        for name in ("git_sha", "python", "platform", "cpu")
    ]
    more = [
        (name, _written(value)) for name, value in environment.items() if name not in _SHOWN_APART
    ]
    return Facts(
        say("run.run"),
        (
            *known,
            (say("run.seed"), str(results.seed)),
            (say("run.limit"), say("run.none") if results.limit is None else str(results.limit)),
            (say("run.finished"), timings.finished or unknown),
            (
                say("run.memory"),
                numbers.size(timings.peak_memory_mb * 1e6) if timings.peak_memory_mb else unknown,
            ),
            *more,
        ),
    )


def _system(results: Results, system: SystemResult) -> Facts:
    seconds = results.timings.indexing_seconds.get(system.name)
    made = say("run.reused") if seconds == 0 else say("run.unknown")
    overrides: list[tuple[Text, Text]] = [
        (key, _written(value)) for key, value in system.overrides.items()
    ]
    manifest = [
        (say("run.made_with", name=key), _written(value)) for key, value in system.manifest.items()
    ]
    return Facts(
        say("run.system", name=system.name),
        (
            *(overrides or [(say("run.overrides"), say("run.none"))]),
            (say("run.passages"), numbers.count(system.passages)),
            (say("run.index"), _index(results, system.name)),
            (say("run.indexing"), f"{seconds:.1f} s" if seconds else made),
            *manifest,
            (say("run.config"), _written(dict(system.config))),
        ),
        folded=True,
    )


def _index(results: Results, system: str) -> Text:
    size = results.timings.index_bytes.get(system)
    return say("run.unknown") if size is None else numbers.size(size)


def _written(value: Any) -> str:  # noqa: ANN401 - any value of a configuration
    """Return a value as written in a configuration file, short ones without quotes."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
