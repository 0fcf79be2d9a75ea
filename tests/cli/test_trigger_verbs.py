"""``tollbook trigger`` and ``tollbook unbilled``: what people see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main as tollbook
from tests.golden.test_triggers import company

WHO = ("--as", "ada", "--reason", "test")


def run(folder: Path, *words: str) -> int:
    url = f"sqlite:///{folder / 'books.db'}"
    return tollbook.run(["--config", str(folder / "config.yaml"), "--set", f"database.url={url}", *words])


def told(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> Any:
    """What a verb that ends well says as JSON."""
    capsys.readouterr()
    assert run(folder, *words, "--json") == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


@pytest.mark.capability("A3.6")
def test_a_milestone_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = company(tmp_path)
    assert run(folder, "init", *WHO) == 0
    assert run(folder, "import", str(folder / "data"), *WHO) == 0
    before = told(capsys, folder, "unbilled", "--account", "A1", "--on", "2026-02-10")
    assert [one["milestone"] for one in before["waiting"]][:3] == ["design", "test", "hand-over"]
    assert before["waits"] == {"EUR": "1081.00"}
    assert before["owed"] == {"EUR": "124.00"}
    accept = ("trigger", "accept", "S1", "design", "--entity", "E1", "--key", "m1", "--on", "2026-02-10", *WHO)
    assert told(capsys, folder, *accept)["taken"] == 1
    assert told(capsys, folder, *accept)["known"] == 1
    assert told(capsys, folder, "unbilled", "--account", "A1", "--on", "2026-02-10")["owed"] == {"EUR": "424.00"}
    (wanted,) = told(capsys, folder, "trigger", "scan", *WHO)["enqueued"]
    assert (wanted["payer"], wanted["kind"]) == ("A1", "trigger")
    (done,) = told(capsys, folder, "work", "--once", "--as", "ada", "--reason", "test")
    assert (done["state"], done["summary"]["accepted"]) == ("done", 1)
    revoke = ("trigger", "revoke", "S1", "m1", "--entity", "E1", "--key", "m1-back", *WHO)
    assert told(capsys, folder, *revoke)["taken"] == 1
    live = ("trigger", "go-live", "S1", "--entity", "E1", "--key", "l1", "--charge", "run", *WHO)
    assert told(capsys, folder, *live)["taken"] == 1
    urgent = told(capsys, folder, "schedule", "list")["urgent"]
    assert [(one["schedule"], one["state"]) for one in urgent] == [("trigger/E1/A1", "done")]


def test_what_people_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = company(tmp_path)
    assert run(folder, "init", *WHO) == 0
    assert run(folder, "import", str(folder / "data"), *WHO) == 0
    assert run(folder, "unbilled", "--on", "2026-02-10") == 0
    shown = capsys.readouterr().out
    for words in ("a milestone: Design", "its go-live", "milestones that nobody has planned", "2,162.00"):
        assert words in shown
    assert run(folder, "trigger", "scan", *WHO) == 0
    assert "0 triggers and 0 accounts with usage looked at" in capsys.readouterr().out
    assert run(folder, "schedule", "list") == 0
    wrong = ("trigger", "accept", "S1", "dezign", "--entity", "E1", "--key", "m1", *WHO)
    assert run(folder, *wrong) == 1
    refused = capsys.readouterr().err
    assert "[trigger.nothing-waits]" in refused and refused.startswith(
        "acceptance/"
    )  # what it is about, and no row of a file
