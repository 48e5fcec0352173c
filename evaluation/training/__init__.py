"""Training a reader and a ranker on questions with known answers: `rag train`.

examples.py   a data set -> pairs of question and text, each with what is known about it
negatives.py  texts that bm25 finds and that do not answer
features.py   pairs -> windows with labels
loop.py       steps, losses, checkpoints
measure.py    how good a model is on what is held back, and its calibration
sets.py       data sets -> what is trained on and what is held back, checked
course.py     all of it: from paths to a model in a folder
trial.py      questions that a new model and the one in use are compared on
scores.py     how good a reader, ranker or embedder is on each of them
promotion.py  the comparison, and whether the new one takes the place of the old
promoted.py   models in use: installed, listed, taken away
card.py       the card that a model comes with
"""
