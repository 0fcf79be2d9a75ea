"""The tutorials do what they say: files as they stand on the page, commands one after the other, and what each page shows of their answers."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from engine.cli.main import run
from tests import stories
from tests.house.sources import ROOT

BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)"| (fails))?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
AGE, MOMENT = re.compile(r"│ +\d{3,4} │"), re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d\b(?!:)")


def steady(text: str) -> str:
    """A text without what is another day by day, ages in days and moments in UTC, and without the widths of columns."""
    return re.sub(r" +", " ", MOMENT.sub("WHEN", AGE.sub("│ AGE │", text)))


def walked(page: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> int:
    """Do what a page says in a folder, the current one; how many answers it shows, each of which has come."""
    shown, answers = "", 0
    for language, title, fails, text in BLOCK.findall((ROOT / "docs/tutorial" / page).read_text(encoding="utf-8")):
        if title:
            (folder / title).parent.mkdir(parents=True, exist_ok=True)
            (folder / title).write_text(text, encoding="utf-8")
        elif language == "sh":
            shown = ""
            for words in map(shlex.split, text.splitlines()):
                if words[0] == "mkdir" and len(words) == 2:
                    (folder / words[1]).mkdir()
                elif words[0] == "tollbook":
                    code = run(words[1:])
                    said = capfd.readouterr()
                    shown += said.out + said.err
                    assert code == (1 if fails else 0), f"{shlex.join(words)}\n{shown}"
        else:
            answers += 1
            found = steady(shown)
            assert [line for line in text.splitlines() if steady(line).strip() not in found] == [], shown
    return answers


def beside_rules(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder beside the shipped rules, which have no cases here, and go there."""
    stories.lean_rules(tmp_path / "rules")
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.capability("B6.7")
@pytest.mark.capability("A8.2")
def test_a_first_bill_and_a_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The second page goes on with the books of the first."""
    folder = beside_rules(tmp_path, "first-bill", monkeypatch)
    assert walked("first-bill.md", folder, capfd) == 3
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in (folder / "invoices/NL01").rglob("*.json")]
    assert [(d["number"], d["net"], d["tax"]) for d in documents] == [("NL01-2026-000001", "71.45", "0.00")]
    assert [line["amount"] for line in documents[0]["lines"]] == ["16.45", "30.00", "25.00"]
    assert walked("release.md", folder, capfd) == 9
    assert "+4.65" in (folder / "difference.html").read_text(encoding="utf-8")


@pytest.mark.capability("A8.2")
def test_a_consultants_morning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """From the wrong file to the last test; what the customer's spreadsheet changed is new, and all else as it was."""
    monkeypatch.chdir(tmp_path)
    assert walked("consultant.md", tmp_path, capfd) == 9
    rules = (tmp_path / "rules/pricing/calls.yaml").read_text()
    assert [line for line in rules.splitlines() if "#" in line] == [
        "# Calls, as agreed with the customer in May.",
        "  # Much is cheap.",
        "  # All others.",
    ]
    order = ["id: bulk", "id: middle", "# All others.", "id: standard"]
    assert sorted(order, key=rules.index) == order


@pytest.mark.capability("B6.7")
@pytest.mark.capability("A8.4")
def test_the_end_of_a_month_in_finance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """From the first bill to the month that is opened again."""
    assert walked("finance.md", beside_rules(tmp_path, "finance", monkeypatch), capfd) == 18
