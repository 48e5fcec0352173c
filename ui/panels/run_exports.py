"""Downloads: a run's report and tables, and rated answers as a question set."""

from collections.abc import Callable
from dataclasses import asdict

import streamlit as st

from evaluation.results.schema import to_json
from evaluation.run.run_files import file_name, json_text, per_query_text
from ui.panels.runs import RunSelection
from ui.render import element
from ui.services import Services
from ui.words import Say

FEEDBACK = "citewell-feedback.json"


def draw_exports(selection: RunSelection) -> None:
    """Draw the downloads of a run; each file is made on demand."""
    say, runs, run_id = selection.say, selection.services.runs, selection.info.run_id
    name = file_name(selection.info.name)
    link = element(
        "a",
        say("export.report"),
        href=f"runs/{run_id}/report.html#{selection.language}",
        target="_blank",
        rel="noopener",
    )
    st.html(element("p", link, class_="cw-foot"))
    with st.container(key="exports", horizontal=True):
        _offer(say, "html", f"{name}.html", lambda: runs.report(run_id))
        _offer(say, "markdown", f"{name}.md", lambda: runs.markdown(run_id))
        _offer(say, "csv", f"{name}.csv", lambda: per_query_text(selection.results))
        _offer(say, "json", f"{name}.json", lambda: to_json(selection.results))
        if selection.versus is not None:
            _offer(say, "comparison", f"{name}-comparison.json", lambda: _comparison(selection))


def draw_feedback(services: Services, owner: str, say: Say) -> None:
    """Draw the download of the visitor's rated answers as a question set, with its command."""
    st.html(element("h2", say("feedback.title"), class_="cw-section"))
    count = sum(each.rating == 1 for _, each in services.conversations.rated(owner))
    if not count:
        st.text(say("feedback.none"))
        return
    st.text(say("feedback.one") if count == 1 else say("feedback.some", count=count))
    _offer(say, "feedback", FEEDBACK, lambda: json_text(services.export_questions(owner)))
    st.text(say("feedback.use"))
    st.code(f"rag evaluate {FEEDBACK}", language=None)


def _offer(say: Say, kind: str, file: str, make: Callable[[], str]) -> None:
    """Draw a download button whose file is made on demand, of a type that browsers never run."""
    st.download_button(
        say(f"export.{kind}"),
        lambda: make().encode("utf-8", "backslashreplace"),
        file_name=file,
        mime="application/octet-stream",
        key=f"export_{kind}",
        icon=":material/download:",
        on_click="ignore",
    )


def _comparison(selection: RunSelection) -> str:
    if selection.versus is None:
        return json_text({})
    found = selection.services.runs.comparison(selection.info.run_id, selection.versus.run_id)
    names = {"a": selection.info.name, "b": selection.versus.name}
    return json_text({**names, "comparisons": [asdict(each) for each in found]})
