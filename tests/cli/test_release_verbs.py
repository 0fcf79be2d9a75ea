"""``tollbook release`` and ``tollbook changes`` at the command line: what they say, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli import main as tollbook
from tests import stories

Capture = pytest.CaptureFixture[str]
RULES = ("allocation", "approval", "posting", "pricing", "proration", "revrec", "stewardship")
"""Families that are enough here: the fewer rules, the faster."""


@pytest.fixture
def company(tmp_path: Path, sqlite_url: str) -> Path:
    folder = stories.write(tmp_path)
    for family in RULES:
        for path in (stories.ROOT / "rules" / family).glob("*.yaml"):
            target = folder / "rules" / family / path.name
            target.parent.mkdir(exist_ok=True)
            target.write_text(path.read_text().partition("\ncases:")[0] + "\n")
    text = (folder / "config.yaml").read_text().replace(f"{stories.ROOT / 'rules'}, ", "")
    people = "people: {ada: [operator], bob: [], cleo: [controller]}\ndatabase: {url: '" + sqlite_url + "'}\n"
    (folder / "config.yaml").write_text(text.replace("people: {ada: [operator], bob: []}\n", people))
    return folder


def said(folder: Path, capsys: Capture, *words: str, code: int = 0, change: str = "") -> str:
    reason = ["--as", change, "--reason", "test"] if change else []
    assert tollbook.run(["--config", str(folder / "config.yaml"), *words, *reason]) == code
    heard = capsys.readouterr()
    return heard.err if code else heard.out


def test_release_verbs(company: Path, capsys: Capture) -> None:
    """From nothing in force to a difference in words."""
    assert "in force on 2026-03-01: nothing" in said(company, capsys, "release", "status", "--date", "2026-03-01")
    assert "[release.unknown]" in said(company, capsys, "release", "show", code=1)
    assert "RULESET.NAME=VALUE" in said(company, capsys, "release", "propose", "--parameter", "x", change="ada", code=1)
    text = said(company, capsys, "release", "propose", "--from", "2026-01-01", change="ada")
    assert "the first release:" in text and "tollbook release approve r-" in text
    assert "[config.not-allowed]" in said(company, capsys, "release", "approve", change="bob", code=1)
    assert "is approved; in force:" in said(company, capsys, "release", "approve", change="cleo")
    path = company / "rules/pricing/acme.yaml"
    path.write_text(path.read_text().replace("31 EUR", "32 EUR"))
    text = said(company, capsys, "release", "diff", "in-force", "disk")
    assert (
        "rule base, price: [31 EUR, 40 USD, 5000 JPY] -> [32 EUR, 40 USD, 5000 JPY]  [rules/pricing/acme.yaml:6]"
        in text
    )
    found = json.loads(said(company, capsys, "release", "status", "--date", "2026-03-01", "--json"))
    assert found["in_force"] == found["proposed"] != found["disk"] and found["state"] == "approved"
    log = json.loads(said(company, capsys, "release", "log", "--json"))
    assert [one["event"] for one in log["events"]] == ["scheduled", "approved", "agreed", "proposed"]
    assert found["in_force"] in said(company, capsys, "release", "log")
    assert "touched nothing" in said(company, capsys, "release", "impact", found["in_force"][:6])
    assert "approved" in said(company, capsys, "release", "show").splitlines()[0]
    text = said(company, capsys, "release", "rollback", "--from", "2026-02-01", change="ada", code=1)
    assert "[release.nothing-earlier]" in text
    assert "[release.not-in-force]" in said(
        company, capsys, "release", "rollback", "--from", "2025-02-01", change="ada", code=1
    )


def test_changes_verbs(company: Path, capsys: Capture) -> None:
    assert json.loads(said(company, capsys, "changes", "list", "--json")) == []
    assert "[stewardship.unknown]" in said(company, capsys, "changes", "confirm", "7", change="ada", code=1)
