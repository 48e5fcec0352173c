"""Where things are."""

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("RAG_TEST_SHARED") or ROOT.parent / "shared")
SAMPLE = ROOT / "evaluation" / "sample"
