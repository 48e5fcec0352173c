"""`python -m ui` is the command `rag`."""

from ui.commands.main import main

main()
