"""The finance tutorial does what it says, from the first bill to the month that is opened again."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from engine.cli.main import run
from tests.house.sources import ROOT

BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)"| (fails))?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
AGE, MOMENT = re.compile(r"│ +\d{3,4} │"), re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d\b(?!:)")


def lines(text: str) -> list[str]:
    """Lines without what is another day by day: ages in days, and moments in UTC."""
    return [MOMENT.sub("WHEN", AGE.sub("│ AGE │", line.strip())) for line in text.splitlines()]


@pytest.mark.capability("B6.7")
@pytest.mark.capability("A8.4")
def test_the_page_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    folder = tmp_path / "finance"
    folder.mkdir()
    monkeypatch.chdir(folder)
    shown = ""
    asked = 0
    for language, title, fails, text in BLOCK.findall((ROOT / "docs/tutorial/finance.md").read_text(encoding="utf-8")):
        if title:
            (folder / title).parent.mkdir(parents=True, exist_ok=True)
            (folder / title).write_text(text, encoding="utf-8")
        elif language == "sh":
            shown = ""
            for words in map(shlex.split, text.splitlines()):
                code = run(words[1:])
                said = capfd.readouterr()
                shown += said.out + said.err
                assert code == (1 if fails else 0), shown
        else:
            asked += 1
            found = lines(shown)
            assert [line for line in lines(text) if line not in found] == [], shown
    assert asked == 18
