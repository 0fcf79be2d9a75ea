"""Where a folder of rules came from: the commit of its working copy, asked of the git that is installed here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from engine.model.release import Origin

SECONDS: Final = 20
"""How long git may take to look at a folder."""
_COMMAND: Final = ("git", "-c", "core.fsmonitor=false", "--no-optional-locks")
"""Looking takes no lock, starts no other program and asks no server."""


def origin_of(folder: Path) -> Origin:
    """The commit that a folder is at, and whether a file in it is not as committed."""
    commit = _asked(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return Origin(folder.name)
    changed = _asked(folder, "status", "--porcelain", "--untracked-files=all", "--ignored=matching", "--", ".")
    return Origin(folder.name, commit, None if changed is None else bool(changed))


def _asked(folder: Path, *words: str) -> str | None:
    """What git answers; None where it is not installed, or the folder is in no working copy."""
    surroundings = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    try:
        done = subprocess.run(
            (*_COMMAND, "-C", str(folder), *words),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
            env=surroundings,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
