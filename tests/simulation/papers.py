"""Documents that people make by hand: credit notes, debit notes and voids, as the auditor predicts them.

Written from ``docs/guides/credits.md``: a credit gives back money and leaves the days billed, unless its reason has it billed
anew; a void, and what was billed wrongly, give back all that is left with its days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate

from tests.simulation.facts import Account, Charge
from tests.simulation.life import DAY
from tests.simulation.lines import Bill, Line, runs, unit
from tests.simulation.prices import minor

MEMO, VOID = "/memo/", "/void/"
"""What in the group of a document says that it was made by hand, or voids another."""
TAKEN = ("invoice", "debit_note")
"""Kinds of documents that can be credited."""


@dataclass(frozen=True)
class Paper:
    """What somebody asks for: ``how`` is ``part`` (so many percent of what was billed of a line), ``line`` or ``all`` (what is left of a line,
    of all), ``anew`` (all, to be billed anew), ``void`` or ``debit``; ``pick`` chooses among what there is (0 to 1)."""

    key: str
    on: date
    how: str
    pick: float
    percent: int = 100
    amount: Decimal = Decimal(0)
    tax_code: str = ""


@dataclass(frozen=True)
class Asked:
    """A paper with the bill that it is about, and one line of it; both None of a debit note, which has an account."""

    paper: Paper
    account: str
    bill: Bill | None = None
    line: Line | None = None


def chosen(paper: Paper, accounts: Sequence[Account], bills: Iterable[Bill]) -> Asked | None:
    """What a paper is about, by what the auditor knows; None where nothing fits."""
    if paper.how == "debit":
        return Asked(paper, accounts[int(paper.pick * len(accounts))].key)
    able = [one for one in bills if one.kind in TAKEN and one.on <= paper.on and any(map(_left, one.lines))]
    if not able:
        return None
    able.sort(key=lambda one: (one.on, one.key))
    bill = able[-1 - int(paper.pick**2 * len(able))]  # rather a late one
    if paper.how not in ("part", "line"):
        return None if paper.how == "anew" and not _whole(bill) else Asked(paper, bill.payer, bill)
    fitting = [x for x in bill.lines if _left(x) and (paper.how == "line" or 0 < _percent(x, paper) <= x.left)]
    distinct = [x for x in fitting if [y.key for y in bill.lines].count(x.key) == 1]
    if not distinct:
        return None
    distinct.sort(key=lambda one: str(one.key))
    return Asked(paper, bill.payer, bill, distinct[int(paper.pick * 997) % len(distinct)])


def _left(line: Line) -> bool:
    return line.credits is None and line.left != 0


def _whole(bill: Bill) -> bool:
    """Whether every line of which money is left has days that are billed, too."""
    return all(line.open for line in bill.lines if _left(line))


def _percent(line: Line, paper: Paper) -> int:
    return minor(Fraction(line.amount * paper.percent, 100), "JPY")


def made(asked: Asked, number: str, account: Account) -> Bill:
    """The document that must exist, taken off what it gives back; ``number`` is that of the bill that is voided,
    ``account`` what a debit note is for."""
    paper, bill = asked.paper, asked.bill
    if bill is None:
        currency, charge = account.currency, Charge("", "", "manual", "arrears", 1, "", paper.tax_code, "")
        amount, day = minor(Fraction(paper.amount), currency), (paper.on, paper.on + DAY)
        line = Line(asked.account, "", charge, *day, day, currency, Fraction(1), amount, amount)
        line.left = line.net_left = amount
        line.open = {paper.on}
        group = f"{currency}{MEMO}{paper.key}"
        return Bill(account.entity, account.payer, paper.on, currency, "debit_note", group, (line,))
    lines: list[Line] = []
    for one in bill.lines if asked.line is None else (asked.line,):
        if _left(one):
            lines.extend(_WAYS[paper.how](one, paper))
    group = f"{bill.currency}{VOID}{number}" if paper.how == "void" else f"{bill.currency}{MEMO}{paper.key}"
    return Bill(bill.entity, bill.payer, paper.on, bill.currency, "credit_note", group, tuple(lines))


def _money(line: Line, paper: Paper) -> Iterator[Line]:
    """Money alone: the days stay billed."""
    part = _percent(line, paper) if paper.how == "part" else line.left
    line.left -= part
    line.given += part
    yield _giving(line, line.start, line.start, part)


def _days(line: Line, paper: Paper) -> Iterator[Line]:
    """All that is left, with its days; cut where some of them went back before, by running sums in proportion to the days."""
    pieces = list(runs(sorted(line.open)))
    if not pieces:  # of days that all went back, or of none
        pieces = [(line.start, line.end)]
    weights = list(accumulate((end - start).days for start, end in pieces))
    sums = [minor(Fraction(line.left * weight, weights[-1]), "JPY") for weight in weights]
    for (start, end), amount, before in zip(pieces, sums, [0, *sums], strict=False):
        yield _giving(line, start, end, amount - before)
    line.left, line.open = 0, set()


def _giving(line: Line, start: date, end: date, amount: int) -> Line:
    known = (line.account, line.subscription, line.charge, start, end, line.cycle, line.currency, line.quantity)
    return Line(*known, line.full, -amount, 0, line)


_WAYS: dict[str, Callable[[Line, Paper], Iterator[Line]]] = {
    "part": _money,
    "line": _money,
    "all": _money,
    "anew": _days,
    "void": _days,
}


def tax_of_credit(line: Line) -> None:
    """The tax that a credit gives back: the same rate of its amount, with the last of the net the last of the tax."""
    before = line.credits
    assert before is not None
    line.rate, line.source = before.rate, before.source
    part = minor(Fraction(line.amount) * line.rate / unit(line.currency), line.currency)
    before.net_left += line.amount
    line.tax = part if before.net_left and abs(part) < abs(before.tax_left) else -before.tax_left
    before.tax_left += line.tax
