"""Training a reader, a ranker and an embedder on questions with known answers: `rag train`.

sets.py       data sets -> what is trained on and what is held back, checked
examples.py   a data set -> pairs of question and text, each with what is known about it
negatives.py  texts that bm25 (or an embedder: neighbours.py) finds and that do not answer
made.py       documents without questions -> questions made by rules
loop.py       steps, checkpoints, the best weights: the same for all
course.py     all of a reader's or ranker's: from paths to a model in a folder
    features.py   pairs -> windows with labels
    reading.py    what a step sees, and the losses
    noise.py      dropout and hidden tokens, against learning by heart
    measure.py    how good a model is on what is held back, and its calibration
embedder_course.py   all of an embedder's
    pairs.py      pairs -> questions with texts, and which of a batch count as wrong
    embedding.py  the model, and the losses
    teacher.py    a ranker's scores, to learn from
    ranked.py     how good an embedder is on what is held back
trial.py      questions that a new model and the one in use are compared on
scores.py     how good a reader, ranker or embedder is on each of them
promotion.py  the comparison, and whether the new one takes the place of the old
promoted.py   models in use: installed, listed, taken away
averaging.py  the mean of several trained models
shipping.py   a model made ready to come with this package
card.py       the card that a model comes with
"""
