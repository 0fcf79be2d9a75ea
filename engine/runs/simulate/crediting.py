"""Credit notes by hand judged again: which rule lets them be made, at once or by two persons, or would have refused them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import ZERO
from engine.runs.accounts.memo_desk import asked_again
from engine.runs.accounts.memo_moves import RUN
from engine.runs.run import Progress
from engine.runs.simulate.compare import label
from engine.runs.simulate.shares import Part, both, together
from engine.runs.simulate.sides import Side
from engine.store.asof import AsOf
from engine.store.asof_documents import Document, made_by, memo_of
from engine.store.records import Run

FAMILY: Final = "crediting"


class Credited(msgspec.Struct, frozen=True):
    """A credit note about which the other rules say something else; ``said`` is allow, approve or refuse."""

    number: str
    on: date
    account: str
    reason: str
    amount: Decimal
    currency: str
    rule: str
    said: str
    other_rule: str
    other_said: str


class CreditingReplayed(msgspec.Struct, frozen=True):
    """Credit notes of some months by both rules: ``parts`` are what each rule let be credited, before tax."""

    count: int
    parts: tuple[Part, ...]
    changed: tuple[Credited, ...]


def memo_runs(known: Sequence[Run], first: date, end: date) -> list[Run]:
    """The notes by hand of some months, the oldest first."""
    mine = (run for run in known if run.kind == RUN and run.state == "done")
    return sorted((run for run in mine if first <= date.fromisoformat(run.period) < end), key=lambda run: run.id)


def replay_crediting(
    books: AsOf, sides_of: Callable[[str], tuple[Side, Side]], runs: Sequence[Run], progress: Progress
) -> CreditingReplayed:
    """Ask both rules again about every credit note, on books as they were before it.

    What somebody asked for and was refused is in no books, so it is no part of it.
    """
    documents = made_by(books, [run.id for run in runs])
    splits: tuple[list[dict[tuple[str, str], Decimal]], ...] = ([], [])
    changed: list[Credited] = []
    for number, run in enumerate(runs, 1):
        document = documents.get(run.id)
        memo = memo_of(books, document.head["id"]) if document is not None else {}
        if document is not None and memo and memo["kind"] == "credit":
            one, other = _said(books, document, memo, sides_of(run.release))
            for kept, (rule, _) in zip(splits, (one, other), strict=True):
                kept.append({(rule, ""): Decimal(1), (rule, document.head["currency"]): net_of(document)})
            if one != other:
                changed.append(_credited(document, memo, one, other))
        progress("crediting", number, len(runs))
    before, after = (together(some) for some in splits)
    return CreditingReplayed(len(splits[0]), both(before, after), tuple(changed))


def _said(books: AsOf, document: Document, memo: Any, sides: tuple[Side, Side]) -> list[tuple[str, str]]:
    """What both rules say: the rule, and what it allows."""
    books.before(document.head["run_id"])
    with books.reader() as reader:
        decisions = [asked_again(side.parts, reader, memo, document.head["payer"], net_of(document)) for side in sides]
    return [(label(one), str(one.terms["decision"])) for one in decisions]


def net_of(document: Document) -> Decimal:
    """What a credit note gives back before tax; with tax where prices include it."""
    return -sum((line.charge.amount for line in document.lines), ZERO)


def _credited(document: Document, memo: Any, one: tuple[str, str], other: tuple[str, str]) -> Credited:
    head = document.head
    return Credited(
        *(head["number"], memo["day"], head["payer"], memo["reason"], net_of(document), head["currency"]),
        *(*one, *other),
    )
