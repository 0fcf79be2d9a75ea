"""Adapters that never answer: the command ends in time, says what it did instead, and leaves no process behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from engine.store.tables import EFFECT, INVOICE_LINE
from tests import stories
from tests.faults.nursery import members, outlived
from tests.faults.trials import lapse

PLUGINS = Path(__file__).parent / "plugins"
WHO = ("--as", "ada", "--reason", "a test")


def company(folder: Path, **plugins: str) -> Path:
    """The small company, with other plug-ins behind the names of its adapters, which have a second to answer."""
    stories.write(folder)
    config = folder / "config.yaml"
    text = config.read_text()
    for name, plugin in plugins.items():
        kept = [line for line in text.splitlines() if f"name: {name}," not in line]
        port = name.partition("_")[0]
        place = kept.index("adapters:") + 1
        kept.insert(place, f"  - {{name: {name}, port: {port}, plugin: {PLUGINS / plugin}, timeout: 1}}")
        text = "\n".join(kept) + "\n"
    config.write_text(text)
    return folder


def tollbook(folder: Path, url: str, *words: str) -> dict[str, Any]:
    """The JSON that a command prints, which has to succeed within a minute and to leave nobody of its group behind."""
    command = [str(Path(sys.executable).parent / "tollbook"), "--set", f"database.url={url}", *words, "--json", *WHO]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        said, complained = process.communicate(timeout=60)
        left = outlived(process.pid)
    finally:
        if members(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, complained
    assert "Traceback" not in complained
    assert left == []
    answer: dict[str, Any] = json.loads(said)
    return answer


@pytest.mark.parametrize("workers", ["0", "2"])
def test_tax_that_never_comes(tmp_path: Path, database_url: str, workers: str) -> None:
    """The lines are taxed by rule, which they and one finding for each partition name."""
    folder = company(tmp_path, tax_table="tax_silent")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
    settings = ("--set", "runs.partition_size=2", "--set", f"runs.workers={workers}")
    report = tollbook(folder, database_url, *settings, "run", "bill", "--date", "2026-02-01")
    assert report["state"] == "done"
    fallbacks = [finding for finding in report["findings"] if finding["code"] == "tax.fallback"]
    assert 1 <= len(fallbacks) <= 2
    assert all("tax_table" in finding["what"] and "within 1 seconds" in finding["what"] for finding in fallbacks)
    with stories.opened(folder, database_url) as app, app.books.reader() as reader:
        sources = Counter(row.tax_source for row in reader.rows(sa.select(INVOICE_LINE.c.tax_source)))
        assert set(sources) == {"rules"}
        assert sources["rules"] == report["counts"]["lines"] > 8
    with stories.opened(folder, database_url) as app:
        assert [name for name, found in app.verify().items() if found] == []


def test_a_delivery_that_hangs(tmp_path: Path, database_url: str) -> None:
    """Its documents are tried again later, and each is delivered once in the end."""
    folder = company(tmp_path, delivery_file="delivery_silent")
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        with app.books.reader() as reader:
            keys = sorted(row.key for row in reader.rows(sa.select(EFFECT.c.key)))
    (folder / "silent").touch()
    assert tollbook(folder, database_url, "deliver")["counts"] == {"accepted": 0, "retry": len(keys), "rejected": 0}
    (folder / "silent").unlink()
    accepted = []
    with stories.opened(folder, database_url) as app:
        for passes in (False, True, True):
            if passes:
                lapse(database_url)
            now = msgspec.structs.replace(stories.CHANGE, at=datetime.now(UTC))
            accepted.append(app.deliver(now, limit=100).counts["accepted"])
    assert accepted == [0, len(keys), 0]  # before their time has come, then once
    assert sorted((folder / "told.txt").read_text().splitlines()) == keys
