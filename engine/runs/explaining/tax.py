"""Why the tax of a line is what it is: who answered, by which rule, what is known since, and what was done about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.base.money import round_to, written
from engine.model.account import Account
from engine.model.routing import RoutingFacts
from engine.model.tax_correction import LAST_GOOD, TAX, Correction
from engine.runs.explaining.words import RulesOf, Step, number, rule_of, traced
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.tracing import LineRecord


def tax_steps(
    reader: Reader, tenant: str, rules_of: RulesOf, release: str, stored: Mapping[int, Any], record: LineRecord
) -> list[Step]:
    """The tax of a line; of one that corrects tax, the difference; of one whose tax was corrected since, how."""
    tax, head, charge = record.tax, record.head, record.charge
    decision = stored.get(tax["tax_decision"])
    details = [
        ("category", f"{tax['tax_category']} {tax['tax_reason']}".strip()),
        ("jurisdiction", tax["tax_jurisdiction"]),
        ("answered by", rule_of(decision) if decision else tax["tax_source"]),
    ]
    if tax["tax_source"].startswith(LAST_GOOD):
        details.append(("rate of", tax["tax_source"].removeprefix(LAST_GOOD)))
    details += [
        (
            part["jurisdiction"],
            f"{number(part['rate'] * 100)} % of {number(part['taxable'])} = {number(part['amount'])}",
        )
        for part in reader.tax_details([record.id]).get(record.id, ())
    ]
    if charge.kind == TAX:
        known = reader.corrections_on(tenant, [charge.credits])
        mine = [one for one, document in known if document == head["id"]]
        return [*(_difference(one, details) for one in mine)]
    if charge.tax_included:
        gross, net = number(record.price), number(charge.amount)
        details.append(("included", f"{gross} {charge.currency} with tax, {net} without"))
    elif not charge.credits and tax["tax_amount"] != round_to(charge.amount * tax["tax_rate"], charge.currency):
        details.append(("rounded", "with the other lines of its category and rate, or by the adapter"))
    text = f"{number(tax['tax_rate'] * 100)} % = {written(tax['tax_amount'], charge.currency)}"
    steps = [Step("tax", text, tuple(details))]
    payer = tracing.version(reader, Account, head["payer_id"])
    if payer is not None and not charge.credits:
        facts = RoutingFacts("tax", head["entity"], payer.country, head["currency"], head["invoice_date"])
        steps += _evidence(reader, tenant, payer, head)
        steps.append(traced("tax routing", rules_of(release), release, "routing", facts, head["invoice_date"]))
    return [*steps, *_since(reader, tenant, record)]


def _evidence(reader: Reader, tenant: str, payer: Account, head: Mapping[str, Any]) -> Iterator[Step]:
    """What was known then of where the buyer is, and of its tax id."""
    known = reader.tax_evidence(tenant, head["entity"], payer.key, payer.key).get(payer.key, ())
    found = [one for one in known if one.checked_on <= head["tax_point"]]
    if found:
        said = tuple(
            (
                one.kind,
                f"{one.country or 'asked'}, {'good' if one.valid else 'not good'}, {one.checked_on} "
                f"{one.source} {one.reference}".rstrip(),
            )
            for one in found
        )
        yield Step("tax evidence", f"{len(found)} pieces", said)


def _difference(one: Correction, details: list[tuple[str, str]]) -> Step:
    """What a line that corrects tax takes or gives back."""
    currency = one.charge.currency
    text = (
        f"{number(one.quote.rate * 100)} % of {number(one.net_after)} = {written(one.quote.amount, currency)}, "
        f"of which {number(one.before)} were taken: {number(one.difference)}"
    )
    return Step("tax", text, (*details, ("why", _why(one)), ("corrects", f"invoice {one.invoice}")))


def _since(reader: Reader, tenant: str, record: LineRecord) -> Iterator[Step]:
    """What was found out about the tax of a line after it was invoiced."""
    for one, document in reader.corrections_on(tenant, [record.id]):
        if one.way == "none":
            yield Step("tax asked again", f"{_why(one)}: it is the same")
            continue
        where = tracing.numbers(reader, [document]).get(document) if document else None
        carried = f"on {where}" if where else "on the next bill, which is yet to come"
        text = f"{number(one.before)} became {written(one.quote.amount, one.charge.currency)}, {carried}"
        rates = f"{number(one.rate_before * 100)} % before, {number(one.quote.rate * 100)} % now"
        yield Step("tax corrected", text, (("why", _why(one)), ("rate", rates)))


def _why(one: Correction) -> str:
    if one.cause == "exemption":
        return f"certificate {one.reference} exempts it"
    return f"{one.reference} had not answered, and was asked again"
