"""Panels, the parts of pages; each draws itself and returns the user's choice."""
