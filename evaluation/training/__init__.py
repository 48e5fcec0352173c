"""Training of readers, rankers and embedders on questions with known answers: `rag train`.

options.py       options of a training run
preparation.py   data, tokenizer and language, checked before any time is spent
loop.py          the training loop of all models: steps, checkpoints, the best weights
installation.py  atomic installation of a trained model
card.py          the model card
data/            data sets -> examples, hard negatives, cloze questions, held-back questions
reader/          labelled windows, loss, regularisation and validation of a reader or ranker
embedder/        question-text pairs, loss, teacher and validation of an embedder
promotion/       comparison of a new model with the one in use, and its installation if better
"""
