"""A month that is closed: what is missing is found, steps wait for it, two persons let something go, and the month opens again."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from engine.model.close import CheckResult, CloseFinding, CloseReport
from engine.model.journal import Change
from tests import stories

JAN = date(2026, 1, 31)
AT = datetime(2026, 2, 5, 9, tzinfo=UTC)
MORE = ("7940,Unrealised FX gains,income", "7950,Unrealised FX losses,expense", "4910,Goodwill,expense")
SETTINGS = {
    "roles": "{operator: [init, import, run, credit], closer: [close, credit], head: [close, approve, adjust, credit]}",
    "people": "{ada: [operator], carl: [closer], cleo: [head]}",
    "approvals": "{close-period: [head], open-period: [head]}",
}
RULES = {
    "close/acme.yaml": """
ruleset: close/acme
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: small, when: name == "payments-unapplied", then: {let_go: [20 EUR], owner: ines}}
  - {id: later, when: name == "hard-close", then: {from_day: 3}}
  - {id: usual, then: {accounts: ["1090"]}}
"""
}


def by(who: str, day: int = 5, reason: str = "month end") -> Change:
    return Change(who, AT.replace(day=day), reason)


def found(results: Sequence[CheckResult], code: str) -> tuple[CloseFinding, ...]:
    (result,) = (one for one in results if one.code == code)
    return result.findings


def steps(report: CloseReport) -> dict[str, str]:
    return {step.step: step.state for step in report.steps}


@pytest.fixture
def app(tmp_path: Path, database_url: str) -> Iterator[App]:
    rates = stories.add("rates", "EUR,USD,1.0500,ECB,2026-01-30")
    folder = stories.write(tmp_path, rules=RULES, gl_accounts=stories.add("gl_accounts", *MORE), rates=rates)
    with stories.opened(folder, database_url, **SETTINGS) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-01-01")
        yield app


@pytest.mark.capability("A8.4")
def test_a_month_is_closed_step_by_step(app: App, tmp_path: Path) -> None:
    results = app.closing.check("E1", JAN, by("carl"))
    assert {one.code for one in results if one.findings} == {
        *("unbilled-usage", "unbilled-periods", "revaluation-missing", "effects-undelivered")
    }
    (calls,) = found(results, "unbilled-usage")
    assert (calls.subject, str(calls.amount), calls.currency) == ("subscription/S5/calls/2026-01-01", "12.50", "EUR")
    assert (calls.age, calls.owner, calls.mend) == (35, "billing", "`tollbook run bill`")
    assert {one.subject.rpartition("/")[0] for one in found(results, "unbilled-periods")} == {
        f"subscription/{key}/{charge}" for key in ("S3", "S4") for charge in ("base", "seats", "setup")
    }

    first = app.closing.run("E1", JAN, by("carl", 2))
    assert first.steps[0].state == "blocked" and "unbilled-usage: 1 finding, 12.50 EUR" in first.steps[0].what
    assert first.steps[1].what == "waits for recognise" and first.period == "open"
    assert {one.check for one in first.in_the_way} == {"unbilled-usage", "unbilled-periods"}

    stories.bill(app, "2026-02-01")
    dry = app.closing.run("E1", JAN, by("carl", 3), dry_run=True)
    assert dry.dry and app.closing.shown("E1", JAN).steps[0].since == AT.replace(day=2)
    second = app.closing.run("E1", JAN, by("carl", 3))
    assert steps(second) == {
        **dict.fromkeys(("recognise", "accrue", "revalue", "impairment", "erp-post", "tie", "soft-close"), "done"),
        "hard-close": "blocked",
    }
    assert second.steps[-1].what == "is done from business day 3 on; this is business day 2"
    assert second.period == "soft"

    adjusted(app)
    third = app.closing.run("E1", JAN, by("carl", 6))
    assert steps(third)["hard-close"] == "waiting" and third.period == "soft"
    (pending,) = app.approvals.listed("pending")
    app.approvals.approve(pending.id, by("cleo", 6))
    assert app.closing.run("E1", JAN, by("carl", 6)).period == "closed"
    with pytest.raises(TollbookError, match="closed period takes no postings"):
        app.accounts.grant("A1", "g3", Decimal(3), by("cleo"), on=JAN)

    kept = evidence(app, tmp_path)
    reopened(app)
    assert evidence(app, tmp_path)["periods.json"] != kept["periods.json"]


def adjusted(app: App) -> None:
    """A month that is closed softly takes what who may adjust it dates there, and is told so."""
    with pytest.raises(TollbookError, match="closed softly in the books of E1, and 'carl' may not adjust it"):
        app.accounts.grant("A1", "g1", Decimal(2), by("carl"), on=JAN)
    app.accounts.grant("A1", "g2", Decimal(2), by("cleo", 5, "a promise of January"), on=JAN)
    told = app.closing.history("E1", JAN)[-1]
    assert (told.who, told.what, told.state, told.words) == ("cleo", "adjust period", "soft", "a promise of January")
    (credit,) = found(app.closing.check("E1", JAN, by("carl"), ["payments-unapplied"]), "payments-unapplied")
    assert (credit.state, credit.owner, credit.by) == ("let_go", "ines", "rule close/acme#small: below 20 EUR")


def evidence(app: App, folder: Path) -> dict[str, bytes]:
    """The pack: the same to the byte as a folder and as an archive, each file with its digest."""
    number = len([*folder.glob("pack*")])
    place, archive = folder / f"pack{number}", folder / f"pack{number}.zip"
    app.closing.evidence("E1", JAN, place)
    app.closing.evidence("E1", JAN, archive)
    files = {path.name: path.read_bytes() for path in place.iterdir()}
    with zipfile.ZipFile(archive) as held:
        assert {name: held.read(name) for name in held.namelist()} == files
    sums = dict(line.split("  ")[::-1] for line in files.pop("manifest.sha256").decode().splitlines())
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    again = folder / f"pack{number}-again.zip"
    app.closing.evidence("E1", JAN, again)
    assert again.read_bytes() == archive.read_bytes()
    checks: dict[str, Any] = json.loads(files["checks.json"])
    assert checks["step"] == "hard-close" and "subledger-ties" in checks["made"]
    assert [run["kind"] for run in json.loads(files["runs.json"])] == ["bill", "accrual", "revalue", "impairment"]
    assert [one["act"] for one in json.loads(files["overrides.json"])][:1] == ["close-period"]
    rolled, balances = (
        list(csv.DictReader(io.StringIO(files[f"{name}.csv"].decode()))) for name in ("roll-forward", "trial-balance")
    )
    assert [(r["account"], r["currency"], r["closing"], r["functional_closing"]) for r in rolled] == [
        (b["account"], b["currency"], b["amount"], b["functional_amount"]) for b in balances
    ]
    assert any(r["account"] == "7940" and r["functional_credits"] < "0" for r in rolled)
    with pytest.raises(TollbookError, match="is there"):
        app.closing.evidence("E1", JAN, place)
    return files


def reopened(app: App) -> None:
    """Opening needs two persons, is told, and begins the close anew."""
    outcome = app.closing.reopen("E1", JAN, by("carl", 9, "an invoice was forgotten"))
    assert outcome.approval is not None and not outcome.done
    app.approvals.approve(outcome.approval.id, by("cleo", 9, "seen"))
    assert set(steps(app.closing.shown("E1", JAN)).values()) == {"to do"}
    told = [one.what for one in app.closing.history("E1", JAN)]
    assert told[-1] == "open period" and "close period" in told and "soft-close period" in told
    again = app.closing.run("E1", JAN, by("carl", 10))
    assert steps(again)["soft-close"] == "done" and again.period == "soft"
    assert app.closing.run("E1", JAN, by("carl", 10)).steps[:7] == again.steps[:7]
    assert app.verify(["chain"]) == {"chain": ()}


@pytest.mark.capability("A8.4")
def test_a_finding_is_let_go_by_two_and_only_as_it_was(app: App) -> None:
    stories.bill(app, "2026-02-01")
    move(app, 1, "5.00")
    code, about = "clearing-not-zero", "gl-account/1090/EUR"
    with pytest.raises(TollbookError, match="did you mean 'gl-account/1090/EUR'"):
        app.closing.waive("E1", JAN, code, "gl-account/1090", by("carl"))
    (outcome,) = app.closing.waive("E1", JAN, code, about, by("carl", 5, "it is on its way"))
    assert outcome.approval is not None and not outcome.done
    assert app.closing.check("E1", JAN, by("carl"), [code])[0].findings[0].blocks
    app.approvals.approve(outcome.approval.id, by("cleo", 5, "agreed"))
    (waived,) = app.closing.check("E1", JAN, by("carl"), [code])[0].findings
    assert (waived.state, waived.by) == ("waived", "carl: it is on its way; cleo: agreed")
    assert steps(app.closing.run("E1", JAN, by("carl", 3)))["soft-close"] == "done"

    app.ledger.set_period("E1", JAN, "open", by("carl"))
    app.approvals.approve(app.approvals.listed("pending")[0].id, by("cleo"))
    move(app, 2, "0.01")
    (anew,) = app.closing.check("E1", JAN, by("carl"), [code])[0].findings
    assert anew.blocks and str(anew.amount) == "5.0100"
    report = app.closing.run("E1", JAN, by("carl", 6))
    assert steps(report)["tie"] == "blocked" and [one.subject for one in report.in_the_way] == [about]
    assert [one.reason for one in app.closing.waivers("E1", JAN)] == ["it is on its way"]


def move(app: App, number: int, amount: str) -> None:
    """Post an amount to clearing that nothing takes from there."""
    with app.books.writer(by("ada"), tenant="acme") as writer:
        entry = writer.take_ids("entry", 1)
        writer.append("entry", [(entry, "acme", "E1", "manual", JAN, -number, "by hand", 0)])
        sides = (("1090", Decimal(amount)), ("4000", -Decimal(amount)))
        rate = (Decimal(1), "same", JAN, 0, 0)
        writer.append(
            "posting", [(entry, n, "acme", "E1", gl, "EUR", x, "EUR", x, *rate) for n, (gl, x) in enumerate(sides, 1)]
        )


ERP = """
ruleset: erp/acme
priority: 10
effective: {from: 2000-01-01}
rules:
  - {id: all, then: {post: entry, adapter: gl}}
