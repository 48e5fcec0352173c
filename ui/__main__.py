"""Entry point of `python -m ui`, which runs the command `rag`."""

from ui.commands.main import main

main()
