"""Whole stories, from import files to invoices, journal and explanations, on both databases."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from engine.base.errors import TollbookError
from engine.runs.explaining.explain import explain
from engine.runs.verify import run_checks
from engine.store import tracing
from tests import stories


def lines_of(app, payer: str, period: str) -> list[tuple[str, str, str, Decimal]]:
    """(text, from, to, amount) of a payer's lines in a period."""
    return [
        (line["text"], str(line["service_from"]), str(line["service_to"]), line["amount"])
        for invoice in stories.invoices(app)
        if invoice["payer"] == payer and invoice["period"] == period
        for line in invoice["lines"]
    ]


def money(*rows: tuple[str, str, str, str]) -> list[tuple[str, str, str, Decimal]]:
    return [(a, b, c, Decimal(d)) for a, b, c, d in rows]


@pytest.mark.capability("A2.1")
@pytest.mark.capability("A1.3")
@pytest.mark.on_sqlite
def test_first_month(tmp_path: Path, database_url: str) -> None:
    """A company's first bill: in advance, a stub of a child that its parent pays, three currencies, no usage yet."""
    with stories.opened(stories.write(tmp_path), database_url) as app:
        report = stories.load(app, tmp_path / "data")
        assert not report.findings
        stories.bill(app, "2026-01-31")
        assert sorted(lines_of(app, "A1", "2026-01-31")) == money(
            ("Base fee", "2026-01-01", "2026-02-01", "31.00"),
            ("Base fee", "2026-01-16", "2026-02-01", "16.00"),
            ("Seats", "2026-01-01", "2026-02-01", "50.00"),
            ("Seats", "2026-01-16", "2026-02-01", "5.16"),
            ("Set-up", "2026-01-01", "2026-01-02", "99.00"),
            ("Set-up", "2026-01-16", "2026-01-17", "99.00"),
        )
        assert lines_of(app, "A3", "2026-01-31")[0][1:3] == ("2026-01-31", "2026-02-28")
        usd = next(i for i in stories.invoices(app) if i["currency"] == "USD")
        assert (usd["net"], usd["tax"], usd["total"]) == (Decimal("186.00"), Decimal("39.06"), Decimal("225.06"))
        assert usd["functional_total"] == Decimal("207.66")  # 225.06 / 1.0838
        assert usd["rate_source"] == "ECB"


