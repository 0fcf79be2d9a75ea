"""What was given up of an invoice, such as a discount or a bad debt, comes off what a document credits of it: nobody has paid that.

The document gives back what was billed, at its tax.  The same share of what was given up is taken back by acts of kind
``write_off`` of the other sign on the document itself, with their share of the tax that was lowered: so the customer gets back
what was paid for that part, and nothing is lowered twice.  Of a document that is below zero by less than that share, the act is
on the invoice, which is open again as far.  What voids the document gives the same up again.  Of lines that another system
billed the invoice is what came over as open of their document.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import CONTEXT, ZERO, round_to
from engine.ledger.cash import Ground, Part, cash_entry
from engine.ledger.settlements import KIND
from engine.model.invoice import InvoiceLine
from engine.model.journal import JournalEntry
from engine.model.settlement import Leg, OpenItem
from engine.runs.billing.finish import Issued
from engine.runs.billing.read import VOIDING
from engine.runs.cash.clearing import turned
from engine.runs.cash.giving_up import CREDITED, parts_of, standing_rows, taxes_in
from engine.store.reader import Reader
from engine.store.writing.settlements import Act

PAID: Final = "withholding_receivable"
"""The role of what was not given up: the customer has paid it to an authority, which owes it to the seller."""
UNWRITTEN: Final = 1 << 60
"""The id of documents that are not in the books: above all that are."""
OLD: Final = "receivable"
"""The kind of documents that came over from another system."""
BY_HAND: Final = {"role": "write_off", "tax": "keep"}
"""The terms of an act that no rule of write-offs has decided."""

Row = Mapping[str, Any]


class Taken(msgspec.Struct, frozen=True):
    """What a document takes back: ``place`` among the documents, the act that gave it up, the ``original`` invoice, and the amount,
    below zero where it is given up again.  ``taxes`` are (levying country, tax) of it; where ``turned`` names documents of acts,
    their postings are turned round instead, to the cent."""

    place: int
    act: Row
    original: OpenItem
    amount: Decimal
    terms: Mapping[str, Any]
    taxes: Sequence[tuple[str, Decimal]] = ()
    turned: tuple[int, ...] = ()

    def booked(self, reader: Reader, ground: Ground, made: Leg, name: str) -> tuple[Act, JournalEntry | None]:
        """The act of a document of that name, with its leg, and its entry."""
        row = self.act
        of = (row["entity"], f"{CREDITED}{name}/{row['key']}", row["kind"], ground.day, (made,), "")
        why = (row["note"] or row["kind"]).replace("_", " ")
        ground = msgspec.structs.replace(
            ground, text=f"{'credited' if self.amount > ZERO else 'void'}: {why} of {self.original.number}"
        )
        return Act(*of, row["key"], row["note"], row["decision"]), cash_entry(ground, [made], self._parts(reader, made))

    def _parts(self, reader: Reader, made: Leg) -> list[Part]:
        """What the leg is booked against."""
        if not self.turned:
            return parts_of(self.terms, made, self.taxes)
        sums: dict[tuple[str, str], Part] = {}
        for document in self.turned:
            for row in reader.entry_of(self.act["tenant"], document, KIND)[1:]:
                one = turned(row)
                before = sums.get(
                    (one.account, one.currency), msgspec.structs.replace(one, amount=ZERO, functional=ZERO)
                )
                sums[one.account, one.currency] = msgspec.structs.replace(
                    before, amount=before.amount + one.amount, functional=before.functional + one.functional
                )
        return list(sums.values())


def taken(reader: Reader, tenant: str, entity: str, issued: Sequence[Issued], first: int) -> list[Taken]:
    """What new documents, whose ids begin with ``first``, take back of what was given up of the invoices that they credit."""
    lines = [(place, line) for place, one in enumerate(issued) for line in one.invoice.lines if line.charge.credits]
    owners = reader.billed_by([line.charge.credits for _, line in lines]) if lines else {}
    credited: dict[tuple[int, int], list[InvoiceLine]] = defaultdict(list)
    for place, line in lines:
        if line.charge.credits in owners:
            credited[place, owners[line.charge.credits]].append(line)
    there = _standing(reader, tenant, entity, {item for _, item in credited}) if credited else {}
    made, left = list[Taken](), dict[int, Decimal]()
    for (place, ident), some in credited.items():
        if ident not in there:
            continue
        original = reader.item(tenant, entity, ident)
        assert original is not None
        number = issued[place].invoice.draft.group.partition(VOIDING)[2]
        if number and sum(line.charge.amount for line in some) > ZERO:
            made += _again(reader, place, original, there[ident], reader.find_invoice(tenant, number, entity) or 0)
        else:
            before = left.setdefault(ident, _open(reader, original, first))
            made += _back(place, original, some, there[ident], before)
            left[ident] = before + sum(map(_gross, some), ZERO)
    return made


class _Act:
    """An act that gave something up, what later acts have made of it, and what is left of it: in the books, and with new documents."""

    def __init__(self, row: Row, later: Sequence[Row], terms: Mapping[str, Any]) -> None:
        self.row, self.later, self.terms = row, later, terms
        self.written: Decimal = -sum((one["amount"] for one in later), row["amount"])
        self.left = self.written


def _standing(reader: Reader, tenant: str, entity: str, items: Iterable[int]) -> dict[int, list[_Act]]:
    """What was given up of some documents, by document, in its order."""
    acts = [
        row for row in reader.settlements(tenant, entity, item=sorted(items), kind="write_off") if not row["source"]
    ]
    if not acts:
        return {}
    later: dict[str, list[Row]] = defaultdict(list)
    for row in reader.settlements(tenant, entity, source=sorted({row["key"] for row in acts}), kind="write_off"):
        later[row["source"]].append(row)
    decisions = reader.decisions(sorted({row["decision"] for row in acts} - {0}))
    found: dict[int, list[_Act]] = defaultdict(list)
    for row in acts:
        terms = decisions[row["decision"]]["terms"] if row["decision"] else BY_HAND
        if terms["role"] != PAID:
            found[row["item"]].append(_Act(row, later[row["key"]], terms))
    return found


def _open(reader: Reader, original: OpenItem, first: int) -> Decimal:
    """What a document charges, tax included, less what documents with ids below ``first`` have credited of it."""
    if original.kind == OLD:
        return reader.old_document(original.id, first)
    rows = (one for one in standing_rows(reader, original.id) if one["invoice_id"] < first)
    mine = (one for one in rows if not one["credits"] or one["invoice_id"] != original.id)
    return sum((one["amount"] + one["tax_amount"] for one in mine), ZERO)


def _gross(line: InvoiceLine) -> Decimal:
    return line.charge.amount + line.tax.amount


def _back(
    place: int, original: OpenItem, lines: Sequence[InvoiceLine], acts: Sequence[_Act], before: Decimal
) -> list[Taken]:
    """The share of what was given up that goes with what is credited, of ``before`` that was billed and not credited."""
    gross = -sum((_gross(line) for line in lines), ZERO)
    taxed = [(line.tax.jurisdiction, line.charge.amount, line.tax.amount) for line in lines]
    made = []
    for act in acts:
        if act.left <= ZERO or gross <= ZERO:
            continue
        part = act.left
        if gross < before:
            part = round_to(CONTEXT.divide(act.left * gross, before), original.currency)
        if not part:
            continue
        act.left -= part
        exact = part == act.written and act.terms["tax"] == "adjust"
        documents = tuple(row["document"] for row in (act.row, *act.later)) if exact else ()
        # of a document of another system no tax was lowered
        taxes = taxes_in(taxed, -part, original.currency) if original.kind != OLD else ()
        made.append(Taken(place, act.row, original, part, act.terms, taxes, documents))
    return made


def _again(reader: Reader, place: int, original: OpenItem, acts: Sequence[_Act], voided: int) -> list[Taken]:
    """What a document took back is given up again by what voids it."""
    return [
        Taken(place, act.row, original, -row["amount"], act.terms, (), (row["document"],))
        for act in acts
        for row in act.later
        if row["item"] == voided
        and row["key"].startswith(CREDITED)
        and not reader.settlements(row["tenant"], row["entity"], source=row["key"])
    ]
