"""A company small enough to be understood, as every test of the books needs one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Where
from engine.model.account import Account
from engine.model.catalog import Charge, Meter, Plan
from engine.model.contract import Contract, ContractLine
from engine.model.decision import Decision
from engine.model.entity import LegalEntity, TaxRegistration
from engine.model.invoice import RatedCharge
from engine.model.journal import Change, FxRate, GLAccount
from engine.model.lateness import Disposition, Ended, LateUsage
from engine.model.subscription import BillingMark, Subscription
from engine.model.tax import TaxQuote
from engine.model.tax_correction import Correction
from engine.model.worklist import Difference
from engine.store import tables
from engine.store.books import Books
from engine.store.writer import Writer

T, E = "acme", "de"
CHANGE = Change("ada", datetime(2026, 4, 1, 9, tzinfo=UTC), "first load")
JAN, FEB, MAR, APR = (date(2026, month, 1) for month in (1, 2, 3, 4))
RELEASE = "r-0123456789abcdef"
DECISION = 77

ENTITY = LegalEntity(
    T, E, "Acme GmbH", "DE", "EUR", "Europe/Berlin", "Berlin", 1, (TaxRegistration("DE", "vat", "DE123"),), (), id=1
)


def account(key: str, payer: str = "", **more: Any) -> Account:
    """An account of the company, by default its own payer."""
    given = {"id": 0, "name": key.title(), "country": "DE", "currency": "EUR", "zone": "Europe/Berlin"}
    return Account(**{**given, "tenant": T, "entity": E, "key": key, "payer": payer or key, **more})


CHARGES = (
    Charge(0, T, "basic", "base", "Base fee", "recurring", "advance"),
    Charge(0, T, "basic", "calls", "Calls", "usage", "arrears", meter="api", unit="call"),
    Charge(0, T, "yearly", "calls", "Calls", "usage", "arrears", months=12, meter="api", unit="call"),
)


def masters(writer: Writer) -> None:
    """Everything that is sold, two accounts (one of which pays for the other), and a subscription of each."""
    writer.put("entities", [ENTITY])
    writer.put("meters", [Meter(T, "api", "call")])
    writer.put("plans", [Plan(T, "basic", "Basic"), Plan(T, "yearly", "Yearly")])
    writer.put("charges", CHARGES)
    writer.put("gl_accounts", [GLAccount("1200", "Receivables", "asset")], tenant=T)
    writer.put("rates", [FxRate("USD", "EUR", Decimal("0.92"), "ecb", JAN)], tenant=T)
    writer.put("accounts", [account("parent"), account("child", "parent", parent="parent"), account("idle")])
    writer.put("contracts", [Contract(0, T, E, "C1", "child", JAN, 14)])
    writer.put("contract_lines", [ContractLine(0, "C1", "basic", "base", Decimal("9.5"), "EUR")], tenant=T, entity=E)
    writer.put(
        "subscriptions",
        [Subscription(0, T, E, "parent", "S-parent"), Subscription(0, T, E, "child", "S-child", "C1", 15)],
    )
    ids = subscription_ids(writer)
    starts = [(T, E, ids[key], "start", "start", JAN, "basic", Decimal(1), *[None] * 6) for key in sorted(ids)]
    writer.put_subscription_events(starts)


def subscription_ids(writer: Writer) -> dict[str, int]:
    """Ids of the two subscriptions by key."""
    found = writer.reader.subscription_ids(T, E, ["S-parent", "S-child"])
    return {key: value[0] for key, value in found.items()}


def usage(subscription: int, key: str, day: date, quantity: str = "1", source: str = "app") -> tuple[Any, ...]:
    """A row for ``put_usage``."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return (T, E, source, key, subscription, "api", at, day, Decimal(quantity), None)


def refused_usage(key: str) -> tuple[Any, ...]:
    """A row for ``put_refused_usage``."""
    at = datetime(2026, 1, 1, 12, tzinfo=UTC)
    return (T, E, "app", key, f"digest of {key}", "erp", at, "intake.unknown-reference", "no such meter", {"key": key})


def charge(subscription: int, service: tuple[date, date] = (JAN, FEB), amount: str = "10", **more: Any) -> RatedCharge:
    """A rated charge for a line."""
    start, end = service
    base: dict[str, Any] = {
        "account": "parent",
        "account_id": 1,
        "subscription_id": subscription,
        "subscription": "S-parent",
        "contract": "",
        "contract_line_id": 0,
        "plan": "basic",
        "charge": "base",
        "charge_id": 1,
        "kind": "recurring",
        "text": "Base fee",
        "product": "",
        "tax_code": "standard",
        "service_from": start,
        "service_to": end,
        "cycle_from": start,
        "cycle_to": end,
        "currency": "EUR",
        "quantity": Decimal(1),
        "full": Decimal(amount),
        "share": "1",
        "amount": Decimal(amount),
        "decision": DECISION,
        "proration": DECISION,
    }
    return RatedCharge(**{**base, **more})


def correction(line: int) -> Correction:
    """A correction of the tax of a line that waits for the next bill."""
    quote = TaxQuote(str(line), Decimal("0.16"), Decimal("1.60"), "S", "DE", "rates", "")
    head = (line, "fallback", "rates", E, "parent", "INV-1", charge(1), Decimal(10), Decimal("1.90"))
    return Correction(*head, Decimal("0.19"), "S", "", quote, 0, "next_bill")


