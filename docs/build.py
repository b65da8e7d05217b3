"""Write the generated files of this folder anew: `uv run docs/build.py`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "extensions"))
    from groundplan.reference_docs import documents

    for path, text in documents(ROOT):
        (ROOT / path).write_text(text, "utf-8")
        print(path)