"""


@pytest.mark.capability("A7.5")
def test_entries_go_to_the_other_ledger_before_the_month_is_closed(tmp_path: Path, sqlite_url: str) -> None:
    folder = stories.write(
        tmp_path, rules={**RULES, "erp/acme.yaml": ERP}, gl_accounts=stories.add("gl_accounts", *MORE)
    )
    config = folder / "config.yaml"
    line = "  - {name: gl, port: erp, plugin: erp_file, settings: {folder: gl}}\n"
    config.write_text(config.read_text().replace("fx:", f"{line}fx:"))
    with stories.opened(folder, sqlite_url, **SETTINGS) as app:
        stories.load(app, folder / "data")
        for day in ("2026-01-01", "2026-02-01"):
            stories.bill(app, day)
        left = found(app.closing.check("E1", JAN, by("carl")), "entries-unposted")
        assert {one.subject for one in left} == {f"entries/{kind}/2026-01-01" for kind in ("invoice", "revenue")}
        with app.books.reader() as reader:
            (kept,) = [
                b.functional_amount
                for b in reader.trial_balance("acme", "E1", JAN)
                if (b.account, b.currency) == ("1200", "EUR")
            ]
        assert sum(one.amount or 0 for one in left if "invoice" in one.subject) > kept > 0
        assert steps(app.closing.run("E1", JAN, by("carl", 3)))["soft-close"] == "done"
        assert found(app.closing.check("E1", JAN, by("carl")), "entries-unposted") == ()
        with app.books._engine.begin() as connection:
            effect = "SELECT min(id) FROM effect WHERE port = 'erp'"
            connection.exec_driver_sql(f"UPDATE effect SET state = 'rejected' WHERE id = ({effect})")
        (refused,) = found(app.closing.check("E1", JAN, by("carl")), "erp-differences")
        assert refused.blocks and "is rejected" in refused.what and refused.amount
