"""The consultant's tutorial does what it says, from the wrong file to the last test."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from engine.cli.main import run
from tests.house.sources import ROOT

BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)"| (fails))?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@pytest.mark.capability("A8.2")
def test_the_page_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = ""
    asked = 0
    for language, title, fails, text in BLOCK.findall((ROOT / "docs/tutorial/consultant.md").read_text()):
        if title:
            (tmp_path / title).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / title).write_text(text)
        elif language == "sh":
            shown = ""
            for words in map(shlex.split, text.splitlines()):
                code = run(words[1:])
                said = capfd.readouterr()
                shown += said.out + said.err
                assert code == (1 if fails else 0), shown
        else:
            asked += 1
            missing = [line for line in text.splitlines() if line.strip() not in shown]
            assert missing == [], shown
    assert asked == 9
    rules = (tmp_path / "rules/pricing/calls.yaml").read_text()
    assert [line for line in rules.splitlines() if "#" in line] == [
        "# Calls, as agreed with the customer in May.",
        "  # Much is cheap.",
        "  # All others.",
    ]
    assert (
        rules.index("id: bulk") < rules.index("id: middle") < rules.index("# All others.") < rules.index("id: standard")
    )
