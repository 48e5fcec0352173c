"""Design of the page: Streamlit's theme and options, style sheets, icon."""

from functools import cache
from importlib.resources import files
from pathlib import Path


@cache
def style_sheet() -> str:
    """Return all style sheets as one element, in the order of their names."""
    sheets = sorted((each for each in files(__name__).iterdir() if each.name.endswith(".css")),
                    key=lambda each: each.name)  # fmt: skip
    return f"<style>{''.join(each.read_text(encoding='utf-8') for each in sheets)}</style>"


def icon() -> Path:
    """Return the file of the page's icon."""
    return Path(str(files(__name__).joinpath("icon.png")))
