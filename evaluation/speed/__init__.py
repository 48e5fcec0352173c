"""Measurements of time, memory and size on this machine: `rag benchmark`."""
