"""The verbs of the worklist and of late usage, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main as tollbook
from tests import stories
from tests.golden.test_usage_control import TOTALS

WHO = ("--as", "ada", "--reason", "test")


def run(folder: Path, *words: str) -> int:
    url = f"sqlite:///{folder / 'books.db'}"
    return tollbook.run(["--config", str(folder / "config.yaml"), "--set", f"database.url={url}", *words])


@pytest.mark.capability("A2.5")
def test_an_item_is_listed_assigned_and_settled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    totals = (TOTALS, "E1,import,calls,2026-01-01,2026-02-01,15,151")
    folder = stories.write(tmp_path, usage_totals=totals)

    def told(*words: str) -> Any:
        capsys.readouterr()
        assert run(folder, *words, "--json") == 0
        return json.loads(capsys.readouterr().out)

    assert run(folder, "init", *WHO) == 0
    assert run(folder, "import", str(folder / "data"), *WHO) == 0
    assert run(folder, "run", "bill", "--date", "2026-02-01", *WHO) == 0
    (item,) = told("worklist", "list")
    assert (item["kind"], item["state"], item["owner"]) == ("usage-total", "open", "")
    number = str(item["id"])
    assert told("worklist", "assign", number, "--to", "bob", *WHO)["state"] == "assigned"
    assert [one["id"] for one in told("worklist", "list", "--owner", "bob")] == [item["id"]]
    assert told("worklist", "list", "--owner", "eve") == told("worklist", "list", "--state", "resolved") == []
    done = told("worklist", "resolve", number, "--as-is", *WHO)
    assert (done["resolution"], done["resolved_by"], done["reason"]) == ("accepted", "ada", "test")
    shown = told("worklist", "show", number)
    assert [one["action"] for one in shown["history"]][:2] == ["resolve work item", "assign work item"]
    capsys.readouterr()
    assert run(folder, "worklist", "show", number) == 0 and "usage_control/default" in capsys.readouterr().out
    assert run(folder, "worklist", "show", "99") == 1 and "worklist.no-such-item" in capsys.readouterr().err
    assert run(folder, "worklist", "assign", "99", "--to", "bob", *WHO) == 1
    assert "worklist.unknown-item" in capsys.readouterr().err

    assert run(folder, "run", "bill", "--date", "2026-02-02", *WHO) == 0
    late = ("entity,subscription,meter,key,at,quantity", "E1,S5,calls,late,2026-01-20T10:00:00+01:00,10")
    assert run(folder, "import", str(stories.deliver(folder, "late", usage=late)), *WHO) == 0
    assert run(folder, "run", "bill", "--date", "2026-02-10", *WHO) == 0
    (row,) = told("usage", "late", "--account", "A1")
    assert (row["key"], row["disposition"], row["days_late"], row["amount"]) == ("late", "next_bill", 9, "0.5000")
    assert len(row["lines"]) == 1
    assert told("usage", "late", "--account", "A2") == []
    capsys.readouterr()
    assert run(folder, "usage", "late") == 0 and row["lines"][0] in capsys.readouterr().out
