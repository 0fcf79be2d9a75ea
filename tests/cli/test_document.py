"""``tollbook document``: an invoice of the books as an e-invoice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lxml import etree

from engine.cli import main as tollbook
from tests import stories

PAGES = """  - {name: einvoice, port: einvoice, plugin: einvoice_en16931}
  - {name: pages, port: einvoice, plugin: document_html}
fx:"""
EINVOICE = "  - {name: einvoice, port: einvoice, plugin: einvoice_en16931}\nfx:"


def verb(folder: Path, url: str, *words: str) -> int:
    return tollbook.run(["--config", str(folder / "config.yaml"), "--set", f"database.url={url}", "document", *words])


@pytest.mark.capability("A3.1")
def test_an_invoice_of_the_books_as_an_e_invoice(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stories.write(tmp_path)
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text().replace("fx:", EINVOICE))
    with stories.opened(tmp_path, database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-01-31")
        number = next(one["number"] for one in stories.invoices(app) if one["currency"] == "EUR")
        total = next(one["total"] for one in stories.invoices(app) if one["number"] == number)
    assert verb(tmp_path, database_url, "formats") == 0
    assert "Peppol BIS Billing 3.0" in capsys.readouterr().out
    assert verb(tmp_path, database_url, "write", number, "--format", "ubl", "--out", str(tmp_path)) == 0
    root = etree.parse(tmp_path / f"{number}.ubl.xml").getroot()
    assert root.findtext("{*}ID") == number
    assert root.findtext("{*}LegalMonetaryTotal/{*}TaxInclusiveAmount") == f"{total:.2f}"
    assert verb(tmp_path, database_url, "write", number, "--format", "ulb") == 1
    assert "no adapter writes documents as 'ulb'" in capsys.readouterr().err
    assert verb(tmp_path, database_url, "write", "X-1", "--format", "ubl") == 1


@pytest.mark.capability("A3.1")
def test_the_files_that_the_rules_name(tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    rule = "ruleset: documents/acme\neffective: {from: 2020-01-01}\npriority: 100\nrules:\n"
    rule += "  - {id: one, then: {formats: [html, cii], required: [buyer.city]}}\n"
    stories.write(tmp_path, rules={"documents/acme.yaml": rule})
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text().replace("fx:", PAGES))
    with stories.opened(tmp_path, database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-01-31")
        number = next(one["number"] for one in stories.invoices(app) if one["currency"] == "EUR")
    out = tmp_path / "out"
    out.mkdir()
    assert verb(tmp_path, database_url, "write", number, "--out", str(out)) == 1
    assert "(buyer.city)" in capsys.readouterr().err
    assert verb(tmp_path, database_url, "write", number, "--format", "html", "--out", str(out)) == 0  # to be looked at
    account = next(line for line in stories.FILES["accounts"] if line.startswith("E1,A1,"))
    stories.deliver(tmp_path, "later", accounts=(stories.FILES["accounts"][0] + ",city", account + ",Utrecht"))
    with stories.opened(tmp_path, database_url) as app:
        stories.load(app, tmp_path / "later")
    assert verb(tmp_path, database_url, "show", number) == 0
    shown = capsys.readouterr().out
    assert "html, cii" in shown
    assert verb(tmp_path, database_url, "write", number) == 1
    assert "name a folder with --out, or one --format" in capsys.readouterr().err
    assert verb(tmp_path, database_url, "write", number, "--out", str(out), "--json") == 0
    assert sorted(path.name for path in out.iterdir()) == [f"{number}.cii.xml", f"{number}.html"]
    assert [Path(one["file"]).name for one in json.loads(capsys.readouterr().out)] == [
        f"{number}.html",
        f"{number}.cii.xml",
    ]
