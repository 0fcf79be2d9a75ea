"""Books of a company whose January is clean, and ways to spoil a copy of them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from engine.app import App
from engine.model.journal import Change
from engine.model.worklist import Difference
from engine.store import tables as t
from engine.store import types
from tests import stories

JAN = date(2026, 1, 31)
AT = datetime(2026, 2, 5, 9, tzinfo=UTC)
CLOSER = Change("carl", AT, "month end")
ONE = Decimal("1.00")
RULES = {
    "close/acme.yaml": """
ruleset: close/acme
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: accounts, then: {accounts: ["1095"]}}
"""
}
ACCOUNTS = ("1095,Suspense,asset", "7940,Unrealised FX gains,income", "7950,Unrealised FX losses,expense")
RATES = ("EUR,USD,1.0500,ECB,2026-01-30",)
SETTINGS = {
    "roles": "{operator: [init, import, run, deliver, credit], closer: [close, credit], head: [approve]}",
    "people": "{ada: [operator], carl: [closer], cleo: [head]}",
    "approvals": "{account-credit: [head]}",
    "approvals_from": "{account-credit: [5 EUR]}",
}
_PLAIN: dict[type, Any] = {
    types.Big: 0,
    types.Flag: False,
    types.Day: JAN,
    types.Moment: AT,
    types.Document: {},
    types.Amount: Decimal(0),
    types.Quantity: Decimal(0),
    types.Rate: Decimal(1),
}


def clean(app: App) -> None:
    """Two bill runs, the accrual, the revaluation and the delivery: nothing of January is left to do."""
    for day in ("2026-01-01", "2026-02-01"):
        stories.bill(app, day)
    app.accruals.accrue(JAN, CLOSER)
    app.ledger.revalue(JAN, CLOSER)
    app.deliver(CLOSER, limit=1000)


class Spoiler:
    """Spoils books behind the back of the engine."""

    def __init__(self, app: App, connection: sa.Connection) -> None:
        self.app, self._connection = app, connection

    def add(self, table: sa.Table, **values: Any) -> int:
        """A row of which only what matters is given; its id."""
        ident = (
            900_000 + len(values) + self._connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        )
        row = {column.name: None if column.nullable else _PLAIN.get(type(column.type), "") for column in table.c}
        row |= {"tenant": "acme", "entity": "E1", **({"id": ident} if "id" in table.c else {}), **values}
        self._connection.execute(sa.insert(table), {name: value for name, value in row.items() if name in table.c})
        return ident

    def change(self, table: sa.Table, *where: Any, **values: Any) -> None:
        """Change one row, the first by id of those that are meant."""
        first = sa.select(sa.func.min(table.c.id)).where(*where).scalar_subquery()
        assert self._connection.execute(sa.update(table).where(table.c.id == first).values(**values)).rowcount == 1

    def drop(self, table: sa.Table, *where: Any) -> None:
        """Take rows away."""
        assert self._connection.execute(sa.delete(table).where(*where)).rowcount

    def one(self, column: sa.Column[Any], *where: Any) -> Any:
        """The first value of a column."""
        return self._connection.execute(sa.select(column).where(*where).order_by(column).limit(1)).scalar_one()

    def post(self, *sides: tuple[str, Decimal], on: date = JAN, kind: str = "manual", line: int = 0) -> int:
        """An entry that nothing stands behind; its id."""
        entry = self.add(t.ENTRY, kind=kind, posting_date=on, document=-self._free())
        for number, (account, amount) in enumerate(sides, 1):
            money = {"currency": "EUR", "amount": amount, "functional_currency": "EUR", "functional_amount": amount}
            self.add(t.POSTING, entry_id=entry, number=number, account=account, line_id=line, **money)
            if not line:
                more = {"posting_date": on, "currency": "EUR", "amount": amount, "entry_id": entry}
                self.add(t.LEDGER_TOTAL, account=account, **more)
        return entry

    def _free(self) -> int:
        return self._connection.execute(sa.select(sa.func.count()).select_from(t.ENTRY)).scalar_one()

    def schedule(self, source: str = "opening", **values: Any) -> int:
        """A schedule of revenue."""
        money = {"currency": "EUR", "amount": ONE, "functional_currency": "EUR", "functional_amount": ONE}
        return self.add(t.REVENUE_SCHEDULE, source=source, liability="2300", product="team", **{**money, **values})


def late_usage(s: Spoiler) -> None:
    loaded(s, usage=("entity,subscription,meter,key,at,quantity", "E1,S5,calls,late,2026-01-20T10:00:00+01:00,10"))


def forgotten_subscription(s: Spoiler) -> None:
    loaded(
        s,
        subscriptions=("entity,key,account,anchor_day", "E1,S6,A1,1"),
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity",
            "E1,S6,1,start,2026-01-10,team,1",
        ),
    )


def loaded(s: Spoiler, **files: Any) -> None:
    folder = s.app.config.folder
    s._connection.commit()
    stories.load(s.app, stories.deliver(folder, "-".join(files), **files))


def no_revaluation(s: Spoiler) -> None:
    entries = t.ENTRY.c.kind.in_(("revaluation", "revaluation_back"))
    ids = sa.select(t.ENTRY.c.id).where(entries)
    s.drop(t.POSTING, t.POSTING.c.entry_id.in_(ids))
    s.drop(t.ENTRY, entries)
    s.drop(t.REVALUATION, t.REVALUATION.c.id > 0)


def approval(s: Spoiler) -> None:
    s._connection.commit()
    s.app.accounts.grant("A1", "big", Decimal(9), CLOSER, on=JAN)


def credit(s: Spoiler) -> None:
    s._connection.commit()
    s.app.accounts.grant("A1", "small", Decimal(2), CLOSER, on=JAN)


def item(s: Spoiler) -> None:
    s._connection.commit()
    detail = {"amount": "3.00", "currency": "EUR"}
    with s.app.books.writer(CLOSER, tenant="acme") as writer:
        writer.open_item("acme", Difference("E1", "cash", "bank-entry/1", "3.00 EUR of nobody", detail, "ines", 0))


def unposted_line(s: Spoiler) -> None:
    s.drop(t.POSTING, t.POSTING.c.line_id == s.one(t.INVOICE_LINE.c.id, t.INVOICE_LINE.c.amount > 0))


def posted_otherwise(s: Spoiler) -> None:
    entry = s.one(t.ENTRY.c.id, t.ENTRY.c.kind == "invoice")
    mine = (t.POSTING.c.entry_id == entry, t.POSTING.c.line_id == 0)
    s._connection.execute(sa.update(t.POSTING).where(*mine).values(amount=t.POSTING.c.amount + ONE))


def other_period(s: Spoiler) -> None:
    s.schedule("line", line_id=s.one(t.INVOICE_LINE.c.id), service_from=date(2025, 1, 1), service_to=JAN)


def not_recognised(s: Spoiler) -> None:
    s.add(t.REVENUE_ITEM, schedule_id=s.schedule(), on_day=date(2026, 1, 15), amount=ONE)


def recognised(s: Spoiler, on: date, posted: Decimal) -> None:
    schedule = s.schedule()
    s.add(t.REVENUE_ITEM, schedule_id=schedule, on_day=date(2026, 1, 15), amount=ONE)
    entry = s.post(("2300", posted), ("4000", -posted), on=on, kind="recognition")
    s.add(t.REVENUE_POSTED, schedule_id=schedule, month=date(2026, 1, 1), amount=ONE, entry_id=entry)


def statement(s: Spoiler) -> None:
    money = {"currency": "EUR", "opening": Decimal(0), "closing": ONE}
    s.add(
        t.BANK_STATEMENT, account="NL1", first_day=date(2026, 1, 1), last_day=JAN, digest="d", file="jan.sta", **money
    )


def tax_correction(s: Spoiler) -> None:
    money = {"currency": "EUR", "before": Decimal(0), "after": ONE}
    s.add(t.TAX_CORRECTION, line_id=s.one(t.INVOICE_LINE.c.id), payer="A1", invoice="X", way="next_bill", **money)


def unfinished(s: Spoiler) -> None:
    s.change(t.RUN, t.RUN.c.kind == "bill", state="running")


def draft(s: Spoiler) -> None:
    content = '[{"currency": "EUR", "net": "7.00"}]'
    s.add(t.DRAFT, payer="A2", period=JAN, state="open", content=content, why="a new customer")


def moved(s: Spoiler) -> None:
    s.post(("1095", ONE), ("4000", -ONE))


def gone_line(s: Spoiler) -> None:
    s.post(("4000", ONE), ("4000", -ONE), line=987_654)


def earlier_month(s: Spoiler) -> None:
    s.post(("4000", ONE), ("6900", -ONE), on=date(2025, 12, 31))


def no_contract(s: Spoiler) -> None:
    s.change(t.INVOICE_LINE, t.INVOICE_LINE.c.id > 0, contract="GONE")


def other_day(s: Spoiler) -> None:
    s.change(t.ENTRY, t.ENTRY.c.kind == "invoice", posting_date=date(2026, 1, 2))


def credit_of_nobody(s: Spoiler) -> None:
    s.add(t.ACCOUNT_CREDIT, account="A1", currency="EUR", balance=ONE, functional_currency="EUR", functional=ONE)


def untold(s: Spoiler) -> None:
    s.change(t.EFFECT, t.EFFECT.c.id > 0, state="rejected")


def failed_call(s: Spoiler) -> None:
    s.add(
        t.REQUEST, adapter="psp", hook="psp_status", key="k", outcome="failed", error="no route", at=AT.replace(month=1)
    )


def not_accrued(s: Spoiler) -> None:
    """What a run has accrued of a charge is gone, the run is there."""
    ident = s.one(t.REVENUE_ACCRUAL.c.id, t.REVENUE_ACCRUAL.c.currency == "EUR")
    entry = s.one(t.ENTRY.c.id, t.ENTRY.c.document == ident)
    s.drop(t.POSTING, t.POSTING.c.entry_id == entry)
    s.drop(t.ENTRY, t.ENTRY.c.id == entry)
    s.drop(t.REVENUE_ACCRUAL, t.REVENUE_ACCRUAL.c.id == ident)


def overridden(s: Spoiler) -> None:
    s.add(t.REVENUE_EVENT, key="o", kind="acceptance", on_day=JAN, note="they will sign", override=True)


PLANTED = {
    "unbilled-usage": late_usage,
    "unbilled-periods": forgotten_subscription,
    "drafts-not-issued": draft,
    "runs-unfinished": unfinished,
    "tax-corrections-pending": tax_correction,
    "payments-unapplied": credit,
    "bank-statements": statement,
    "clearing-not-zero": moved,
    "revenue-not-recognised": not_recognised,
    "accruals-missing": not_accrued,
    "schedule-dates": other_period,
    "revenue-timing": lambda s: recognised(s, date(2026, 2, 1), ONE),
    "revenue-allocation": lambda s: recognised(s, JAN, ONE + ONE),
    "revenue-overrides": overridden,
    "postings-without-line": gone_line,
    "lines-without-posting": unposted_line,
    "posted-otherwise": posted_otherwise,
    "lines-without-contract": no_contract,
    "posting-dates": other_day,
    "subledger-ties": credit_of_nobody,
    "revaluation-missing": no_revaluation,
    "earlier-months-open": earlier_month,
    "effects-undelivered": untold,
    "requests-failed": failed_call,
    "approvals-pending": approval,
    "worklist-open": item,
}
"""How to plant what a check finds, by its code."""
