"""Cost of indexing beside the embedder itself, and the memory that a question takes.

    PYTHONPATH=. python benchmarks/index_rate.py ../shared/data/docs_python311_html

Both times are taken in one run: all of `rag index` on an empty collection, model loaded, and the
bare embedder on the very same texts. The target is a ratio of at most 1.1.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

from indexing.chunking import embedded_text
from indexing.pipeline import index_paths
from rag.config import Config
from rag.engine import RAG
from rag.models.embedder import Embedder
from rag.stores.embedded.store import EmbeddedStore

QUESTIONS = ["How do I create a virtual environment?", "What is a descriptor?", "How do I log?"] * 5


def main():
    config = Config()
    embedder = Embedder(config.embedder)
    embedder.encode_passages(["warm up"] * 64)
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(Path(folder) / "c")
        start = time.perf_counter()
        report = index_paths([Path(sys.argv[1])], store, embedder, config, leave_out=Path(folder))
        whole = time.perf_counter() - start
        passages = store.filter_documents()
        tokenizer = embedder.files.tokenizer
        texts = [embedded_text(passage, tokenizer, context=True) for passage in passages]
        start = time.perf_counter()
        embedder.encode_passages(texts)
        bare = time.perf_counter() - start
        print(f"files {len(report.indexed)}, passages {len(texts)}")
        print(f"indexing {whole:.1f} s ({len(texts) / whole:.0f} passages/s)")
        print(f"bare embedder {bare:.1f} s ({len(texts) / bare:.0f} passages/s)")
        print(f"ratio {whole / bare:.3f}")
        rag = RAG(config, store, embedder=embedder)
        rag.ask(QUESTIONS[0])
        searches, answers = [], []
        for question in QUESTIONS:
            start = time.perf_counter()
            result = rag.search(question)
            searches.append(time.perf_counter() - start)
            start = time.perf_counter()
            rag.ask(question)
            answers.append(time.perf_counter() - start)
        embed = next(stage.ms for stage in result.trace.stages if stage.name == "embed")
        for name, times in (("search", searches), ("ask", answers)):
            print(f"{name} p50 {sorted(times)[len(times) // 2] * 1000:.1f} ms")
        print(f"of a search, the embedder {embed:.1f} ms")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory {peak:.0f} MB")
        store.close()


if __name__ == "__main__":
    main()
