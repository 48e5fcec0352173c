"""Generation of question sets from documents."""
