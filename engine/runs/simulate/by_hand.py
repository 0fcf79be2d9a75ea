"""Voids, credits, debit notes and advances that people made between bill runs, done again on both sides of a simulation.

By the rules of then a document gives back what it gave back.  By the others it keeps its meaning: what gave back all that was left of
a line gives back all that the other rules left of it, with what only they had on a document that was given back whole; what
gave back an amount gives back that amount, at most what is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO, round_to, split
from engine.billing.memos import BY_HAND, with_days
from engine.model.invoice import ADVANCE, BilledLine, RatedCharge, Reversible
from engine.model.tax_correction import TAX
from engine.runs.accounts.memo_moves import RUN as MEMO
from engine.runs.accounts.memo_moves import role_of
from engine.runs.billing.finish import Billed, Issued
from engine.runs.billing.read import VOIDING
from engine.runs.noting import document_on, document_to, looked_at_again
from engine.runs.simulate.history import History
from engine.runs.simulate.sides import Side
from engine.store import tracing
from engine.store.asof import AsOf
from engine.store.asof_documents import Document, issued_by, made_by, memo_of
from engine.store.reader import Reader
from engine.store.records import Run
from engine.store.reversal import reversible

CAPPED: Final = Code(
    "simulate.credit-capped", "A credit by hand of more than the other rules leave of what it gives back."
)
NOT_AGAIN: Final = Code("simulate.not-replayed", "Documents of the months that a simulation takes as they are.")
VOID: Final = "void"
KINDS: Final = (VOID, MEMO)
"""Kinds of runs in which people give back, or charge, by hand."""
NAMED: Final = 5
"""Documents of a run that a finding names; the others are counted."""


def to_do_again(books: AsOf, runs: Sequence[Run]) -> dict[int, Document]:
    """The documents of some runs that give back lines, or bring them again, and nothing else, and those that charge something
    of their own, and nothing else: by the id of the run."""
    found = made_by(books, [run.id for run in runs])
    return {run: one for run, one in found.items() if charges_anew(one) or _gives_back(one.lines)}


def _gives_back(lines: Sequence[BilledLine]) -> bool:
    return all(line.charge.credits and line.charge.kind != TAX for line in lines)


def charges_anew(document: Document) -> bool:
    """Whether a document is over something of its own: a debit note, or an advance."""
    return all(line.charge.kind in (BY_HAND, ADVANCE) and not line.charge.credits for line in document.lines)


def not_again(books: AsOf, runs: Sequence[Run]) -> list[Finding]:
    """What is not replayed of the months, document by document: one finding for each run that made some."""
    made = issued_by(books, [run.id for run in runs])
    return [
        Finding(
            NOT_AGAIN,
            Where(f"run/{run.id}"),
            f"what {run.kind} run {run.id} of {run.period} issued is not replayed: {_listed(made.get(run.id, []))}",
            "both sides take it as the books have it, so that it makes no difference",
            level="info",
            subject=f"run/{run.id}",
        )
        for run in runs
    ]


def _listed(documents: Sequence[tuple[str, str, Decimal, str]]) -> str:
    named = [
        f"{number} to {payer} over {round_to(total, currency):f} {currency}"
        for number, payer, total, currency in documents
    ]
    more = [f"{len(named) - NAMED:,} more"] if len(named) > NAMED else []
    return ", ".join([*named[:NAMED], *more]) or "no document; the corrections are on the bills that follow"


def open_again(books: AsOf, run: Run) -> None:
    """Have bill runs look again at the days that a document by hand gave back or brought again."""
    document = made_by(books, [run.id]).get(run.id)
    lines = document.lines if document is not None else ()
    days = [one for one in lines if run.kind == VOID or one.charge.service_from != one.charge.service_to]
    credited = [one for one in days if one.charge.credits and one.charge.subscription_id]
    if credited:
        with books.reader() as reader:
            books.set_marks(looked_at_again(reader, credited))


class Again(msgspec.Struct, frozen=True):
    """A document by hand done again by both rules: what of it the books had, and what either side makes of it."""

    one: tuple[Issued, ...]
    other: tuple[Issued, ...]
    findings: tuple[Finding, ...]


def done_again(books: AsOf, document: Document, sides: tuple[Side, Side], history: History) -> Again:
    """A document by hand by both sides, on books as they were before it.

    Raises:
        TollbookError: what keeps it from being taxed, numbered or posted.
    """
    own = [line.charge for line in document.lines]
    if charges_anew(document):
        with books.reader() as reader:
            one, other = (_charged(side, reader, document, own) for side in sides)
        return Again(one, other, ())
    with books.reader() as reader:
        role = _role(books, reader, document)
        before = reversible(reader, sorted({charge.credits for charge in own}))
        mine = _issued(sides[0], reader, document, own, role, partial(reversible, reader))
        charges, findings = _meant(reader, document, own, before, history)
        billed = partial(history.found, partial(reversible, reader))
        theirs = _issued(sides[1], reader, document, charges, role, billed) if charges else ()
    return Again(mine, theirs, tuple(findings))


def _issued(
    side: Side, reader: Reader, document: Document, charges: Sequence[RatedCharge], role: Any, billed: Billed
) -> tuple[Issued, ...]:
    head = document.head
    named = (head["invoice_date"], head["kind"], head["group_key"])
    return (document_on(side.parts, reader, head, charges, *named, role, billed=billed)[0],)


def _charged(side: Side, reader: Reader, document: Document, charges: Sequence[RatedCharge]) -> tuple[Issued, ...]:
    head = document.head
    payer = reader.accounts(head["tenant"], head["entity"], [head["payer"]])[head["payer"]]
    named = (head["invoice_date"], head["kind"], head["group_key"].removeprefix(head["currency"]), head["tax_point"])
    return (document_to(side.parts, reader, payer, charges, *named)[0],)


def _role(books: AsOf, reader: Reader, document: Document) -> str:
    """What the revenue of a document is posted as: as the rule said that let it be credited, or what it voids."""
    head, (_, void, number) = document.head, document.head["group_key"].partition(VOIDING)
    ident = reader.find_invoice(head["tenant"], number, head["entity"]) if void else head["id"]
    memo = memo_of(books, ident or 0)
    stored = tracing.decisions(reader, [memo["decision"]]) if memo else {}
    return role_of("".join(str(row["terms"].get("revenue") or "") for row in stored.values()))


def _meant(
    reader: Reader,
    document: Document,
    own: Sequence[RatedCharge],
    before: Mapping[int, Reversible],
    history: History,
) -> tuple[list[RatedCharge], list[Finding]]:
    """What a document gives back of the lines that the other side has in place of those of the books."""
    findings: list[Finding] = []
    made: list[RatedCharge] = []
    for ident in dict.fromkeys(charge.credits for charge in own):
        pieces = [charge for charge in own if charge.credits == ident]
        if ident in history.gone:
            continue
        theirs = history.reversible({}, [ident]).get(ident)
        if theirs is None:
            made += pieces
            continue
        asked = sum((charge.amount for charge in pieces), ZERO)
        amount, less = kept_meaning(asked, _sums(before[ident], pieces[0]), _sums(theirs, pieces[0]))
        made += _in_parts(pieces, amount)
        findings += [capped(document, asked, amount, pieces[0].currency)] if less else []
    if document.head["kind"] != "invoice" and _nothing_left(reader, own):
        for one in history.only_theirs(_head_of(reader, own[0].credits)):
            made += with_days(one, "Void")
    return made, findings


def kept_meaning(
    asked: Decimal, books: tuple[Decimal, Decimal], other: tuple[Decimal, Decimal]
) -> tuple[Decimal, bool]:
    """What giving back ``asked`` (with the sign that it has on the document) of a line of the ``books`` comes to on the line of the
    ``other`` side, both as (billed, left); and whether less was left there than was asked for."""
    (billed, left), (others, rest) = books, other
    back = bool(asked) and asked.is_signed() != billed.is_signed()
    whole, most = (left + asked == 0, -rest) if back else (left + asked == billed, others - rest)
    if whole:
        return most, False
    if most.is_signed() != asked.is_signed() or abs(most) < abs(asked):
        return (most if most.is_signed() == asked.is_signed() else ZERO), True
    return asked, False


def _sums(line: Reversible, charge: RatedCharge) -> tuple[Decimal, Decimal]:
    """What a line was billed for, and what is left of it: with its tax where its price includes it."""
    if charge.tax_included:
        return line.net + line.tax.amount, line.net_left + line.tax_left
    return line.net, line.net_left


def _in_parts(pieces: Sequence[RatedCharge], amount: Decimal) -> list[RatedCharge]:
    """An amount over the pieces of days of one line, as the document has them."""
    weights = [abs(charge.amount) for charge in pieces]
    weights = weights if any(weights) else [Decimal(1)] * len(pieces)
    shares = split(amount, weights, pieces[0].currency)
    return [msgspec.structs.replace(c, amount=part) for c, part in zip(pieces, shares, strict=True) if part]


def _nothing_left(reader: Reader, own: Sequence[RatedCharge]) -> bool:
    """Whether credits give back all that was left of one invoice."""
    rows = [row for row in reader.invoice_lines(_invoice_of(reader, own[0].credits)) if not row["credits"]]
    left = reversible(reader, [row["id"] for row in rows])
    given = {row["id"]: ZERO for row in rows}
    for charge in own:
        given[charge.credits] = given.get(charge.credits, ZERO) + charge.amount
    if given.keys() != left.keys():
        return False
    sums = (one.net_left + (one.tax_left if row["tax_included"] else ZERO) for row in rows for one in [left[row["id"]]])
    return all(rest + part == 0 for rest, part in zip(sums, given.values(), strict=True))


def _invoice_of(reader: Reader, line: int) -> int:
    return reader.invoices_with([line]).get(line, 0)


def _head_of(reader: Reader, line: int) -> Mapping[str, Any]:
    return reader.invoice(_invoice_of(reader, line)) or {}


def capped(document: Document, asked: Decimal, amount: Decimal, currency: str) -> Finding:
    """That a document gives back only ``amount`` of what was ``asked`` of a line, both with the sign that they have on the document."""
    number = document.head["number"]
    shown, left = (f"{abs(round_to(one, currency)):f} {currency}" for one in (asked, amount))
    return Finding(
        CAPPED,
        Where(f"document/{number}"),
        f"{number} gives back {shown} of a line of which the other rules leave {left}",
        mend="it gives back what is left; ask whether the credit would have been made",
        level="warning",
        subject=f"account/{document.head['payer']}",
    )
