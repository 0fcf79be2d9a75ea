"""What those who write rules and plug-ins do in a folder without a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.app.kit import plugin_desk
from engine.base.errors import TollbookError
from engine.cli import main as tollbook

RULES = """
ruleset: pricing/calls
effective: {from: 2026-01-01}
rules: [{id: all, then: {method: %s, unit: 0.02 EUR}}]
cases: [{name: two, given: {account: {currency: EUR}, quantity: 2}, expect: {rule: all, amount: 0.04 EUR}}]
"""


def test_rules_are_checked_and_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rules = tmp_path / "rules" / "pricing"
    rules.mkdir(parents=True)
    (rules / "calls.yaml").write_text(RULES % "per_unit")
    assert [tollbook.run([verb, "rules"]) for verb in ("check", "test")] == [0, 0]
    (rules / "calls.yaml").write_text(RULES % "per_unti")
    assert [tollbook.run([verb, "rules"]) for verb in ("check", "test")] == [1, 1]
    assert capsys.readouterr().err.count("did you mean 'per_unit'?") == 2
    assert tollbook.run(["check"]) == 1  # whose rules?
    assert "config.no-file" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rules"]


def test_a_folder_is_a_plug_in_by_itself(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    absent = tmp_path / "config.yaml"
    with plugin_desk(absent, {}, str(tmp_path / "mine")) as desk, pytest.raises(TollbookError, match=r"kit\.no-tests"):
        desk.tested(str(tmp_path / "mine"), "", "", "")
    with pytest.raises(TollbookError, match=r"config\.no-file"), plugin_desk(absent, {}, "mine"):
        pass
