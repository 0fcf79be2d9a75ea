"""What the pages show works: rule files, the adapter of the guide, and the tutorial from beginning to end."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine import config
from engine.cli.main import run
from engine.families import ALL
from engine.model.tax import TaxRequest
from engine.ports.failure import AdapterFailed
from engine.ports.host import Host
from engine.rulebook.cases import run_cases
from engine.rulebook.rulebook import compile_book
from tests.house.sources import ROOT

FENCE = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
RULES = (
    "docs/concepts/rules.md",
    "docs/guides/late-usage.md",
    "docs/guides/pricing.md",
    "docs/guides/purchase-orders.md",
    "docs/guides/recognise-revenue.md",
    "docs/guides/review-drafts.md",
    "docs/guides/run-conditions.md",
    "docs/guides/send-usage.md",
    "docs/guides/write-an-adapter.md",
    "docs/tutorial/first-bill.md",
)


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """Language, title and text of every block of code on a page."""
    yield from FENCE.findall((ROOT / page).read_text(encoding="utf-8"))


def write_files(page: str, folder: Path) -> None:
    """The titled blocks of a page as files."""
    for _, title, text in blocks(page):
        if title:
            path = folder / title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("page", RULES)
def test_rule_files_on_pages_are_in_order_and_their_cases_hold(page: str) -> None:
    files = {
        f"rules/{re.search(r'^ruleset: (.+)$', text, re.MULTILINE)[1]}.yaml": text.encode()  # type: ignore[index]
        for language, _, text in blocks(page)
        if language == "yaml" and text.startswith("ruleset:")
    }
    assert files
    report = run_cases(compile_book(files, ALL))
    assert report.results
    assert report.findings == ()
    assert report.uncovered == ()


def test_the_adapter_of_the_guide_answers(tmp_path: Path) -> None:
    write_files("docs/guides/write-an-adapter.md", tmp_path)
    (tmp_path / "rules").mkdir(exist_ok=True)
    settings = config.load(tmp_path / "config.yaml")
    host = Host(settings.adapters, settings.folder)
    request = TaxRequest(
        key="1",
        tenant="t",
        entity="DE01",
        seller_country="DE",
        seller_registered_in=("DE",),
        account="A",
        country="DE",
        region=None,
        buyer_tax_id=None,
        exempt=False,
        tax_code="standard",
        tax_point=date(2026, 1, 31),
        currency="EUR",
        amount=Decimal("10.05"),
    )
    (quote,) = host.ask_tax("german_tax", [request])
    assert (quote.rate, quote.amount, quote.source) == (Decimal("0.19"), Decimal("1.91"), "german_tax")
    abroad = TaxRequest(**{field: getattr(request, field) for field in request.__struct_fields__} | {"country": "FR"})
    with pytest.raises(AdapterFailed, match="only DE is served"):
        host.ask_tax("german_tax", [abroad])


def test_the_adapter_of_the_guide_keeps_its_contract(tmp_path: Path) -> None:
    write_files("docs/guides/write-an-adapter.md", tmp_path)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        tmp_path,
        "test_tax_flat.py",
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^[3-9]\d passed", done.stdout, re.MULTILINE)


def test_the_first_adapter_comes_from_nothing_to_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The page from its first command to its last, and the adapter is as short as it says."""
    page = "docs/guides/first-adapter.md"
    shutil.copytree(ROOT / "rules", tmp_path / "rules")
    monkeypatch.chdir(tmp_path)
    commands = [shlex.split(line) for lang, _, text in blocks(page) if lang == "sh" for line in text.splitlines()]
    assert run(commands[0][1:]) == 0
    (listing,) = [text for lang, _, text in blocks(page) if lang == "text"]
    assert listing in capfd.readouterr().out
    write_files(page, tmp_path)
    code = [line for file in ("plugin.yaml", "plugin.py") for line in file_of(tmp_path, file)]
    assert len(code) + len(file_of(tmp_path, "../tests/test_contract.py")) < 100
    for words in commands[1:]:
        assert run(words[1:]) == 0, capfd.readouterr()
    said = capfd.readouterr().out
    assert "after trouble calls work: garbage" in said and "broken" not in said


def file_of(folder: Path, name: str) -> list[str]:
    """The lines of a file of the adapter of the page."""
    return (folder / "tax_regions/tax_regions" / name).read_text(encoding="utf-8").splitlines()
