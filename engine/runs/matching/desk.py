"""The desk of matching by files: payments of a folder against its open documents, with the result as a file of JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.base.files import whole
from engine.base.money import exact_arithmetic
from engine.model.decision import Decision, Trace
from engine.model.matching import Applied, Candidate, Incoming, Match, MatchingFacts
from engine.receivables.matching.assigning import Assigner
from engine.receivables.matching.judging import Fit, Judge
from engine.receivables.matching.matching import prepared
from engine.receivables.matching.writing import READS_OTHER_SCRIPTS
from engine.runs.matching.files import PAYMENTS, Documents, Payments, documents, payments, there, uncollected
from engine.runs.matching.scratch import Scratch
from engine.runs.matching.workers import Workers, processors

UNKNOWN_PAYMENT = Code("match.unknown-payment", "A payment to explain that is not among those of the folder.")
OTHER_SCRIPTS = Code(
    "match.other-scripts",
    "Names in other scripts that cannot be compared, because the library that reads them is absent.",
)

STATUSES: Final[Mapping[str, str]] = {
    "auto": "auto",
    "suggest": "review",
    "none": "unmatched",
    "duplicate": "duplicate",
    "return": "return",
}
"""What a status is called in the result."""

_quoted: Final[Callable[[str], str]] = json.encoder.encode_basestring
"""A text as JSON."""

Ask = Callable[[MatchingFacts, date], Decision]


class Matched(msgspec.Struct, frozen=True):
    """What came of a folder: a match for each payment, by id, and what is odd about the files."""

    matches: Sequence[Match]
    findings: tuple[Finding, ...]

    def counts(self) -> list[tuple[str, str, int]]:
        """How many payments have which status, by which rule or for which reason."""
        counted = Counter((STATUSES[one.status], one.rule or one.reason or "-") for one in self.matches)
        order = list(STATUSES.values())
        return sorted(
            ((*key, count) for key, count in counted.items()), key=lambda row: (order.index(row[0]), -row[2], row[1])
        )


class Considered(msgspec.Struct, frozen=True):
    """One fit that was considered: its documents, what a rule could see of it, and how the rules came to their answer."""

    documents: tuple[str, ...]
    facts: MatchingFacts
    band: str
    near: tuple[str, ...]
    trace: Trace


class Explained(msgspec.Struct, frozen=True):
    """Why a payment was matched as it was: the payment, the match, and every fit that was considered."""

    payment: Incoming
    match: Match
    documents: Mapping[str, Candidate]
    fits: tuple[Considered, ...]


class MatchDesk:
    """What people do with files of payments and open documents."""

    def __init__(
        self, ask: Ask, trace: Callable[[MatchingFacts, date], Trace], decisions: Iterable[Decision], processes: int = 0
    ) -> None:
        """``ask`` and ``trace`` ask the rules of the family ``matching``, and how they come to their answer.

        ``decisions`` are all that they can make; ``processes`` work at once, 0 as many as there are processors.
        """
        self._ask, self._trace = ask, trace
        self._workers = Workers({each.id: each for each in decisions}, processes or processors())

    def match(self, folder: Path) -> Matched:
        """Match the payments of a folder.

        Raises:
            TollbookError: what is wrong with the files.
        """
        exact_arithmetic()
        room, count = Scratch(), there(folder)
        with uncollected():
            with self._workers.beside(lambda: payments(folder, room), count) as coming:
                known = documents(folder)
                items, judge = self._prepared(known)
                came = coming()
            findings = _good(known, came)
            found = Assigner(items, judge, self._workers, room=Scratch).assign(came.entries)
        return Matched(found, (*findings, *_unread_names(came, folder)))

    def explain(self, folder: Path, payment: str) -> Explained:
        """Match the payments of a folder, and say of one how it came out as it did.

        Raises:
            TollbookError: what is wrong with the files, ``match.unknown-payment``.
        """
        exact_arithmetic()
        there(folder)
        known, came = documents(folder), payments(folder, Scratch())
        _good(known, came)
        one = next((each for each in came.entries.all() if each.id == payment), None)
        if one is None:
            mend = did_you_mean(payment, [each.id for each in islice(came.entries.all(), 2_000)])
            raise refuse(
                UNKNOWN_PAYMENT, f"there is no payment {payment!r}", mend=mend, where=Where(str(folder / PAYMENTS))
            )
        items, judge = self._prepared(known)
        assigner = Assigner(items, judge, watch=(payment,))
        match = next(each for each in assigner.assign(came.entries) if each.payment == payment)
        named = {each.candidate for each in match.applications}
        fits = tuple(self._considered(items, fit) for fit in _once(assigner.watched.get(payment, ())))
        named |= {each for fit in fits for each in fit.documents}
        return Explained(one, match, {item.id: item for item in items if item.id in named}, fits)

    def _prepared(self, known: Documents) -> tuple[Sequence[Candidate], Judge]:
        return prepared(known.candidates, known.parties, known.rates, self._ask, Scratch)

    def _considered(self, items: Sequence[Candidate], fit: Fit) -> Considered:
        documents = tuple(items[place].id for place in fit.option.places)
        return Considered(documents, fit.facts, fit.band, fit.near, self._trace(fit.facts, fit.facts.day))


def _once(fits: Sequence[Fit]) -> Iterator[Fit]:
    """Fits, each once, the surest first."""
    seen = dict[tuple[tuple[int, ...], str], Fit]()
    for fit in fits:
        seen.setdefault((fit.option.places, fit.decision.rule), fit)
    return iter(sorted(seen.values(), key=lambda fit: -fit.score))


def _good(known: Documents, came: Payments) -> tuple[Finding, ...]:
    """What is odd about the files.

    Raises:
        TollbookError: all of it, where any is an error.
    """
    findings = (*known.findings, *came.findings)
    if any(one.level == "error" for one in findings):
        raise TollbookError(findings)
    return findings


def _unread_names(came: Payments, folder: Path) -> Iterator[Finding]:
    names = () if READS_OTHER_SCRIPTS else (one.payer_name for one in came.entries.all())
    if any(not name.isascii() for name in names):
        what = "names of payers in other scripts are taken for unknown ones"
        mend = "install the extra `matching` of tollbook, which reads them"
        yield Finding(OTHER_SCRIPTS, Where(str(folder / PAYMENTS)), what, mend=mend, level="warning")


def result(matches: Sequence[Match]) -> Mapping[str, Any]:
    """Matches as the result file has them, by payment id."""
    return {one.payment: _plain(one) for one in matches}


def write(matches: Sequence[Match], path: Path) -> None:
    """Write the result, one payment a line.

    Raises:
        TollbookError: ``file.not-writable``.
    """
    with whole(path) as part, part.open("w", encoding="utf-8") as file:
        file.write("{\n")
        for number, one in enumerate(matches):
            file.write(",\n" if number else "")
            file.write(f"{_quoted(one.payment)}: {_plainly(one) or json.dumps(_plain(one), ensure_ascii=False)}")
        file.write("\n}\n")


def _plainly(match: Match) -> str:
    """The JSON of a match that is like most: one document takes all of the money.  Empty of another."""
    if len(match.applications) != 1 or not match.rule or match.unapplied:
        return ""
    [one] = match.applications
    if match.status != "auto" or match.alternatives or match.trace or match.reason or match.of or not match.account:
        return ""
    if one.discount or one.fee or one.residuals:
        return ""
    return (
        f'{{"status": "auto", "applications": [[{_quoted(one.candidate)}, "{one.amount:f}"]], '
        f'"rule": {_quoted(match.rule)}, "score": "{match.score:f}", "customer": {_quoted(match.account)}}}'
    )


def _plain(match: Match) -> dict[str, Any]:
    """A match as JSON: what is empty is left out, but for the applications."""
    adjustments = [
        {"kind": kind, "invoice": each.candidate, "amount": f"{amount:f}", "settled": settled}
        for each in match.applications
        for kind, amount, settled in (
            ("discount", each.discount, True),
            ("bank_fee", each.fee, True),
            *((one.kind, one.amount, one.settled) for one in each.residuals),
        )
        if amount
    ]
    found = {
        "status": STATUSES[match.status],
        "applications": _applications(match.applications),
        "adjustments": adjustments,
        "unapplied": f"{match.unapplied:f}" if match.unapplied else "",
        "rule": match.rule,
        "score": f"{match.score:f}" if match.rule else "",
        "customer": match.account,
        "of": match.of,
        "reason": match.reason,
        "alternatives": [_applications(each) for each in match.alternatives],
        "notes": list(match.trace),
    }
    return {key: value for key, value in found.items() if value or key == "applications"}


def _applications(applied: Sequence[Applied]) -> list[list[str]]:
    return [[each.candidate, f"{each.amount:f}"] for each in applied]
