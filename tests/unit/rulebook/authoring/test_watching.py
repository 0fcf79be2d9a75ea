"""What a watch sees of folders while somebody works in them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.rulebook.authoring.watching import Watch
from engine.rulebook.desk import RuleDesk
from tests.house.sources import ROOT
from tests.unit.rulebook.example import FAMILIES

GOOD = """ruleset: labels/{name}
rules:
  - {{id: all, then: {{label: {label}}}}}
cases:
  - {{given: {{}}, expect: {{rule: all, label: {label}}}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "labels").mkdir()
    return tmp_path


def save(folder: Path, name: str, text: str) -> None:
    (folder / "labels" / f"{name}.yaml").write_text(text)


def label(name: str, word: str, start: str) -> str:
    return GOOD.format(name=name, label=word).replace("rules:", f"effective: {start}\nrules:", 1)


@pytest.fixture
def watch(folder: Path) -> Watch:
    save(folder, "one", label("one", "cheap", "{to: 2026-01-01}"))
    save(folder, "two", label("two", "dear", "{from: 2026-01-01}"))
    return Watch(RuleDesk(FAMILIES, (folder,)))


def test_a_look_says_all_at_first_and_nothing_while_nothing_is_saved(watch: Watch) -> None:
    seen = watch.look()
    assert seen is not None
    assert (seen.good, seen.rulesets, seen.rules, seen.cases, seen.asked, len(seen.files)) == (True, 2, 2, 2, 2, 2)
    assert watch.look() is None


def test_only_the_cases_of_what_was_saved_are_asked_again(watch: Watch, folder: Path) -> None:
    watch.look()
    save(folder, "two", label("two", "dear", "{from: 2026-01-01}").replace("label: dear}}", "label: cheap}}", 1))
    seen = watch.look()
    assert seen is not None
    assert (seen.good, seen.asked, seen.cases, seen.failed) == (False, 1, 2, 1)
    assert [Path(file).name for file in seen.files] == ["two.yaml"]
    assert "expected label = dear, found cheap" in seen.findings[0].what


@pytest.mark.parametrize(
    "half",
    [
        "",
        "ruleset: labels/tw",
        "ruleset: [",
        "rules:\n  - {id: x, then: {",
        "\x00\x01",
        "ruleset: labels/two\n\trules:",
    ],
)
def test_half_a_file_is_a_finding_and_the_rest_of_it_is_good_again(watch: Watch, folder: Path, half: str) -> None:
    watch.look()
    whole = (folder / "labels/two.yaml").read_text()
    save(folder, "two", half)
    seen = watch.look()
    assert seen is not None
    assert not seen.good
    assert seen.findings[0].where.file.endswith("two.yaml")
    save(folder, "two", whole)
    seen = watch.look()
    assert seen is not None
    assert seen.good


def test_files_that_go_and_folders_that_go_are_no_end(watch: Watch, folder: Path) -> None:
    watch.look()
    (folder / "labels/two.yaml").unlink()
    seen = watch.look()
    assert seen is not None
    assert (seen.good, seen.rulesets, seen.cases) == (True, 1, 1)
    (folder / "labels").rename(folder.parent / "away")
    folder.rmdir()
    seen = watch.look()
    assert seen is not None
    assert [finding.code for finding in seen.findings] == ["rule.no-folder"]
    assert watch.look() is None
    folder.mkdir()
    (folder.parent / "away").rename(folder / "labels")
    seen = watch.look()
    assert seen is not None
    assert seen.good


def test_a_file_that_cannot_be_read_is_looked_at_again(watch: Watch, folder: Path) -> None:
    watch.look()
    away = folder / "labels/three.yaml"
    away.symlink_to(folder / "nowhere")
    assert watch.look() is None
    away.unlink()
    away.symlink_to(folder / "labels/two.yaml")
    seen = watch.look()
    assert seen is not None
    assert "rule.double-name" in {finding.code for finding in seen.findings}


def test_the_verb_ends_on_an_interrupt_with_nought(folder: Path, watch: Watch) -> None:
    (folder / "config.yaml").write_text(
        "tenant: {key: t, name: T}\ndatabase: {url: 'sqlite:///x.db'}\nrules: {folders: [rules]}\npeople: {a: [operator]}\n"
    )
    (folder / "rules").mkdir()
    begin = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # a job in the background ignores it
    )
    words = [
        sys.executable,
        "-c",
        f"{begin}; from engine.cli.main import main; main()",
        "watch",
        "--json",
        "--every",
        "0.05",
    ]
    with subprocess.Popen(
        words, cwd=folder, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(ROOT)}
    ) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["good"] is True
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()
