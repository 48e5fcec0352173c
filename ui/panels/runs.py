"""Choice of runs on the page Evaluation: the run, and the run to compare."""

from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from evaluation.report import numbers
from evaluation.results.schema import Results
from rag.errors import RagError
from ui.panels.frame import notice, problem
from ui.panels.lists import moment
from ui.render import element
from ui.render.documents import facts, failed_file
from ui.services import Services
from ui.services.runs import RunInfo
from ui.words import Language, Say

RUN, VERSUS = "run", "vs"  # in the address


@dataclass(frozen=True)
class RunSelection:
    """The visitor's language and chosen run; `versus` is the other run of a comparison, or None."""

    services: Services
    say: Say
    language: Language
    info: RunInfo
    results: Results
    versus: RunInfo | None


def choose_run(services: Services, say: Say, language: Language) -> RunSelection | None:
    """Draw the choice of runs and return it; None if no run can be shown."""
    found = services.runs.list()
    runs = {info.run_id: info for info in found if info.problem is None}
    _draw_unreadable(say, [info for info in found if info.problem is not None])
    if not runs:
        return None
    wanted = st.query_params.get(RUN)
    if wanted and wanted not in runs:
        notice(say("evaluation.gone"), kind="error")
    current = wanted if wanted in runs else next(iter(runs))
    versus = st.query_params.get(VERSUS)
    with st.container(key="runs", horizontal=True, vertical_alignment="bottom"):
        _select(say("evaluation.run"), list(runs), current, runs, name=RUN)
        others = ["", *(run_id for run_id in runs if run_id != current)]
        chosen = versus if versus in others else ""
        _select(
            say("evaluation.versus"),
            others,
            chosen,
            runs,
            name=VERSUS,
            nothing=say("evaluation.nothing"),
        )
    try:
        results = services.runs.results(current)
    except RagError as error:
        problem(say("evaluation.damaged"), error)
        return None
    if not results.systems:
        notice(say("evaluation.damaged"), say("evaluation.no_system"), kind="error")
        return None
    return RunSelection(services, say, language, runs[current], results, runs.get(chosen or ""))


def draw_run_facts(selection: RunSelection) -> None:
    """Draw the facts of a run: data set, systems, end and seed."""
    results, say = selection.results, selection.say
    data = results.dataset
    st.html(
        facts(
            [
                (say("evaluation.dataset"), data.name),
                (say("evaluation.questions"), numbers.count(data.questions)),
                (say("evaluation.documents"), numbers.count(data.documents)),
                (say("evaluation.systems"), ", ".join(each.name for each in results.systems)),
                (say("evaluation.finished"), _finished(results.timings.finished)),
                (say("evaluation.seed"), results.seed),
            ]
        )
    )


def _select(
    label: str,
    options: list[str],
    current: str,
    runs: dict[str, RunInfo],
    *,
    name: str,
    nothing: str = "",
) -> None:
    key = f"{name}_{current}_{len(options)}"

    def choose() -> None:
        chosen = st.session_state[key]
        if chosen:
            st.query_params[name] = chosen
        else:
            st.query_params.pop(name, None)

    st.selectbox(
        label,
        options,
        index=options.index(current),
        format_func=lambda run_id: _title(runs[run_id]) if run_id else nothing,
        key=key,
        on_change=choose,
    )


def _finished(written: str) -> str:
    try:
        return moment(datetime.fromisoformat(written).timestamp())
    except ValueError:
        return written or "–"


def _title(info: RunInfo) -> str:
    return f"{info.name} · {info.dataset} · {moment(info.changed)}"


def _draw_unreadable(say: Say, broken: list[RunInfo]) -> None:
    if not broken:
        return
    title = say("evaluation.unreadable", count=len(broken))
    with st.expander(title, icon=":material/warning:", key="unreadable"):
        st.html(element("div", *(failed_file(each.name, each.problem or "") for each in broken)))
