"""The import law of pyproject.toml holds for the code, lets through what it should, and catches what it should."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

ROOMS = (
    "app",
    "base.document",
    "base.errors",
    "base.money",
    "billing.rating",
    "cli.bill",
    "config",
    "families.pricing",
    "ledger.posting",
    "model.account",
    "ports.contracts.tax",
    "ports.host",
    "ports.hookspecs.tax",
    "receivables.matching",
    "revenue.schedule",
    "rulebook.expression",
    "rulebook.rulebook",
    "runs.bill_run",
    "scheduler",
    "store.books",
    "web.pages",
)

LAWFUL = (
    "engine.app -> engine.families.pricing",
    "engine.app -> engine.rulebook.rulebook",
    "engine.app -> engine.runs.billing.run",
    "engine.app -> engine.store.books",
    "engine.base.document -> cerberus",
    "engine.base.document -> yaml",
    "engine.base.money -> moneyed",
    "engine.billing.rating -> engine.model.account",
    "engine.cli.bill -> engine.app",
    "engine.cli.bill -> engine.config",
    "engine.cli.bill -> engine.scheduler",
    "engine.cli.bill -> typer",
    "engine.config -> engine.base.document",
    "engine.families.pricing -> engine.billing.rating",
    "engine.ledger.posting -> engine.base.money",
    "engine.model.account -> engine.base.errors",
    "engine.ports.contracts.tax -> engine.ports.host",
    "engine.ports.contracts.tax -> pytest",
    "engine.ports.host -> engine.model.account",
    "engine.ports.host -> engine.ports.hookspecs.tax",
    "engine.ports.hookspecs.tax -> engine.model.account",
    "engine.ports.hookspecs.tax -> pluggy",
    "engine.receivables.matching -> engine.model.account",
    "engine.rulebook.expression -> rule_engine",
    "engine.runs.billing.run -> engine.billing.rating",
    "engine.runs.billing.run -> engine.ports.host",
    "engine.runs.billing.run -> engine.store.books",
    "engine.scheduler -> apscheduler",
    "engine.scheduler -> engine.app",
    "engine.store.books -> engine.model.account",
    "engine.store.books -> sqlalchemy",
    "engine.cli.bill -> engine.web.pages",
    "engine.web.pages -> engine.app",
    "engine.web.pages -> engine.config",
    "engine.web.pages -> fastapi",
    "plugins.erp_sap.plugin -> zeep",
    "plugins.tax_table.plugin -> engine.base.document",
    "plugins.tax_table.plugin -> engine.model.account",
    "plugins.tax_table.plugin -> engine.ports.hookspecs.tax",
)

UNLAWFUL = (
    "engine.base.errors -> engine.model.account",
    "engine.base.errors -> yaml",
    "engine.billing.rating -> engine.families.pricing",
    "engine.billing.rating -> engine.ledger.posting",
    "engine.billing.rating -> engine.rulebook.rulebook",
    "engine.billing.rating -> engine.store.books",
    "engine.billing.rating -> sqlalchemy",
    "engine.cli.bill -> engine.ledger.posting",
    "engine.cli.bill -> engine.runs.billing.run",
    "engine.cli.bill -> engine.store.books",
    "engine.config -> engine.model.account",
    "engine.config -> yaml",
    "engine.families.pricing -> engine.rulebook.rulebook",
    "engine.families.pricing -> engine.store.books",
    "engine.ledger.posting -> engine.receivables.matching",
    "engine.model.account -> engine.store.books",
    "engine.model.account -> moneyed",
    "engine.ports.host -> engine.ports.contracts.tax",
    "engine.ports.host -> plugins.tax_table.plugin",
    "engine.ports.host -> pytest",
    "engine.ports.hookspecs.tax -> engine.ports.host",
    "engine.revenue.schedule -> engine.billing.rating",
    "engine.rulebook.rulebook -> engine.families.pricing",
    "engine.rulebook.rulebook -> rule_engine",
    "engine.runs.billing.run -> engine.config",
    "engine.runs.billing.run -> engine.ports.contracts.tax",
    "engine.runs.billing.run -> engine.families.pricing",
    "engine.runs.billing.run -> engine.rulebook.rulebook",
    "engine.runs.billing.run -> typer",
    "engine.store.books -> engine.billing.rating",
    "engine.store.books -> engine.ports.host",
    "engine.runs.billing.run -> engine.scheduler",
    "engine.scheduler -> engine.cli.bill",
    "engine.scheduler -> engine.runs.billing.run",
    "engine.scheduler -> engine.store.books",
    "engine.app -> engine.web.pages",
    "engine.cli.bill -> fastapi",
    "engine.web.pages -> engine.cli.bill",
    "engine.web.pages -> engine.runs.billing.run",
    "engine.web.pages -> engine.scheduler",
    "engine.web.pages -> sqlalchemy",
    "engine.web.pages -> engine.store.books",
    "plugins.tax_table.plugin -> engine.config",
    "plugins.tax_table.plugin -> engine.ports.host",
    "plugins.tax_table.plugin -> engine.store.books",
    "plugins.tax_table.plugin -> plugins.erp_sap.plugin",
    "plugins.tax_table.plugin -> pluggy",
)


def lint(folder: Path) -> tuple[int, str]:
    """Exit code and output of import-linter on the packages in ``folder``, by the contracts of this repository."""
    command = [Path(sys.executable).parent / "lint-imports", "--config", ROOT / "pyproject.toml", "--no-cache"]
    environment = os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def build(folder: Path, *imports: str) -> None:
    """Empty packages of every room in ``folder``, with these imports in them."""
    sources = {f"engine.{room}": "" for room in ROOMS}
    for line in sorted(imports):
        importer, imported = line.split(" -> ")
        sources[importer] = sources.get(importer, "") + f"import {imported}\n"
        if imported.startswith("plugins."):
            sources.setdefault(imported, "")
    for module, source in sources.items():
        path = folder.joinpath(*module.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        for package in path.relative_to(folder).parents[:-1]:
            (folder / package / "__init__.py").touch()


def test_the_code_keeps_the_import_law() -> None:
    code, text = lint(ROOT)
    assert code == 0, text


def test_lawful_imports_pass(tmp_path: Path) -> None:
    build(tmp_path, *LAWFUL)
    code, text = lint(tmp_path)
    assert code == 0, text


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("unlawful")
    build(folder, *LAWFUL, *UNLAWFUL)
    code, text = lint(folder)
    assert code == 1, text
    return text


@pytest.mark.parametrize("line", UNLAWFUL)
def test_unlawful_imports_are_caught(report: str, line: str) -> None:
    assert f"{line} (l." in report


def test_a_room_without_a_floor_is_caught(tmp_path: Path) -> None:
    build(tmp_path, *LAWFUL, "engine.attic.box -> engine.base.money")
    code, text = lint(tmp_path)
    assert code == 1
    assert "engine.attic" in text
