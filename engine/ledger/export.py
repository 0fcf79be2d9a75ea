"""The journal as text for other programs: beancount and hledger.

A posting in a foreign currency carries its total price in functional currency (``@@``), so that the other program checks
the balance in functional currency, to the cent, and its balances by account and commodity equal ours.  After the entries
stand assertions of what every account has to come to, in each currency, at the end of each month and at the end.  Syntax:
beancount.github.io/docs (Language Syntax), hledger.org (journal format).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, minor_digits
from engine.model.journal import GLAccount, JournalEntry, Posting

UNKNOWN_FORMAT = Code("ledger.unknown-format", "An export format that does not exist.")
UNKNOWN_GL_ACCOUNT = Code(
    "ledger.unknown-account", "A posting to a GL account that the chart of accounts does not have."
)

ROOTS = {
    "asset": "Assets",
    "liability": "Liabilities",
    "equity": "Equity",
    "income": "Income",
    "expense": "Expenses",
}
"""The top of an account's name by its kind, the same in both programs."""


class Exported(msgspec.Struct, frozen=True):
    """An entry with its id and the number of the document behind it."""

    id: int
    reference: str
    entry: JournalEntry


class Closing(msgspec.Struct, frozen=True):
    """What an account of a legal entity comes to in a currency at the end of a day, by the totals that the books keep."""

    entity: str
    day: date
    account: str
    currency: str
    amount: Decimal


def name_of(entity: str, code: str, chart: Mapping[str, GLAccount]) -> str:
    """The full account name, such as ``Assets:NL01:1200-Trade-receivables``.

    Raises:
        TollbookError: ``ledger.unknown-account``.
    """
    account = chart.get(code)
    if account is None:
        raise refuse(
            UNKNOWN_GL_ACCOUNT, f"GL account {code} is not in the chart of accounts", mend="import gl_accounts"
        )
    return f"{ROOTS[account.kind]}:{_component(entity)}:{_component(f'{code} {account.name}')}"


def _component(text: str) -> str:
    cleaned = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")
    return cleaned if cleaned[:1].isdigit() else cleaned[:1].upper() + cleaned[1:]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _amounts(posting: Posting) -> str:
    functional = _written(posting.functional_amount, posting.functional_currency)
    if posting.currency == posting.functional_currency or not posting.amount:
        return functional
    return f"{_written(posting.amount, posting.currency)} @@ {functional.removeprefix('-')}"


def _written(amount: Decimal, currency: str) -> str:
    """An amount with all the digits of its currency: both programs take from them how exact it is meant to be."""
    return f"{amount:.{minor_digits(currency)}f} {currency}"


class _Seen:
    """The accounts and currencies that entries have posted to: without a total they have to come to nothing."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str, str], date] = {}

    def note(self, entry: JournalEntry) -> None:
        """Note the postings of an entry."""
        for p in entry.postings:
            currency = p.currency if p.amount else p.functional_currency
            self._last[entry.entity, p.account, currency] = entry.posting_date

    def complete(self, closings: Iterable[Closing]) -> Iterator[Closing]:
        """The closings, then those of accounts that have none."""
        for closing in closings:
            self._last.pop((closing.entity, closing.account, closing.currency), None)
            yield closing
        for (entity, account, currency), day in self._last.items():
            yield Closing(entity, day, account, currency, ZERO)


def beancount(
    entries: Iterable[Exported], closings: Iterable[Closing], chart: Mapping[str, GLAccount]
) -> Iterator[str]:
    """Lines of a beancount file: an ``open`` for each account on the day of its first posting, the entries in order of day,
    then the closings, each on the morning after."""
    yield 'option "inferred_tolerance_default" "*:0.000001"'  # it divides and multiplies @@ again, and asks for equality
    opened: set[str] = set()
    seen = _Seen()
    for item in entries:
        entry = item.entry
        seen.note(entry)
        names = [name_of(entry.entity, posting.account, chart) for posting in entry.postings]
        for name in dict.fromkeys(names):
            if name not in opened:
                opened.add(name)
                yield f"{entry.posting_date} open {name}"
        yield f"{entry.posting_date} * {_quoted(item.reference)} {_quoted(entry.text)}"
        yield f'  entry: "{item.id}"'
        for name, posting in zip(names, entry.postings, strict=True):
            yield f"  {name}  {_amounts(posting)}"
        yield ""
    for closing in seen.complete(closings):
        name = name_of(closing.entity, closing.account, chart)
        if name not in opened:
            opened.add(name)
            yield f"{closing.day} open {name}"
        amount, currency = _written(closing.amount, closing.currency).split(" ")
        yield f"{closing.day + timedelta(days=1)} balance {name}  {amount} ~ 0 {currency}"


def hledger(entries: Iterable[Exported], closings: Iterable[Closing], chart: Mapping[str, GLAccount]) -> Iterator[str]:
    """Lines of a strict hledger journal: each account and commodity is declared before it is used; a transaction of nothing
    but assertions closes each month."""
    declared: set[str] = set()
    seen = _Seen()
    for item in entries:
        entry = item.entry
        seen.note(entry)
        names = [name_of(entry.entity, posting.account, chart) for posting in entry.postings]
        currencies = [c for p in entry.postings for c in (p.currency, p.functional_currency)]
        yield from _declarations(declared, names, currencies)
        yield f"{entry.posting_date} * ({item.reference}) {entry.text}  ; entry:{item.id}"
        for name, posting in zip(names, entry.postings, strict=True):
            yield f"    {name}  {_amounts(posting)}"
        yield ""
    for (entity, day), group in groupby(seen.complete(closings), lambda closing: (closing.entity, closing.day)):
        asserted = [(name_of(entity, one.account, chart), one) for one in group]
        yield from _declarations(declared, [name for name, _ in asserted], [one.currency for _, one in asserted])
        yield f"{day} * balances of {entity} at the end of {day}"
        for name, one in asserted:
            yield f"    {name}  {_written(ZERO, one.currency)} = {_written(one.amount, one.currency)}"
        yield ""


def _declarations(declared: set[str], names: Iterable[str], currencies: Iterable[str]) -> Iterator[str]:
    for kind, words in (("account", names), ("commodity", [f"1000.00 {c}" for c in currencies])):
        for word in dict.fromkeys(words):
            if word not in declared:
                declared.add(word)
                yield f"{kind} {word}"


Format = Callable[[Iterable[Exported], Iterable[Closing], Mapping[str, GLAccount]], Iterator[str]]

FORMATS: Mapping[str, Format] = {
    "beancount": beancount,
    "hledger": hledger,
}


def export(
    form: str,
    entries: Iterable[Exported],
    closings: Iterable[Closing],
    chart: Mapping[str, GLAccount],
    up_to: date | None,
) -> Iterator[str]:
    """Lines of the journal in a format of :data:`FORMATS`; ``closings`` are looked at after the last of the ``entries``.

    Raises:
        TollbookError: ``ledger.unknown-format``, ``ledger.unknown-account``.
    """
    if form not in FORMATS:
        raise refuse(UNKNOWN_FORMAT, f"there is no format {form!r}", mend=f"known: {', '.join(sorted(FORMATS))}")
    yield f"; journal up to {up_to or 'now'}"
    yield from FORMATS[form](entries, closings, chart)
