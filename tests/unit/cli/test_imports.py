"""What a verb does not need is not imported: libraries of the web take longer than most verbs."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from engine.cli.main import build
import engine.app
build()
print([name for name in ("fastapi", "starlette", "uvicorn", "httptools") if name in sys.modules])
"""


def test_no_verb_but_serve_imports_the_web() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
