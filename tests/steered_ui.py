"""`rag ui` as it is, but its embedder waits while there is a file `hold` in the data folder.

Batches are small, so that an upload of little text has several.
"""

import time

from indexing import documents
from rag.config import data_folder
from rag.models.embedder import Embedder
from ui.commands.main import main

encode_passages = Embedder.encode_passages


def when_let(embedder, texts):
    while (data_folder() / "hold").exists():
        time.sleep(0.02)
    return encode_passages(embedder, texts)


documents.BATCH = 24
Embedder.encode_passages = when_let
if __name__ == "__main__":
    main()
