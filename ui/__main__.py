"""`python -m ui` is the command `rag`."""

from ui.cli import main

main()
