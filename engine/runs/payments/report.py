"""Invoice to gateway: what the books say came through each provider, what the provider says, and every difference by its name.

It reads zero where all ties: every payment that came is an act on invoices, every line of a payout is a payment or refund of the
same amount, every payment is paid out in the time that the provider has declared, and nothing is in doubt.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import ZERO, round_to
from engine.model.payment import SUCCEEDED
from engine.model.payment_state import PaymentRecord
from engine.ports.hookspecs.psp import Description
from engine.runs.payments.contested import KINDS, untied
from engine.runs.payments.news import act_key
from engine.runs.payments.payouts import FEE_KINDS
from engine.store.reader import Reader

Place = tuple[str, str, str]
"""(provider, legal entity, currency)."""

ALONE: Final = ("payment_succeeded", "refund_succeeded", "payment_returned")
"""Events about money that name a payment which has to be ours."""


class Row(msgspec.Struct, frozen=True):
    """What came and went through a provider: ``clearing`` is what it owes by the books, ``in_transit`` what it owes by single
    payments; they are the same where all ties."""

    provider: str
    entity: str
    currency: str
    collected: Decimal
    refunded: Decimal
    paid_out: Decimal
    fees: Decimal
    clearing: Decimal
    in_transit: Decimal
    differences: int


class Gap(msgspec.Struct, frozen=True):
    """A difference: what, how much of it (0 where it has no amount), and what is to be done."""

    provider: str
    entity: str
    currency: str
    subject: str
    what: str
    amount: Decimal
    mend: str


class Tied(msgspec.Struct, frozen=True):
    """The report."""

    rows: tuple[Row, ...]
    differences: tuple[Gap, ...]


def compare(
    reader: Reader, tenant: str, described: Mapping[str, Description], on: date, grace: int, provider: str = ""
) -> Tied:
    """Compare payments, acts, events and payouts as they are known on a day; ``grace`` is days beside the declared ones."""
    payments = [one for one in reader.all_payments(tenant) if provider in ("", one.provider)]
    lines = [row for row in reader.payout_lines(tenant) if provider in ("", row["provider"])]
    payouts = {row["id"]: row for row in reader.payouts(tenant)}
    gaps = [
        *_acts(reader, tenant, payments),
        *_of_lines(payments, lines, payouts, untied(reader, tenant, payments, lines)),
        *_late(payments, lines, described, on, grace),
        *_strangers(reader, tenant, provider),
        *_in_doubt(reader, tenant, payments),
    ]
    return Tied(tuple(_rows(payments, lines, payouts, gaps)), tuple(gaps))


def _gap(payment: PaymentRecord, what: str, amount: Decimal, mend: str) -> Gap:
    place = (payment.provider, payment.entity, payment.currency)
    return Gap(*place, f"{payment.kind} {payment.key}", what, amount, mend)


def _coins(amount: Decimal, payment: PaymentRecord) -> str:
    return f"{round_to(amount, payment.currency):f}"


def _acts(reader: Reader, tenant: str, payments: Sequence[PaymentRecord]) -> Iterator[Gap]:
    """Payments and refunds that came, and their acts on the items of the account."""
    for one in payments:
        if one.state != SUCCEEDED:
            continue
        key, kind = (act_key(one), "payment") if one.kind == "charge" else (one.key, "refund")
        rows = reader.settlements(tenant, one.entity, key=key)
        settled = abs(sum((row["amount"] for row in rows if row["kind"] == kind), ZERO))
        if settled != one.taken:
            what = f"{_coins(one.taken, one)} came, and {_coins(settled, one)} is booked on the account"
            yield _gap(one, what, one.taken - settled, "run `tollbook verify`: an act was changed")


def _of_lines(
    payments: Sequence[PaymentRecord],
    lines: Sequence[Mapping[str, Any]],
    payouts: Mapping[int, Mapping[str, Any]],
    disputed: Mapping[int, Decimal],
) -> Iterator[Gap]:
    """What stands in payouts and not in the books, or with another amount; ``disputed`` does so of disputes, by payment."""
    known = {one.id: one for one in payments}
    sums: dict[int, Decimal] = defaultdict(lambda: ZERO)
    for row in lines:
        payout = payouts[row["payout"]]
        place = (row["provider"], payout["entity"], payout["currency"])
        name = f"{row['kind']} {row['provider_id'] or row['key']}"
        if row["kind"] in FEE_KINDS:
            continue
        if row["kind"] in KINDS:
            if (row["payment"] or 0) in disputed:
                mend = "tell of it with `tollbook dispute event`"
                yield Gap(*place, name, f"payout {payout['key']} has it", row["gross"], mend)
        elif not row["payment"]:
            what = f"payout {payout['key']} has it, and the books have no such payment"
            yield Gap(
                *place, name, what, row["gross"], "look it up at the provider; book it with `tollbook account pay`"
            )
        else:
            sums[row["payment"]] += row["gross"]
    for ident, total in sums.items():
        one = known.get(ident)
        if one is None:
            continue
        taken = one.taken if one.state == SUCCEEDED else ZERO
        mine = taken if one.kind == "charge" else -taken
        if mine != total:
            what = f"{_coins(total, one)} stands in payouts, and {_coins(mine, one)} in the books"
            yield _gap(one, what, total - mine, "`tollbook payments tell` asks the provider")


def _late(
    payments: Sequence[PaymentRecord],
    lines: Sequence[Mapping[str, Any]],
    described: Mapping[str, Description],
    on: date,
    grace: int,
) -> Iterator[Gap]:
    """Payments that should have been paid out by now."""
    paid_out = {row["payment"] for row in lines}
    for one in payments:
        if one.state != SUCCEEDED or one.kind != "charge" or one.id in paid_out:
            continue
        found = described.get(one.provider)
        kind = one.told["method"]["kind"]
        days = [way.settlement_days for way in found.capabilities if way.method == kind] if found else []
        due = _business_days(one.day, max(days, default=0)) + timedelta(grace)
        if on > due:
            what = f"{_coins(one.taken, one)} was to be paid out by {due}, and stands in no payout"
            yield _gap(one, what, one.taken, "`tollbook payments payouts` reads what was paid out")


def _business_days(day: date, count: int) -> date:
    """The day that is so many working days (Monday to Friday) later."""
    while count:
        day += timedelta(1)
        count -= day.weekday() < 5
    return day


def _strangers(reader: Reader, tenant: str, provider: str) -> Iterator[Gap]:
    """Money that providers have told of and that is no payment of ours."""
    for row in reader.payment_events(tenant, kinds=ALONE):
        told = row["content"]
        if row["payment"] or provider not in ("", row["provider"]):
            continue
        amount = Decimal(str(told.get("amount") or 0))
        name = f"{row['kind']} {told.get('provider_id') or row['event']}"
        what = "the provider told of it, and the books have no such payment"
        mend = "look it up at the provider; book it with `tollbook account pay`, or give it back there"
        yield Gap(row["provider"], "", told.get("currency", ""), name, what, amount, mend)


def _in_doubt(reader: Reader, tenant: str, payments: Sequence[PaymentRecord]) -> Iterator[Gap]:
    """Payments that were told and never answered."""
    waiting = [one for one in payments if one.state == "created" and one.effect]
    effects = {one.key: one for one in reader.effects(tenant, [one.effect for one in waiting])} if waiting else {}
    for one in waiting:
        effect = effects.get(one.effect)
        if effect is not None and effect.attempts:
            what = f"{_coins(one.amount, one)} was told, and it is not known what came of it"
            yield _gap(one, what, one.amount, "`tollbook payments tell` asks the provider by its key")


def _rows(
    payments: Sequence[PaymentRecord],
    lines: Sequence[Mapping[str, Any]],
    payouts: Mapping[int, Mapping[str, Any]],
    gaps: Sequence[Gap],
) -> Iterator[Row]:
    sums: dict[Place, dict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    mentioned = {row["payment"] for row in lines}
    for one in payments:
        if one.state != SUCCEEDED:
            continue
        place, charge = (one.provider, one.entity, one.currency), one.kind == "charge"
        sums[place]["collected" if charge else "refunded"] += one.taken
        if one.id not in mentioned:
            sums[place]["in_transit"] += one.taken if charge else -one.taken
    for ident in {row["payout"] for row in lines}:
        payout = payouts[ident]
        place = (payout["provider"], payout["entity"], payout["currency"])
        sums[place]["paid_out"] += payout["amount"]
        sums[place]["fees"] += payout["fees"]
    for place, found in sorted(sums.items()):
        given = found["refunded"] + found["paid_out"] + found["fees"]
        count = sum((gap.provider, gap.entity or place[1], gap.currency or place[2]) == place for gap in gaps)
        yield Row(
            *place,
            *(found["collected"], found["refunded"], found["paid_out"], found["fees"]),
            *(found["collected"] - given, found["in_transit"], count),
        )
