"""Many writers at once on one wallet, or on one counter: a process of them, which says what became of each act.

``python -m tests.faults.hammer FOLDER URL WHAT PROCESS THREADS COUNT`` prints one JSON line for each act that was answered.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.app import App
from engine.base.errors import TollbookError
from engine.base.money import exact_arithmetic
from engine.runs.wallets.desk import Asked
from tests import stories

DAY = date(2026, 1, 15)
WALLET = "POT"
SHARED = 40
"""Keys that writers of all processes use for the same act."""


def amount_of(key: str) -> Decimal:
    """The amount of an act, which its key alone tells: whoever sends it sends the same."""
    return Decimal(random.Random(key).randint(1, 500)) / 100


def move(app: App, key: str) -> dict[str, Any]:
    """Draw, or one time in five grant; what became of it."""
    amount = amount_of(key)
    try:
        if key.startswith("grant"):
            made = app.wallets.grant(WALLET, Asked(key, amount, on=DAY), stories.CHANGE)
        else:
            made = app.wallets.draw(WALLET, key, amount, stories.CHANGE, on=DAY)
        return {"key": key, "known": made.known, "balance": str(made.balance)}  # type: ignore[union-attr]
    except TollbookError as error:
        return {"key": key, "refused": str(error.findings[0].code)}


def count(app: App, key: str) -> dict[str, Any]:
    """Send three events through the door, one of which other writers send too."""
    door = app.usage_door()
    shared = f"shared-{random.Random(key).randrange(SHARED)}"
    now = datetime(2026, 1, 20, tzinfo=UTC)
    rows = door.read(json.dumps([_event(one) for one in (f"{key}-a", f"{key}-b", shared)]).encode(), "json", {})
    judged = door.judge(rows, "app", now, 0)
    assert not judged.problems, judged.problems
    (told,) = door.write("app", [judged.good], now)
    return {"key": key, "taken": told.taken, "known": told.known, "shared": shared}


def _event(key: str) -> dict[str, Any]:
    fields = {"entity": "E1", "subscription": "S5", "meter": "calls", "time": "2026-01-10T10:00:00Z"}
    return {"key": key, "quantity": str(amount_of(key)), **fields}


WORK: dict[str, Callable[[App, str], dict[str, Any]]] = {"wallet": move, "counter": count}


def keys_of(what: str, process: int, thread: int, times: int) -> list[str]:
    """What one writer does, with repeats of its own and of others."""
    own = random.Random(f"{process}/{thread}")
    keys: list[str] = []
    for n in range(times):
        kind = "grant" if what == "wallet" and own.random() < 0.2 else "draw"
        shared = own.random() < 0.25
        key = f"{kind}-s{own.randrange(SHARED)}" if shared else f"{kind}-{process}-{thread}-{n}"
        keys += [key] * (2 if own.random() < 0.2 else 1)
    return keys


def main(folder: str, url: str, what: str, process: str, threads: str, times: str) -> None:
    """Run the writers of one process, all at once."""
    exact_arithmetic()
    start, lines, lock = threading.Barrier(int(threads)), list[str](), threading.Lock()
    with stories.opened(Path(folder), url) as app:
        app.books.migrate()
        app.wallets.listed(DAY)

        def writer(thread: int) -> None:
            start.wait()
            for key in keys_of(what, int(process), thread, int(times)):
                said = json.dumps(WORK[what](app, key))
                with lock:
                    lines.append(said)

        running = [threading.Thread(target=writer, args=(n,)) for n in range(int(threads))]
        for one in running:
            one.start()
        for one in running:
            one.join()
    print("\n".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
