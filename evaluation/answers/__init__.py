"""`rag evaluate answers`: answers as a reader judges them, over a set of questions by type.

answer_set.py      the questions, what their answers must hold, and the documents
corpora.py         a set's documents as throw-away collections
answer_runner.py   every question asked of every system; resumable
given_answers.py   an answer as it was given
needed_words.py    whether a text holds what is needed
readability.py     whether an answer can be read, with reasons; cut_quotes.py, leftovers.py
verdict.py         one question's verdict
tables.py          means by type and language, comparisons
reading_page.py    the answers with their verdicts, to be read by eye
run.py, cli.py     the run and its command
"""
