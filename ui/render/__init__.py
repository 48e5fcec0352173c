"""The only package that builds HTML or Markdown from untrusted text.

`escaping` makes text inert and builds elements; `highlighting` marks spans in passages;
`chat_markdown` turns answers into safe Markdown; `cards` and `steps` show sources; `reader` shows a
whole document, `documents` lists, `questions` and `blocks` evaluation runs. All of it is for plain
`st.html` and `st.markdown`, never with unsafe options.
"""

from ui.render.cards import (
    answer_anchor,
    citation_anchors,
    citation_cards,
    context_passages,
    nearest_cards,
    passage_anchors,
    passage_cards,
    result_card,
)
from ui.render.chat_markdown import blocks_markdown, quoted_markdown, safe_markdown
from ui.render.escaping import Html, element, escape, joined, plain
from ui.render.highlighting import excerpt, highlight
from ui.render.reader import document_text
from ui.render.steps import seconds, steps_table

__all__ = [
    "Html",
    "answer_anchor",
    "blocks_markdown",
    "citation_anchors",
    "citation_cards",
    "context_passages",
    "document_text",
    "element",
    "escape",
    "excerpt",
    "highlight",
    "joined",
    "nearest_cards",
    "passage_anchors",
    "passage_cards",
    "plain",
    "quoted_markdown",
    "result_card",
    "safe_markdown",
    "seconds",
    "steps_table",
]
