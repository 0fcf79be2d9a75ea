"""Wallets in a bill run: what they pay of the invoices of a partition, in the transaction that writes them.

Whether a payer of the partition has a wallet is asked once.  Where one has, its wallets are locked, what is in them is read
again, and invoices are settled one after the other in the order in which they are written: the same invoices and the same
wallets give the same moves.  A dry run does the same without lock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO, round_to
from engine.billing.wallets import Paid, Payable, Settling
from engine.ledger.posting import Determine, determine
from engine.ledger.wallets import Occasion, wallet_entry
from engine.model.entity import LegalEntity
from engine.model.wallet import Move, Purse
from engine.runs.billing import rows
from engine.runs.billing.finish import Issued
from engine.runs.billing.read import Pinned
from engine.runs.run import Parts, attempt
from engine.store.reader import Reader
from engine.store.reversal import reversible
from engine.store.writer import Writer
from engine.store.writing.wallets import Act

LOW = Code("wallet.low", "A wallet whose balance is under the amount that its terms call low.")


class Payments(msgspec.Struct, frozen=True):
    """What wallets pay of a partition: moves by the place of the invoice in the partition, rows for the books, findings."""

    moves: Mapping[int, Sequence[Move]] = {}
    entries: Sequence[rows.Row] = ()
    postings: Sequence[rows.Row] = ()
    findings: Sequence[Finding] = ()


NONE = Payments()


def pay(
    parts: Parts, pinned: Pinned, writer: Writer, entity: LegalEntity, payers: tuple[str, str], issued: Sequence[Issued],
    first: tuple[int, int],
) -> Payments:  # fmt: skip
    """Draw on the wallets of the ``payers`` (first and last key) for their invoices, and give back what invoices give back.

    It has to come before the lines are written.  ``first`` are the ids of the first invoice and of its first line.  The
    entries are to be appended with those of the invoices.

    Raises:
        TollbookError: ``wallet.overdrawn``.
    """
    tenant = parts.tenant
    there = writer.reader.purses_paying(tenant, entity.key, *payers)
    if not there:
        return NONE
    states = writer.lock_wallets(tenant, [(entity.key, purse.wallet.key) for purse in there])
    purses = writer.reader.purses_paying(tenant, entity.key, *payers)
    made = settled(parts, writer.reader, pinned.on, purses, issued, first[1])
    acts = [act for n, moves in made.moves.items() for act in _acts(pinned, purses, issued[n], first[0] + n, moves)]
    writer.move_wallets(tenant, acts, states)
    known: dict[str, Determine] = {}
    posted = []
    for n, moves in made.moves.items():
        draft, rate = issued[n].invoice.draft, issued[n].rate
        if draft.currency not in known:
            known[draft.currency] = determine(parts.rules.decide, entity.key, draft.currency, pinned.on)
        text = f"wallets for {issued[n].invoice.kind} to {draft.payer}"
        country = next(p.account.country for p in purses if p.wallet.key == moves[0].wallet)
        occasion = Occasion(tenant, entity.key, country, draft.invoice_date, text, rate, known[draft.currency])
        entry = wallet_entry(occasion, _by_wallet(moves), "receivable")
        if entry is not None:
            posted.append((first[0] + n, entry))
    ident = writer.take_ids("entry", len(posted)) if posted else 0
    entries = [rows.entry_row(ident + n, entry, document, pinned.run_id) for n, (document, entry) in enumerate(posted)]
    postings = [row for n, (_, entry) in enumerate(posted) for row in rows.posting_rows(ident + n, entry, 0)]
    return Payments(made.moves, entries, postings, made.findings)


def previewed(
    parts: Parts, reader: Reader, on: date, entity: LegalEntity, payers: tuple[str, str], issued: Sequence[Issued]
) -> Payments:
    """What :func:`pay` would pay, with nothing written."""
    purses = reader.purses_paying(parts.tenant, entity.key, *payers)
    return settled(parts, reader, on, purses, issued, 1) if purses else NONE


def settled(
    parts: Parts,
    reader: Reader,
    on: date,
    purses: Sequence[Purse],
    issued: Sequence[Issued],
    line: int,
) -> Payments:
    """The moves of all invoices, whose lines have the ids from ``line`` on; what cannot be decided is a finding."""
    settling = Settling(parts.rules.decide, on, purses)
    meters = {
        (plan.key, charge.key): charge.meter or ""
        for plan in reader.catalogue(parts.tenant).values()
        for charge in plan.charges
    }
    moves: dict[int, Sequence[Move]] = {}
    findings: list[Finding] = []
    before = {purse.wallet.key: settling.left(purse.wallet.key) for purse in purses}
    for n, one in enumerate(issued):
        lines = list(_payable(one, line, meters))
        line += len(lines)
        if settling.concerns({one.invoice.draft.payer, *(payable.account for payable in lines)}):
            paid = _paid(reader, lines)
            subject = f"account/{one.invoice.draft.payer}"
            made = attempt(lambda a=lines, b=paid: settling.settle(a, b), subject, findings)  # type: ignore[misc]
            if made:
                moves[n] = made
    for purse in purses:
        left = settling.left(purse.wallet.key)
        if left < purse.wallet.low and left < before[purse.wallet.key]:
            findings.append(low(purse, left))
    return Payments(moves, findings=findings)


def low(purse: Purse, left: Any) -> Finding:
    """The finding that little is left in a wallet."""
    wallet = purse.wallet
    subject = f"wallet/{wallet.entity}/{wallet.key}"
    held, low = round_to(left, wallet.currency), round_to(wallet.low, wallet.currency)
    what = f"wallet {wallet.key} of {wallet.account} has {held:f} {wallet.currency} left, under {low:f}"
    return Finding(LOW, Where(subject), what, "", "ask for a new payment", "warning", subject)


def outline(one: Issued, moves: Sequence[Move], credit: Decimal = ZERO) -> dict[str, Any]:
    """What a dry run shows of wallets and of the credit of the account: what each lot pays or gets back, how much credit is used
    (below zero: becomes credit), and what is due of the total."""
    if not moves and not credit:
        return {}
    due = one.invoice.total + sum((move.amount for move in moves), ZERO) - credit
    paid = [{"wallet": m.wallet, "lot": m.lot.key, "kind": m.kind, "amount": f"{m.amount:f}"} for m in moves]
    return ({"wallets": paid} if moves else {}) | ({"credit": f"{credit:f}"} if credit else {}) | {"due": f"{due:f}"}


def _payable(one: Issued, first: int, meters: Mapping[tuple[str, str], str]) -> Iterator[Payable]:
    draft = one.invoice.draft
    for line in one.invoice.lines:
        charge = line.charge
        meter = meters.get((charge.plan, charge.charge), "")
        yield Payable(
            first + line.number - 1,
            charge.account,
            draft.payer,
            charge.currency,
            charge.plan,
            charge.charge,
            charge.kind,
            meter,
            charge.product,
            charge.amount + line.tax.amount,
            charge.credits,
        )


def _paid(reader: Reader, lines: Sequence[Payable]) -> dict[int, Paid]:
    """What wallets have paid of the lines that are given back."""
    credited = [line.credits for line in lines if line.credits]
    parts = reader.paid_for(credited) if credited else {}
    if not parts:
        return {}
    billed = reversible(reader, list(parts))
    return {ident: Paid(billed[ident].net_left + billed[ident].tax_left, parts[ident]) for ident in parts}


def _by_wallet(moves: Sequence[Move]) -> list[Move]:
    return sorted(moves, key=attrgetter("wallet"))


def _acts(pinned: Pinned, purses: Sequence[Purse], one: Issued, document: int, moves: Sequence[Move]) -> Iterator[Act]:
    """One act for each wallet that an invoice moves."""
    draft, floors = one.invoice.draft, {purse.wallet.key: purse.wallet.floor for purse in purses}
    invoice = "/".join((draft.payer, draft.invoice_date.isoformat(), one.invoice.kind, draft.group))
    for wallet, group in groupby(_by_wallet(moves), attrgetter("wallet")):
        made = tuple(group)
        floor = floors[wallet] if all(move.kind == "draw" for move in made) else None
        key = f"invoice/{invoice}"
        yield Act(draft.entity, wallet, key, pinned.on, made, key, floor, invoice, document)
