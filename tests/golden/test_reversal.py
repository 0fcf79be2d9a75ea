"""What credits give back, and what two runs at once may not do."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.base.errors import TollbookError
from engine.runs.billing import run as bill_run
from tests import stories

EVENT = "entity,subscription,key,kind,on,plan,quantity"
ACCOUNT = stories.FILES["accounts"][0]


def credit_notes(app: Any) -> list[dict[str, Any]]:
    return [i for i in stories.invoices(app) if i["kind"] == "credit_note"]


@pytest.mark.on_sqlite
def test_a_credit_gives_back_the_tax_that_was_charged(tmp_path: Path, database_url: str) -> None:
    """A buyer that is exempt now gets back the tax of the invoice, not none; the last credit gives back the last cent."""
    folder = stories.write(
        tmp_path,
        subscriptions=stories.FILES["subscriptions"][:2],
        subscription_events=(EVENT, "E1,S1,1,start,2026-01-01,team,3"),
        usage=("entity,subscription,meter,key,at,quantity",),
    )
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        (invoice,) = stories.invoices(app)
        assert (invoice["net"], invoice["tax"]) == (Decimal(160), Decimal("33.60"))
        change = stories.deliver(
            tmp_path,
            "change",
            accounts=(f"{ACCOUNT},tax_exempt", "E1,A1,One,NL,EUR,Europe/Amsterdam,,,true"),
            subscription_events=(EVENT, "E1,S1,2,cancel,2026-01-11,,"),
        )
        assert not stories.load(app, change).findings
        stories.bill(app, "2026-02-01")
        (credit,) = credit_notes(app)
        assert (credit["net"], credit["tax"]) == (
            Decimal("-41.32"),
            Decimal("-8.68"),
        )  # 21 of 31 days of 31.00 and 30.00, 21 %
        assert {line["tax_category"] for line in credit["lines"]} == {"S"}


@pytest.mark.on_sqlite
def test_a_credit_is_converted_as_its_invoice_was(tmp_path: Path, database_url: str) -> None:
    """An invoice of a foreign currency that is given back whole leaves nothing in functional currency, whatever the rate now."""
    rates = ("base,quote,rate,source,on", "EUR,USD,1.00,ECB,2026-01-01", "EUR,USD,0.50,ECB,2026-02-01")
    folder = stories.write(
        tmp_path,
        subscriptions=("entity,key,account,anchor_day", "E1,S2,A2,1"),
        subscription_events=(EVENT, "E1,S2,1,start,2026-01-01,team,3"),
        usage=("entity,subscription,meter,key,at,quantity",),
        charges=tuple(line for line in stories.FILES["charges"] if "setup" not in line),
        rates=rates,
    )
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        back = stories.deliver(tmp_path, "back", subscription_events=(EVENT, "E1,S2,2,cancel,2026-01-01,,"))
        stories.load(app, back)
        stories.bill(app, "2026-02-01")
        assert [(i["total"], i["functional_total"]) for i in credit_notes(app)] == [
            (Decimal("-91.96"), Decimal("-91.96"))
        ]
        for row in app.ledger.trial_balance()["E1"]:
            assert (row["amount"], row["functional_amount"]) == (0, 0), row
        assert all(not found for found in app.verify().values())


@pytest.mark.on_sqlite
def test_a_missing_rule_holds_one_payer(tmp_path: Path, database_url: str) -> None:
    """A line for which no revenue rule answers holds its payer, in the run and in the dry run; all others are billed."""
    rule = 'ruleset: revrec/now\neffective: {from: 2000-01-01}\nrules:\n  - {id: n, when: product != "voice", then: {method: now}}\n'
    folder = stories.write(tmp_path, rules={"revrec/now.yaml": rule})
    (folder / "config.yaml").write_text(
        stories.CONFIG.replace(str(stories.ROOT / "rules"), "base").replace(", rules]", ", rules]")
    )
    import shutil

    shutil.copytree(stories.ROOT / "rules", folder / "base")
    (folder / "base" / "revrec" / "now.yaml").unlink()
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        for options in ({"dry_run": True}, {}):
            report = stories.bill(app, "2026-02-01", **options)
            errors = [(f.code, f.subject) for f in report.findings if f.level == "error"]
            assert errors == [("rule.no-answer", "account/A1")]
        assert {i["payer"] for i in stories.invoices(app)} == {"A2", "A3"}


def test_one_bill_run_at_a_time(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a run is not finished no other starts; abandoned, its rest is on the next bill, and it cannot be taken up again."""
    with stories.opened(stories.write(tmp_path), database_url, runs__partition_size="1") as app:
        stories.load(app, tmp_path / "data")
        whole = bill_run.bill_partition
        beside: list[str] = []

        def interrupted(parts: Any, pinned: Any, number: int) -> Any:
            if number == 2:
                for on, account in (("2026-02-02", None), ("2026-02-01", "A2")):
                    with pytest.raises(TollbookError) as caught:
                        bill_run.run_bill(parts, date.fromisoformat(on), stories.CHANGE, account=account)
                    beside.extend(str(f.code) for f in caught.value.findings)
                raise KeyboardInterrupt
            return whole(parts, pinned, number)

        monkeypatch.setattr(bill_run, "bill_partition", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stories.bill(app, "2026-02-01")
        monkeypatch.setattr(bill_run, "bill_partition", whole)
        assert beside == ["run.unfinished", "run.unfinished"]
        (run,) = (r for r in app.runs() if r.kind == "bill")
        assert app.abandon(run.id, stories.CHANGE).done
        assert app.report(run.id).state == "failed"
        stories.bill(app, "2026-02-01", account="A2")
        with pytest.raises(TollbookError) as caught:
            app.resume(run.id, stories.CHANGE)
        assert [f.code for f in caught.value.findings] == ["run.superseded"]
        stories.bill(app, "2026-02-02")
        assert {i["payer"] for i in stories.invoices(app)} == {"A1", "A2", "A3"}
        with pytest.raises(TollbookError) as caught:
            stories.bill(app, "2026-01-31", dry_run=True)
        assert [f.code for f in caught.value.findings] == ["run.before-documents"]


@pytest.mark.on_sqlite
def test_one_account_is_one_account(tmp_path: Path, database_url: str) -> None:
    """A run of one account bills its payer and nobody between."""
    with stories.opened(stories.write(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01", account="A4")
        assert {i["payer"] for i in stories.invoices(app)} == {"A1"}