@pytest.mark.capability("A2.1")
@pytest.mark.on_sqlite
def test_usage_late_usage_and_changes(tmp_path: Path, database_url: str) -> None:
    """Usage fills tiers; usage that comes late is priced in the tier it would have reached; changes credit and charge."""
    with stories.opened(stories.write(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        assert ("Calls", "2026-01-01", "2026-02-01", Decimal("12.50")) in lines_of(app, "A1", "2026-02-01")
        late = stories.deliver(
            tmp_path,
            "late",
            usage=("entity,subscription,meter,key,at,quantity", "E1,S5,calls,late,2026-01-20T09:00:00Z,30"),
            subscription_events=(
                "entity,subscription,key,kind,on,plan,quantity",
                "E1,S1,2,change,2026-02-15,,8",
                "E1,S2,2,cancel,2026-02-11,,",
            ),
        )
        assert not stories.load(app, late).findings
        stories.bill(app, "2026-03-01")
        march = lines_of(app, "A1", "2026-03-01")
        assert ("Calls", "2026-01-01", "2026-02-01", Decimal("1.50")) in march  # 30 x 0.05
        assert ("Credit: Seats", "2026-02-15", "2026-03-01", Decimal("-25.00")) in march
        assert ("Seats", "2026-02-15", "2026-03-01", Decimal("40.00")) in march
        credit = [i for i in stories.invoices(app) if i["payer"] == "A2" and i["period"] == "2026-03-01"]
        assert [i["kind"] for i in credit] == ["credit_note"]
        assert credit[0]["net"] == Decimal("-48.85")  # 18 of 28 days of 40.00 and of 36.00
        assert credit[0]["number"].startswith("E1-CN-2026-")


@pytest.mark.capability("A1.2")
def test_twice_changes_nothing(tmp_path: Path, database_url: str) -> None:
    """The same import and the same run, twice, leave the same books."""
    with stories.opened(stories.write(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        first = stories.bill(app, "2026-02-01")
        before = stories.invoices(app)
        again = stories.load(app, tmp_path / "data")
        assert all(file.new == 0 and file.changed == 0 for file in again.files)
        second = stories.bill(app, "2026-02-01")
        assert (second.run_id, second.counts) == (first.run_id, first.counts)
        with app.books.reader() as reader:  # what partitions said that they invoiced is what is in the books
            assert second.money == first.money == tracing.money(reader, first.run_id)
        assert len(first.money["currency"]) == 3
        stories.bill(app, "2026-02-01", account="A1")
        assert stories.invoices(app) == before


@pytest.mark.on_sqlite
def test_one_bad_subscription_is_one_finding(tmp_path: Path, database_url: str) -> None:
    """A subscription whose price cannot be resolved is a finding; the same payer's others, and everybody else, are billed."""
    folder = stories.write(
        tmp_path,
        charges=stories.add("charges", "phone,mystery,Mystery,recurring,advance,1,,month,x,standard"),
    )
    with stories.opened(folder, database_url) as app:
        stories.load(app, tmp_path / "data")
        report = stories.bill(app, "2026-02-01")
        errors = [f for f in report.findings if f.level == "error"]
        assert [(f.code, f.subject) for f in errors] == [("rule.no-answer", "subscription/S5")]
        assert "mystery" in str(errors[0])
        assert {i["payer"] for i in stories.invoices(app)} == {"A1", "A2", "A3"}
        assert not any(line["subscription"] == "S5" for i in stories.invoices(app) for line in i["lines"])


@pytest.mark.capability("A1.3")
@pytest.mark.on_sqlite
def test_currency_without_a_rate_holds_the_account(tmp_path: Path, database_url: str) -> None:
    """Without a rate the account is held with the reason, and billed once there is one."""
    folder = stories.write(tmp_path, rates=stories.FILES["rates"][:2])
    with stories.opened(folder, database_url) as app:
        stories.load(app, tmp_path / "data")
        report = stories.bill(app, "2026-01-31")
        held = [f for f in report.findings if f.code == "fx.no-rate"]
        assert [f.subject for f in held] == ["account/A3"]
        assert "A3" not in {i["payer"] for i in stories.invoices(app)}
        stories.load(
            app, stories.deliver(tmp_path, "rates", rates=(stories.FILES["rates"][0], "EUR,JPY,180,ECB,2026-02-27"))
        )
        stories.bill(app, "2026-02-28")
        assert ("Base fee", "2026-01-31", "2026-02-28", Decimal("5000")) in lines_of(app, "A3", "2026-02-28")


@pytest.mark.on_sqlite
def test_closed_period_is_refused(tmp_path: Path, database_url: str) -> None:
    """Nothing is billed into a closed period, and nothing is half done."""
    from datetime import date

    with stories.opened(stories.write(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        with app.books.writer(stories.CHANGE) as writer:
            writer.close_period("acme", "E1", date(2026, 1, 1))
        with pytest.raises(TollbookError) as caught:
            stories.bill(app, "2026-01-31")
        assert [f.code for f in caught.value.findings] == ["period.closed"]
        assert "2026-01 is closed in E1" in str(caught.value)
        assert stories.invoices(app) == []


def test_dry_run_says_what_the_run_will_do(tmp_path: Path, database_url: str) -> None:
    """A dry run computes the invoices of the run, to the cent, and writes none."""
    with stories.opened(stories.write(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        preview = stories.bill(app, "2026-02-01", dry_run=True)
        assert stories.invoices(app) == []
        stories.bill(app, "2026-02-01")
        made = [(i["payer"], i["currency"], i["net"], i["tax"], i["total"]) for i in stories.invoices(app)]
        said = [(d["payer"], d["currency"], *(Decimal(d[k]) for k in ("net", "tax", "total"))) for d in preview.details]
        assert said == made


@pytest.mark.on_sqlite
def test_books_are_whole(tmp_path: Path, database_url: str) -> None:
    """After three months with changes all named checks are good."""
    with stories.opened(stories.write(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        for on in ("2026-01-31", "2026-02-28", "2026-03-31"):
            stories.bill(app, on)
        results = run_checks(app.books, "acme", [])
        assert {name: [str(f) for f in found] for name, found in results.items() if found} == {}
        assert len(results) >= 6


@pytest.mark.on_sqlite
def test_explain_a_usage_line(tmp_path: Path, database_url: str) -> None:
    """An explanation names rule file and line, tiers, rounding, events and postings, and comes to the same cent."""
    with stories.opened(stories.write(tmp_path), database_url) as app:
        stories.load(app, tmp_path / "data")
        stories.bill(app, "2026-02-01")
        invoice = next(i for i in stories.invoices(app) if i["payer"] == "A1")
        number = next(line["number"] for line in invoice["lines"] if line["text"] == "Calls")
        found = explain(app.books, "acme", app.stored_rulebook, f"{invoice['number']}#{number}")
        text = "\n".join(f"{step.name} {step.text} {step.details}" for step in found.steps)
        assert found.findings == ()
        assert "rules/pricing/acme.yaml:7" in text
        for part in (
            "100 x 0.1 = 10",
            "50 x 0.05 = 2.5",
            "12.50 EUR (half_up)",
            "15 events of meter calls",
            "credit 2300 12.50 EUR",
        ):
            assert part in text, part


@pytest.mark.capability("A1.1")
def test_both_databases_and_worker_processes_make_the_same_books(tmp_path: Path, database_url: str) -> None:
    """One process and two workers come to the same invoices, row by row, whatever the database."""
    folder = stories.write(tmp_path)
    reference = tmp_path / "reference.db"
    with stories.opened(folder, f"sqlite:///{reference}") as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        expected = stories.invoices(app)
    with stories.opened(folder, database_url, runs__workers="2", runs__partition_size="1") as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        found = stories.invoices(app)

    def without_numbers(listed: list[dict]) -> list[dict]:
        return [{k: v for k, v in i.items() if k not in ("number", "sequence")} for i in listed]

    assert without_numbers(found) == without_numbers(expected)
    assert sorted(i["number"] for i in found) == sorted(i["number"] for i in expected)
