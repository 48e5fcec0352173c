"""Training a reader, a ranker and an embedder on questions with known answers: `rag train`.

sets.py       data sets -> what is trained on and what is held back, checked
examples.py   a data set -> pairs of question and text, each with what is known about it
negatives.py  texts that bm25 (or an embedder: neighbours.py) finds and that do not answer
made.py       documents without questions -> questions made by rules
loop.py       steps, checkpoints, the best weights: the same for all
course.py     all of a reader's or ranker's: from paths to an installed model
    features.py   pairs -> windows with labels
    reading.py    what a step sees, and the losses
    measure.py    how good a model is on what is held back, and its calibration
embedder_course.py   all of an embedder's
    pairs.py      pairs -> questions with texts, and which of a batch count as wrong
    embedding.py  the model, and the losses
    teacher.py    a ranker's scores, to learn from
    ranked.py     how good an embedder is on what is held back
card.py       the card that a model comes with
"""
