"""A question for every generator, and ways to stop it and to ask it at once."""

import threading

from haystack.dataclasses import ChatMessage

QUESTION = [ChatMessage.from_system("Be brief."), ChatMessage.from_user("Count from 1 to 50.")]


def stop_after(pieces, count):
    """An event, and a callback that sets it when `count` pieces have come."""
    stop = threading.Event()

    def callback(piece):
        pieces.append(piece)
        if len(pieces) == count:
            stop.set()

    return stop, callback


def run_together(generator, count):
    replies = []
    threads = [
        threading.Thread(target=lambda: replies.append(generator.run(QUESTION)["text"]))
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies
