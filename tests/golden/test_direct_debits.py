"""Direct debits from mandate to return: told before, collected by a file, rejected, settled, taken back, lapsed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
import time_machine

from engine.app import App
from engine.base.errors import TollbookError
from engine.model.direct_debit import Pending
from tests import stories
from tests.fakes import sepa_bank

ACCOUNT = "DE89370400440532013000"
ADAPTER = f"""
  - name: bank
    port: psp
    plugin: psp_sepa
    timeout: 30
    settings: {{creditor_name: Acme BV, creditor_id: DE98ZZZ09999999999, iban: {ACCOUNT}, folder: bank}}
fx:"""
MANDATES = (
    "entity,reference,account,debtor_name,iban,signed_on,last_collected",
    "E1,M-1,A1,One,NL91ABNA0417164300,2025-12-01,",
    "E1,M-5,A5,Five,DE75512108001245126199,2025-12-01,2025-12-15",
    "E1,M-6,A6,Six,AT611904300234573201,2021-06-01,2022-12-15",
)
PEOPLE = [f"E1,{key},{name},NL,EUR,Europe/Amsterdam,," for key, name in (("A5", "Five"), ("A6", "Six"))]
EVENTS = "entity,subscription,key,kind,on,plan,quantity"


def company(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    stories.write(
        folder,
        accounts=stories.add("accounts", *PEOPLE),
        gl_accounts=stories.add("gl_accounts", "1050,Money at providers,asset", "6800,Fees of providers,expense"),
        subscriptions=("entity,key,account,anchor_day", *(f"E1,S{n},A{n},1" for n in (1, 5, 6))),
        subscription_events=(EVENTS, *(f"E1,S{n},1,start,2026-02-01,team,{n}" for n in (1, 5, 6))),
        usage=("entity,subscription,meter,key,at,quantity",),
        mandates=MANDATES,
    )
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("\nfx:", ADAPTER, 1))
    return folder


@contextmanager
def on(day: str) -> Iterator[Any]:
    """A morning, before the bank's cut-off."""
    with time_machine.travel(f"{day}T07:30:00Z", tick=False):
        yield msgspec.structs.replace(stories.CHANGE, at=datetime.now(UTC))


def run(app: App, day: str) -> Any:
    with on(day) as change:
        return app.direct_debits.run(change, date.fromisoformat(day))


def hear(app: App, day: str, body: bytes) -> Any:
    file = app.config_path.parent / "said.xml"
    file.write_bytes(body)
    with on(day) as change:
        heard = app.direct_debits.hear(change, file, date.fromisoformat(day))
    return (heard.settled, heard.rejected, heard.returned, heard.known), heard.findings


def states(app: App) -> dict[str, str]:
    return {one.key[3:]: one.state for one in app.direct_debits.listed()}


def open_of(app: App, account: str) -> list[tuple[str, Decimal]]:
    return [(item.number, item.left) for item in app.accounts.shown(account).items]


def balances(app: App) -> dict[str, Decimal]:
    return {row["account"]: row["functional_amount"] for row in app.ledger.trial_balance()["E1"]}


def files(folder: Path) -> list[bytes]:
    return [
        path.read_bytes() for path in sorted((folder / "bank").glob("*.xml"), key=lambda path: path.stat().st_mtime_ns)
    ]


@pytest.mark.capability("A4.1")
def test_from_mandate_to_return(database_url: str, tmp_path: Path) -> None:
    folder = company(tmp_path / "acme")
    with stories.opened(folder, database_url) as app:
        app.books.migrate()
        assert not stories.load(app, folder / "data").findings
        with on("2026-02-01") as change:
            stories.bill(app, "2026-02-01")
            first, second, third = sorted(one["number"] for one in stories.invoices(app))
            early = app.direct_debits.run(change, date(2026, 2, 1))
            assert {one.code for one in early.findings} == {"direct-debit.no-notice", "direct-debit.not-collected"}
            app.deliver(change, limit=100)

        # the invoice is the notice; nothing is collected before fourteen days, nor before it is due
        report = run(app, "2026-02-01")
        (lapsed,) = report.findings
        assert lapsed.code == "direct-debit.not-collected" and third in lapsed.what
        assert "last collection was due on 2022-12-15, and 36 months later, on 2025-12-15" in lapsed.what
        assert states(app) == {f"{first}-1": "notified", f"{second}-1": "notified"}
        assert run(app, "2026-02-20").sent == () and files(folder) == []
        assert app.direct_debits.pending("E1", "A1") == [
            Pending("A1", item.id, first, f"DD-{first}-1", item.left, date(2026, 3, 3), "notified")
            for item in app.accounts.shown("A1").items
        ]

        # two days of settlement before the day, one file goes to the bank, and only one
        preview = app.direct_debits.preview(date(2026, 2, 27))
        report = run(app, "2026-02-27")
        assert report.sent == preview.sent and report.counts["accepted"] == 2
        assert run(app, "2026-02-27").sent == ()
        (data,) = files(folder)
        one, two = sorted(sepa_bank.read(data), key=lambda debit: debit.end_to_end)
        assert [(d.mandate, d.sequence, d.due, d.amount, d.text) for d in (one, two)] == [
            ("M-1", "RCUR", date(2026, 3, 3), open_of(app, "A1")[0][1], first),
            ("M-5", "RCUR", date(2026, 3, 3), open_of(app, "A5")[0][1], second),
        ]

        # one is rejected for want of money, the other comes and is taken back; each word is booked once
        rejected = sepa_bank.rejects([two], "AM04")
        assert hear(app, "2026-03-02", rejected)[0] == (0, 1, 0, 0)
        assert hear(app, "2026-03-02", rejected)[0] == (0, 0, 0, 1)
        came = sepa_bank.booked(ACCOUNT, one.due, sepa_bank.group_credit([one], one.due))
        assert hear(app, "2026-03-03", came)[0] == (1, 0, 0, 0)
        assert open_of(app, "A1") == [] and balances(app)["1050"] == one.amount
        # in three parts, two of them alike; never more than came
        ten, rest, day = Decimal(10), one.amount - 20, date(2026, 3, 6)
        alike = [sepa_bank.debit_back(one, date(2026, 3, 5), "MD06", part=ten)] * 2
        parts = sepa_bank.booked(ACCOUNT, date(2026, 3, 5), *alike)
        assert hear(app, "2026-03-05", parts)[0] == (0, 0, 2, 0) and open_of(app, "A1") == [(first, Decimal(20))]
        over = sepa_bank.booked(ACCOUNT, day, sepa_bank.debit_back(one, day, "MD06", part=rest + 1))
        counts, (finding,) = hear(app, "2026-03-06", over)
        assert (
            counts == (0, 0, 0, 0) and finding.code == "direct-debit.odd" and f"of which {rest:f} can" in finding.what
        )
        back = sepa_bank.booked(ACCOUNT, day, sepa_bank.debit_back(one, day, "MD06", Decimal(3), part=rest))
        counts, (finding,) = hear(app, "2026-03-06", back)
        assert counts == (0, 0, 1, 0) and finding.code == "direct-debit.came-back" and "MD06" in finding.what
        for message in (came, parts, back, rejected, back):
            assert hear(app, "2026-03-07", message)[0][:3] == (0, 0, 0)
        assert open_of(app, "A1") == [(first, one.amount)]
        assert balances(app)["1050"] == Decimal("-3.00") and balances(app)["6800"] == Decimal("3.00")

        # want of money is tried again; a dispute waits for somebody
        report = run(app, "2026-03-09")
        assert [(row.key, row.due) for row in report.planned] == [(f"DD-{second}-2", date(2026, 3, 9))]
        said = {finding.what for finding in report.findings}
        assert any(first in what and "by other means" in what for what in said)
        (again,) = sepa_bank.read(files(folder)[-1])
        assert (again.end_to_end, again.due, again.sequence) == (f"DD-{second}-2", date(2026, 3, 10), "RCUR")
        assert "came back with MD06" in app.mandates.shown("M-1", date(2026, 3, 9)).standing.fault
        assert states(app) == {f"{first}-1": "returned", f"{second}-1": "rejected", f"{second}-2": "sent"}
        assert {name: found for name, found in app.verify().items() if found} == {}


def test_mandates_are_kept_in_versions(tmp_path: Path) -> None:
    folder = company(tmp_path / "acme")
    with stories.opened(folder, f"sqlite:///{tmp_path / 'books.db'}") as app:
        app.books.migrate()
        stories.load(app, folder / "data")
        desk, change, today = app.mandates, stories.CHANGE, date(2026, 2, 1)
        given = {"account": "A5", "reference": "M-7", "iban": "de75 5121 0800 1245 1261 99", "debtor_name": "Five"}
        given |= {"signed_on": date(2026, 1, 2), "scheme": "B2B", "kind": "one_off"}
        assert desk.add(given, change) == desk.add(given, change)
        assert desk.shown("M-7", today).standing.sequence == "OOFF"
        amended = desk.amend("M-1", {"iban": "NL20INGB0001234567"}, change, today)
        assert (amended.iban, amended.confirmed_on) == ("NL20INGB0001234567", today)
        desk.cancel("M-5", change, today)
        assert "cancelled on 2026-02-01" in desk.shown("M-5", today).standing.fault
        refusals = {
            "mandate.exists": lambda: desk.add({**given, "account": "A1"}, change),
            "mandate.unfit": lambda: desk.amend("M-1", {"iban": "NL21INGB0001234567"}, change, today),
            "mandate.fixed": lambda: desk.amend("M-1", {"signed_on": today}, change, today),
            "mandate.unknown": lambda: desk.cancel("M-8", change, today),
            "account.unknown": lambda: desk.add({**given, "reference": "M-9", "account": "A9"}, change),
        }
        for code, refused in refusals.items():
            with pytest.raises(TollbookError) as refusal:
                refused()
            assert refusal.value.findings[0].code == code
        with app.books.reader() as reader:
            told = [row for row in reader.audit_rows("acme", limit=1000) if row.subject == "mandate/E1/M-1"]
        assert told and "NL20INGB0001234567" not in str(told)
