"""Training of readers, rankers and embedders on questions with known answers: `rag train`.

options.py       what a training is told
preparation.py   what it begins with, checked before any time is spent
loop.py          steps, checkpoints, the best weights: the same for all models
installation.py  the model written whole or not at all
card.py          the card that comes with a model
data/            data sets -> examples, hard negatives, cloze questions, what is held back
reader/          windows with labels, losses, regularisation, validation of a reader or ranker
embedder/        texts of a question, losses, teacher, validation of an embedder
promotion/       a new model compared with the one in use, and installed if it is better
"""
