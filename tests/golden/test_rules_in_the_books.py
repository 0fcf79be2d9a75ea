"""What the books say of rules: how often each was used, and why one was not."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.base.errors import TollbookError
from engine.cli.main import run
from tests import stories


def test_rules_over_history_and_why_not(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "company").mkdir()
    folder = stories.write(tmp_path / "company")
    monkeypatch.chdir(folder)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        stories.bill(app, "2026-02-01")
        history = app.rule_history((), None, None)
        used = {f"{each.ruleset}#{each.rule}": each for each in history.rules}
        calls, never = used["pricing/acme#calls"], used["pricing/agreed#contract-price"]
        assert (calls.times, calls.last, calls.amounts) == (1, date(2026, 2, 1), {"EUR": Decimal("12.50")})
        assert (never.kept, never.times, never.last, never.amounts) == (True, 0, None, {})
        assert "dunning" in history.not_kept
        assert not used["dunning/default#small"].kept
        early = {f"{e.ruleset}#{e.rule}": e.times for e in app.rule_history((), None, date(2026, 1, 31)).rules}
        assert early["pricing/acme#calls"] == 0 < early["pricing/acme#seats"] < used["pricing/acme#seats"].times
        assert used["pricing/acme#base"].last == date(2026, 2, 1)
        number = next(
            invoice["number"]
            for invoice in stories.invoices(app)
            if any(line["charge"] == "calls" for line in invoice["lines"])
        )
        lines = next(invoice["lines"] for invoice in stories.invoices(app) if invoice["number"] == number)
        subject = f"{number}#{next(line['number'] for line in lines if line['charge'] == 'calls')}"
        _, missed = app.why_not(subject, "seats")
        (answer,) = missed.answers
        assert (answer.reason, answer.by.split(" ")[0]) == ("not met", "pricing/acme#calls")
        assert [(part.text, part.near) for part in answer.parts] == [
            ('charge.key == "seats"', 'charge.key is "calls", not "seats"')
        ]
        with pytest.raises(TollbookError, match="did you mean 'seats'"):
            app.why_not(subject, "seat")
        with pytest.raises(TollbookError, match="asked were rules of pricing"):
            app.why_not(subject, "bad-debt")
    options = ["--set", f"database.url={database_url}"]
    assert run([*options, "explain", subject, "--why-not", "seats", "--html", "why.html", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["answers"][0]["reason"] == "not met"
    page = (folder / "why.html").read_text()
    assert "why not pricing/acme#seats" in page
    assert page.count("<details") == page.count("</details>") > 5
    assert re.search(r"<script|src=|href=|url\(", page) is None
    assert run([*options, "test", "--history"]) == 0
    said = capfd.readouterr().out
    assert "pricing/agreed#contract-price" in said
    assert "12.50 EUR" in said
