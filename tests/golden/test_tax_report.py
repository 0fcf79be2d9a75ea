"""The tax report: by reporting code, tied to the ledger; and what `verify` says of tax."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.base.errors import TollbookError
from engine.base.period import Period
from engine.cli import main as tollbook
from engine.store.tables import TAX_CORRECTION
from tests import stories
from tests.golden.test_true_up import company, true_up

CODES = ("key,name,reporting_code", "standard,Services at the standard rate,KZ81")
YEAR = Period(date(2026, 1, 1), date(2027, 1, 1))


@pytest.mark.capability("A5.5")
def test_a_report_by_reporting_code_ties_to_the_ledger(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Codes come from the catalogue, corrections count in the month of their document, and no difference is left."""
    folder = company(tmp_path, 4, tax_codes=CODES)
    (folder / "down").touch()
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        (folder / "down").unlink()
        true_up(app, "2026-02-01")
        stories.bill(app, "2026-02-01")
        report = app.tax.report(YEAR, ("month", "jurisdiction", "rate", "code"))
        rows = {tuple(one.keys.values()): (one.net, one.tax) for one in report.rows}
        assert rows["2026-01", "DE", "0.19", "KZ81"] == (Decimal("12.23"), Decimal("2.32"))
        assert rows["2026-02", "DE", "0.19", "KZ81"] == (
            Decimal("-12.23"),
            Decimal("-2.32"),
        )  # taken back by the credit note
        assert rows["2026-02", "DE", "0.16", "KZ81"] == (2 * Decimal("12.23"), 2 * Decimal("1.96"))
        assert {one.keys["code"] for one in report.rows} == {"KZ81"}
        (tie,) = report.ties
        assert (tie.account, tie.difference, tie.other) == ("2200", 0, 0)
        assert tie.lines == sum(one.tax for one in report.rows) == tie.functional
        with pytest.raises(TollbookError, match="no column 'kode'"):
            app.tax.report(YEAR, ("kode",))
        changed = stories.deliver(folder, "again", tax_codes=(CODES[0], "standard,Services,KZ86"))
        refused = stories.load(app, changed)
        assert [str(f.code) for f in refused.findings if f.level == "error"] == ["intake.key-conflict"]
    words = ("tax", "report", "--from", "2026-02-01", "--to", "2026-02-28")
    options = ("--config", str(folder / "config.yaml"), "--set", f"database.url={database_url}")
    assert tollbook.run([*options, *words, "--csv", "--by", "jurisdiction,rate"]) == 0
    assert "US-NY,0.08875,EUR,6,24.46,2.18" in capsys.readouterr().out
    assert tollbook.run([*options, *words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ties"][0]["difference"] == "0.00"
    assert tollbook.run([*options, *words]) == 0
    assert "2200" in capsys.readouterr().out


def test_tax_that_does_not_tie_is_found(tmp_path: Path, database_url: str) -> None:
    folder = company(tmp_path, 2)
    (folder / "down").touch()
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        (folder / "down").unlink()
        true_up(app, "2026-02-01")
        assert app.verify(["tax-ties"])["tax-ties"] == ()
        with app.books.writer(stories.CHANGE) as writer:
            writer.connection.execute(sa.update(TAX_CORRECTION).values(after=TAX_CORRECTION.c.after + 1))
            writer.audit("spoil", "books", None, {})
        found = app.verify(["tax-ties"])["tax-ties"]
        assert {str(one.code) for one in found} == {"tax.not-tied"}
        assert sum("does not carry once" in one.what for one in found) == 3