def line_row(ident: int, invoice: int, number: int, rated: RatedCharge) -> tuple[Any, ...]:
    """A row of ``invoice_line`` with 19 % tax."""
    tax = (rated.amount * Decimal("0.19")).quantize(Decimal("0.01"))
    quote = (Decimal("0.19"), tax, "S", "DE", "rules", "", DECISION)
    return (ident, invoice, number, T, E, *msgspec.structs.astuple(rated), *quote)


def invoice_row(
    ident: int, sequence: int, rated: Iterable[RatedCharge], on: date = JAN, **more: Any
) -> tuple[Any, ...]:
    """A row of ``invoice`` for lines of :func:`line_row`."""
    lines = [line_row(0, 0, 0, one) for one in rated]
    amount_at = list(tables.INVOICE_LINE.c.keys()).index("amount")
    tax_at = list(tables.INVOICE_LINE.c.keys()).index("tax_amount")
    net, tax = sum(line[amount_at] for line in lines), sum(line[tax_at] for line in lines)
    row = {
        "id": ident,
        "tenant": T,
        "entity": E,
        "kind": "invoice",
        "series": "INV",
        "sequence": sequence,
        "number": f"INV-{sequence}",
        "payer": "parent",
        "payer_id": 1,
        "currency": "EUR",
        "invoice_date": on,
        "tax_point": on,
        "due_date": on,
        "purchase_order": "",
        "period": on.isoformat(),
        "group_key": "",
        "net": net,
        "tax": tax,
        "total": net + tax,
        "functional_currency": "EUR",
        "functional_total": net + tax,
        "rate": Decimal(1),
        "rate_source": "same",
        "rate_on": on,
        "draft_decision": DECISION,
        "numbering_decision": DECISION,
        "run_id": 0,
        "seller_id": 0,
    }
    return tuple({**row, **more}.values())


def posting_row(entry: int, number: int, gl: str, amount: Decimal, line: int = 0) -> tuple[Any, ...]:
    """A row of ``posting`` in euros."""
    return (entry, number, T, E, gl, "EUR", amount, "EUR", amount, Decimal(1), "same", JAN, line, DECISION)


def issue(writer: Writer, ident: int, rated: Iterable[RatedCharge], on: date = JAN, **more: Any) -> None:
    """Write an invoice with its lines, entry, postings and number.  Its lines have the ids ``ident * 10 + 1, ...``."""
    charges = list(rated)
    lines = [line_row(ident * 10 + n, ident, n, one) for n, one in enumerate(charges, 1)]
    writer.append("invoice_line", lines)
    writer.append("entry", [(ident, T, E, "invoice", on, ident, "invoice", 0)])
    at = {name: i for i, name in enumerate(tables.INVOICE_LINE.c.keys())}
    gross = [line[at["amount"]] + line[at["tax_amount"]] for line in lines]
    postings = [posting_row(ident, 1, "1200", Decimal(sum(gross)))]
    postings += [posting_row(ident, n + 1, "4400", -part, ident * 10 + n) for n, part in enumerate(gross, 1)]
    writer.append("posting", postings)
    sequence = writer.take_numbers(T, E, "INV", 1, on)
    writer.append("invoice", [invoice_row(ident, sequence, charges, on, **more)])


def decision(ident: int = DECISION) -> Decision:
    """A decision of the release that everything rests on."""
    terms = {"method": "flat", "unit": {"EUR": Decimal("9.5")}}
    return Decision(ident, "pricing", "pricing/base", "all", Where("rules/pricing/base.yaml", 7), RELEASE, {}, terms)


def company(books: Books) -> dict[str, int]:
    """Books with masters, usage, two invoices and marks, in which every check finds nothing; ids of subscriptions."""
    with books.writer(CHANGE, tenant=T) as writer:
        masters(writer)
        writer.store_release(T, RELEASE, {"rules/pricing/base.yaml": b"ruleset: pricing/base"})
        writer.store_decisions([decision()])
        ids = subscription_ids(writer)
        writer.put_usage([usage(ids["S-parent"], f"u{day}", date(2026, 1, day)) for day in range(1, 11)])
        high = writer.roll_up_usage(T)
        used = charge(ids["S-parent"], amount="2", charge="calls", charge_id=2, kind="usage", usage_to=high, events=10)
        issue(writer, 1, [charge(ids["S-parent"]), used])
        issue(writer, 2, [charge(ids["S-parent"], (FEB, MAR)), charge(ids["S-child"], (FEB, MAR))], FEB)
        writer.set_marks([BillingMark(ids[key], MAR, 2, high) for key in sorted(ids)])
    return ids


def row_of(table: Any, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """A row in the order of a table's columns."""
    return tuple(values[column.name] for column in table.columns)


def last_number(series: str, number: int) -> dict[str, Any]:
    """The last legal number of an old system, as a row without its id."""
    return {
        "tenant": T,
        "entity": E,
        "series": series,
        "last_number": number,
        "last_date": JAN,
        "cutover": "main",
    }


def ended(ident: int, disposition: Disposition) -> Ended:
    """How the event ``late`` of that id ended."""
    late = LateUsage(ident, ident, "app", f"late{ident}", "api", JAN, Decimal(1))
    return Ended(late, 1, "basic", "calls", JAN, FEB, 28, disposition, Decimal("0.5"), "EUR", DECISION)


def difference(subject: str) -> Difference:
    """Something for the worklist."""
    return Difference(E, "usage-total", subject, "2 events are missing", {"from": "2026-01-01"}, "", DECISION)
