"""Question sets made from documents."""
