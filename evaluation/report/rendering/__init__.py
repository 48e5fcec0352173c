"""Sections as HTML, Markdown and charts."""
