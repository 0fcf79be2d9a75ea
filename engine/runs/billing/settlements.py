"""New documents and the credit of accounts: where the money of a credit note goes, and what credit pays of an invoice.

Whether a payer of the partition has credit is asked once.  Where one has, or gets a credit note, its open items are locked,
read, and settled in the transaction that writes the documents.  A dry run does the same without lock.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Finding
from engine.base.money import ZERO
from engine.ledger.cash import Ground
from engine.ledger.posting import Determine, determine
from engine.ledger.settlements import settlement_entry
from engine.ledger.wallets import Occasion
from engine.model.account import Account
from engine.model.entity import LegalEntity
from engine.model.journal import JournalEntry
from engine.model.settlement import CREDIT, AllocationFacts, Leg, OpenItem
from engine.model.wallet import Move
from engine.receivables.open_items import Sheet
from engine.runs.accounts.settlement_moves import keep_acts, sheet
from engine.runs.billing.finish import Issued
from engine.runs.billing.given_up import UNWRITTEN, Taken, taken
from engine.runs.billing.read import Pinned
from engine.runs.run import Parts, attempt
from engine.store.reader import Reader
from engine.store.reading.settlements import credit_item
from engine.store.writer import Writer
from engine.store.writing.settlements import Act

Purse = tuple[str, str]
"""(payer, currency)."""
Moves = Mapping[int, Sequence[Move]]
"""What wallets move for invoices, by the place of the invoice."""


class Planned(msgspec.Struct, frozen=True):
    """How a document is settled when it is issued: ``place`` among the documents, the decision, and what changes; ``back`` where it
    takes back what was given up of an invoice."""

    place: int
    kind: str
    legs: tuple[Leg, ...]
    decision: int
    back: Taken | None = None


def settle_new(
    parts: Parts, pinned: Pinned, writer: Writer, entity: LegalEntity, payers: tuple[str, str], issued: Sequence[Issued],
    first: int, moves: Moves,
) -> list[Finding]:  # fmt: skip
    """Settle new documents, whose ids begin with ``first``; what no rule of allocation answers for stays open, with a finding."""
    back = taken(writer.reader, parts.tenant, entity.key, issued, first)
    wanted = _concerned(writer.reader, parts.tenant, entity, payers, issued, moves, back)
    if not wanted:
        return []
    own, findings = entity.functional_currency, list[Finding]()
    sheets = {key: sheet(writer, parts.tenant, (entity.key, *key, own)) for key in sorted(wanted)}
    accounts = writer.reader.accounts(parts.tenant, entity.key, sorted({payer for payer, _ in wanted}))

    def booked(currency: str) -> Determine:
        return determine(parts.rules.decide, entity.key, currency, pinned.on)

    acts: list[tuple[Act, JournalEntry | None]] = []
    for one in _planned(
        parts, writer.reader, pinned.on, entity, accounts, sheets, issued, first, moves, findings, back
    ):
        made = issued[one.place]
        draft = made.invoice.draft
        name = "/".join((draft.payer, draft.invoice_date.isoformat(), made.invoice.kind, draft.group))
        country, text = accounts[draft.payer].country, f"{one.kind.replace('_', ' ')} of {draft.payer}"
        head = (parts.tenant, entity.key, country, draft.invoice_date)
        if one.back is not None:
            acts.append(one.back.booked(writer.reader, Ground(*head, "", own, booked), one.legs[0], name))
            continue
        act = Act(entity.key, f"{one.kind}/{name}", one.kind, draft.invoice_date, one.legs, decision=one.decision)
        entry = settlement_entry(Occasion(*head, text, made.rate, booked(draft.currency)), one.legs, None)
        acts.append((act, entry))
    keep_acts(writer, parts.tenant, acts)
    return findings


def foreseen(
    parts: Parts, reader: Reader, on: date, entity: LegalEntity, payers: tuple[str, str], issued: Sequence[Issued],
    moves: Moves,
) -> tuple[Mapping[int, Decimal], list[Finding]]:  # fmt: skip
    """What a dry run shows: how much credit each invoice uses (below zero: becomes credit), by its place."""
    back = taken(reader, parts.tenant, entity.key, issued, UNWRITTEN)
    wanted = _concerned(reader, parts.tenant, entity, payers, issued, moves, back)
    if not wanted:
        return {}, []
    own, findings = entity.functional_currency, list[Finding]()
    open_ = reader.open_items(parts.tenant, entity.key, {payer for payer, _ in wanted})
    none = {key: credit_item(*key, ZERO, own, ZERO) for key in wanted}
    sheets = {
        key: Sheet([none[key], *open_.get(key, ())]) for key in sorted(wanted)
    }  # the credit that there is comes later
    accounts = reader.accounts(parts.tenant, entity.key, sorted({payer for payer, _ in wanted}))
    used: dict[int, Decimal] = {}
    for one in _planned(parts, reader, on, entity, accounts, sheets, issued, UNWRITTEN, moves, findings, back):
        part = sum((leg.amount for leg in one.legs if leg.item.id == CREDIT), ZERO)
        used[one.place] = used.get(one.place, ZERO) + part
    return used, findings


def _due(one: Issued, moves: Sequence[Move]) -> Decimal:
    return one.invoice.total + sum((move.amount for move in moves), ZERO)


def _concerned(
    reader: Reader, tenant: str, entity: LegalEntity, payers: tuple[str, str], issued: Sequence[Issued], moves: Moves,
    back: Sequence[Taken],
) -> set[Purse]:  # fmt: skip
    """The payers and currencies of new documents for which there is something to settle."""
    if not issued:
        return set()
    there = reader.credits_of(tenant, entity.key, *payers)
    there |= {_key(issued[one.place]) for one in back}
    return {(one.original.account, one.original.currency) for one in back} | {
        key
        for n, one in enumerate(issued)
        for key in [(one.invoice.draft.payer, one.invoice.draft.currency)]
        if key in there or _due(one, moves.get(n, ())) < ZERO
    }


def _planned(
    parts: Parts, reader: Reader, on: date, entity: LegalEntity, accounts: Mapping[str, Account],
    sheets: Mapping[Purse, Sheet], issued: Sequence[Issued], first: int, moves: Moves, findings: list[Finding],
    back: Sequence[Taken],
) -> list[Planned]:  # fmt: skip
    """What is taken back first, then credit notes, then invoices, each in the order in which they are written."""
    mine = [(n, one) for n, one in enumerate(issued) if _key(one) in sheets]
    lines = [line.charge.credits for _, one in mine for line in one.invoice.lines if line.charge.credits]
    owners = reader.billed_by(lines)
    for n, one in mine:
        sheets[_key(one)].items[first + n] = _item(one, first + n, _due(one, moves.get(n, ())))
    made = [_taken_back(one, sheets, _key(issued[one.place]), first) for one in back]
    for wanted in (-1, 1):
        for n, one in mine:
            there = sheets[_key(one)]
            left = there.items[first + n].left
            if left * wanted <= ZERO:
                continue
            payer = accounts[one.invoice.draft.payer]
            kind = "credit_note" if wanted < 0 else "account_credit"
            money = -left if wanted < 0 else -there.credit.left
            facts = AllocationFacts(entity, payer, kind, one.invoice.draft.currency, money, "", on)  # type: ignore[arg-type]
            answer = attempt(
                lambda f=facts: parts.rules.decide("allocation", f, on),  # type: ignore[misc]
                f"account/{payer.key}",
                findings,
            )
            if answer is None or money <= ZERO:
                continue
            originals = {owners[line.charge.credits] for line in one.invoice.lines if line.charge.credits in owners}
            legs = _legs(there, first + n, wanted, answer.terms, originals)
            if legs:
                made.append(Planned(n, kind, tuple(legs), answer.id))
    return made


def _taken_back(one: Taken, sheets: Mapping[Purse, Sheet], own: Purse, first: int) -> Planned:
    """What is taken back, on the document where it has room for that, else on the invoice of which it was given up."""
    there, item = sheets[own], first + one.place
    document = there.items[item]
    after = document.left + one.amount
    if after * document.amount < ZERO or abs(after) > abs(document.amount):
        there, item = sheets[one.original.account, one.original.currency], one.original.id
        there.items.setdefault(item, one.original)
    leg = there.take(item, one.amount)
    return Planned(one.place, "write_off", (leg,), one.act["decision"], one)


def _legs(there: Sheet, item: int, wanted: int, terms: Mapping[str, Any], originals: Collection[int]) -> list[Leg]:
    if wanted < 0:
        return there.spread(item, terms, originals)
    if "open" not in terms["to"]:
        return []
    used = min(there.items[item].left, -there.credit.left)
    given = there.take(CREDIT, used)
    return [given, there.take(item, -used)]


def _key(one: Issued) -> Purse:
    return one.invoice.draft.payer, one.invoice.draft.currency


def _item(one: Issued, ident: int, left: Decimal) -> OpenItem:
    draft, total = one.invoice.draft, one.invoice.total
    days = (draft.invoice_date, draft.due_date)
    head = (ident, draft.payer, one.invoice.kind, "", *days, draft.currency)
    return OpenItem(*head, total, left, one.rate.quote, one.functional_total)
