"""Renderers of the report: HTML, Markdown and SVG charts."""
