"""The verb: what it prints where, and its exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.cli.main import run

COMPANY = Path(__file__).parents[2] / "errors" / "import"
WHO = ["--as", "ada", "--reason", "test", "--date", "2026-03-31"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "config.yaml").write_text("tenant: {key: acme, name: Acme}\npeople: {ada: [operator]}\n")
    (tmp_path / "rules").mkdir()
    monkeypatch.chdir(tmp_path)
    shutil.copytree(COMPANY / "company", tmp_path / "data")
    return tmp_path / "data"


@pytest.mark.capability("A1.2")
def test_results_on_stdout_and_the_rest_on_stderr(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "usage-more.csv").write_text("entity,subscription,meter,key,at,quantity\nE1,S1,storage,x,yesterday,1\n")
    assert run(["import", "data", *WHO]) == 0
    said = capsys.readouterr()
    assert "usage-more.csv" in said.out
    assert "run 1: import done, 1 findings kept with it" in said.out
    assert "usage-more.csv:2: error: at 'yesterday' is not a moment [intake.bad-value]" in said.err
    assert "yesterday" not in said.out
    assert run(["import", "data", *WHO]) == 0
    assert (
        "nothing changed: the books said all of it already; run 1 imported the same content" in capsys.readouterr().out
    )


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["import", "data", "--json", *WHO]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["state"] == "done"
    assert report["counts"]["new"] == report["counts"]["rows"] == 22
    assert {file["name"] for file in report["files"]} == {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["import", "none", *WHO], 1, "intake.no-folder"),
        (["import", "empty", *WHO], 1, "intake.nothing-to-read"),
        (["import", "refused", *WHO], 1, "intake.missing-column"),
        (["import", "data", "--as", "ada"], 1, "change.no-reason"),
        (["import", "data"], 1, ""),
    ],
)
def test_exit_codes(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, words: str
) -> None:
    (folder.parent / "empty").mkdir()
    (folder.parent / "refused").mkdir()
    (folder.parent / "refused" / "plans.csv").write_text("key\np\n")
    (folder.parent / "refused" / "meters.csv").write_text("key,unit\nm,M\n")
    assert run(arguments) == code
    assert words in capsys.readouterr().err


def test_a_database_that_is_not_there_could_not_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--set", "database.url=sqlite:////nowhere/at/all.db", "import", "data", *WHO]) != 0
    assert capsys.readouterr().err
