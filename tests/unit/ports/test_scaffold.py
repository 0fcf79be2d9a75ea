"""New plug-ins: of every port one that keeps its contract at once and is clean, and names that are refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from engine.base.errors import TollbookError
from engine.ports.hookspecs import PORTS
from engine.ports.kit.scaffold import TEMPLATES, new_plugin, rendered
from tests.house.sources import ROOT

HOSTS = (
    "breaks_the_contract or broken or threads or batch or every_kind or late or vendor or cut_off or rests or script"
    " or seen_in_its_class or no_secret or any_order or once_and_in_order or nameless or vague or without_number"
)
"""Clauses that say more of the host than of an adapter, or wait: they are run for the adapters that are shipped."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plug-in of every port."""
    folder = tmp_path_factory.mktemp("made")
    for port in PORTS:
        new_plugin(port, f"{port}_acme", folder)
    return folder


def run(*command: object, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_new_plug_in_of_every_port_keeps_its_contract(made: Path) -> None:
    """In one process for all; a clause at least of each is kept, and none is broken."""
    results = made / "clauses.json"
    options = ("--import-mode=importlib", "-p", "engine.ports.contracts.kit", "-p", "no:cacheprovider", "-W", "error")
    places = ("-c", os.devnull, "--rootdir", made, "--clauses", results)
    done = run("pytest", "-q", *options, *places, "-k", f"not ({HOSTS})", made, folder=made)
    assert done.returncode == 0, done.stdout
    clauses = json.loads(results.read_text(encoding="utf-8"))
    kept = {one["contract"] for one in clauses if one["outcome"] == "kept"}
    assert kept == {"Test" + "".join(part.capitalize() for part in f"{port}_acme".split("_")) for port in PORTS}
    assert len(clauses) > 100


def test_what_is_made_is_clean(made: Path) -> None:
    """By the rules that its own pyproject.toml has, and no template leaves a placeholder behind."""
    done = run("ruff", "check", "--no-cache", "--extend-select", "I,E501,UP,B,RUF", made)
    assert done.returncode == 0, done.stdout
    done = run("ruff", "format", "--no-cache", "--check", made)
    assert done.returncode == 0, done.stdout
    files = [path for path in made.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert files and [path for path in files if re.search(r"\$\{|\$\$", path.read_text("utf-8"))] == []


def test_every_port_has_templates_and_no_other_has() -> None:
    assert {path.name for path in TEMPLATES.iterdir()} == {*PORTS, "common"}


@pytest.mark.parametrize("port", PORTS)
def test_the_contract_is_that_of_the_engine(port: str) -> None:
    files = rendered(port, "acme")
    assert f'ports: {{{port}: "{PORTS[port].version}"}}' in files["acme/plugin.yaml"]
    assert f"port: {port}" in files["README.md"] and 'acme = "acme"' in files["pyproject.toml"]


@pytest.mark.parametrize(
    ("port", "name", "code"),
    [
        ("txa", "tax_acme", "plugin.unknown-port"),
        ("tax", "Tax", "kit.bad-name"),
        ("tax", "1st", "kit.bad-name"),
        ("tax", "a-b", "kit.bad-name"),
        ("tax", "../x", "kit.bad-name"),
        ("tax", "", "kit.bad-name"),
        ("tax", "x" * 41, "kit.bad-name"),
        ("tax", "class", "kit.bad-name"),
        ("tax", "tests", "kit.bad-name"),
        ("tax", "json", "kit.bad-name"),
        ("tax", "tax_table", "kit.bad-name"),
        ("tax", "there", "kit.exists"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(tmp_path: Path, port: str, name: str, code: str) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(TollbookError) as caught:
        new_plugin(port, name, tmp_path)
    assert [finding.code for finding in caught.value.findings] == [code]
    assert caught.value.findings[0].mend
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_a_folder_that_is_not_there_is_made_and_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TollbookError, match="is a file, not a folder"):
        new_plugin("tax", "acme", tmp_path / "file")
    assert new_plugin("tax", "acme", tmp_path / "now" / "here").plugin.is_dir()
