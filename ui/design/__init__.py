"""How the page looks: Streamlit's theme and options, one style sheet, one icon."""

from functools import cache
from importlib.resources import files
from pathlib import Path


@cache
def style_sheet() -> str:
    """Return the style sheet as an element; nothing in it comes from elsewhere."""
    text = files(__name__).joinpath("style.css").read_text(encoding="utf-8")
    return f"<style>{text}</style>"


def icon() -> Path:
    """Return the file of the page's icon."""
    return Path(str(files(__name__).joinpath("icon.png")))
