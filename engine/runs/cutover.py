"""Comparing the first bill run with what the old system would have billed, line by line; nothing is written."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.base.money import ZERO, minor_unit
from engine.model.journal import Change
from engine.runs.billing.run import run_bill
from engine.runs.intake.formats import SUFFIXES, Column, Format, suffix_of
from engine.runs.intake.rows import rules_of
from engine.runs.intake.session import Good, Source, Tally, good_rows
from engine.runs.intake.shapes import key_column
from engine.runs.run import Parts, Progress, Report, silent
from engine.store import lookups, openings

NO_PREVIEW = Code(
    "cutover.no-preview", "A preview of the old system that cannot be read, or whose kind of file is not known."
)

PREVIEW: Final = Format(
    "preview",
    "line of the preview",
    "What the old system would bill.",
    (
        key_column("entity", "the legal entity; empty: any", required=False),
        key_column("account", "the customer that uses the service"),
        key_column("subscription", "the subscription"),
        key_column("charge", "the charge"),
        Column("service_from", "date", "first day of its service period", required=True),
        Column("service_to", "date", "day after the last day of its service period", required=True),
        Column("currency", "currency", "currency of the amount", required=True),
        Column("amount", "decimal", "net amount", required=True, after=4),
        Column("tax", "decimal", "its tax; empty: not compared", after=4),
    ),
    ("entity", "account", "subscription", "charge", "service_from", "service_to", "currency"),
)
"""The file that a comparison reads."""

Line = tuple[str, str, str, date, date, str]
"""Account, subscription, charge, first day, day after the last, currency."""
Money = tuple[Decimal, Decimal | None]
"""Net amount and tax; no tax where it is not compared."""
Account = tuple[str, str]
"""Legal entity, empty where the preview names none, and account."""


class Difference(msgspec.Struct, frozen=True):
    """A line on which the two disagree; an amount is None where one of them has no such line."""

    subscription: str
    charge: str
    service_from: date
    service_to: date
    currency: str
    old: Decimal | None
    new: Decimal | None
    reason: str


class Compared(msgspec.Struct, frozen=True):
    """An account on whose bill the two disagree."""

    entity: str
    account: str
    differences: tuple[Difference, ...]


class Comparison(msgspec.Struct, frozen=True):
    """What a comparison found.

    ``totals`` are (currency, lines and net of the old system, lines and net of the dry run); ``findings`` are those of the
    preview's rows and of the dry run.  Accounts that neither came over nor stand in the preview are ``beside`` it: they are
    not compared.
    """

    on: date
    release: str
    equal: int
    accounts: tuple[Compared, ...]
    totals: tuple[tuple[str, int, Decimal, int, Decimal], ...]
    findings: tuple[Finding, ...]
    unread: int = 0
    beside: int = 0

    @property
    def same(self) -> bool:
        """Whether every line is there on both sides with the same money, and every row could be read."""
        return not self.accounts and not self.unread


def compare(parts: Parts, on: date, preview: Path, change: Change, progress: Progress = silent) -> Comparison:
    """Compare a dry run on a date with the preview of the old system.

    Raises:
        TollbookError: ``cutover.no-preview``, and what a bill run raises.
    """
    tally, rows = _read(preview, on)
    report = run_bill(parts, on, change, dry_run=True, progress=progress)
    named = any(row.values["entity"] for row in rows)
    taxed = any(row.values["tax"] is not None for row in rows)
    old, new = _old(rows, named), _new(report, named, taxed)
    with parts.books.reader() as reader:
        came = openings.accounts(reader, parts.tenant)
    beside = [account for account in new if account not in old and account[1] not in came]
    for account in beside:
        del new[account]
    why = _Reasons(parts, report, old, new)
    accounts = []
    for account in sorted(old.keys() | new.keys()):
        differences = tuple(_differences(account, old.get(account, {}), new.get(account, {}), why))
        if differences:
            accounts.append(Compared(*account, differences))
    equal = sum(len(lines) for lines in old.values()) - sum(
        1 for one in accounts for difference in one.differences if difference.old is not None
    )
    findings = (*tally.all_findings(), *report.findings)
    return Comparison(
        on,
        report.release,
        equal,
        tuple(accounts),
        tuple(_totals(old, new)),
        findings,
        tally.quarantined + tally.refused,
        len(beside),
    )


def _read(path: Path, on: date) -> tuple[Tally, list[Good]]:
    source = Source(PREVIEW, path, path.name, 0, "")
    tally = Tally(source)
    if suffix_of(path) not in SUFFIXES or not path.is_file():
        what, mend = f"{path} is no file to compare with", f"name a file that ends in {' or '.join(SUFFIXES)}"
        raise TollbookError([Finding(NO_PREVIEW, Where(str(path)), what, "", mend)])
    return tally, list(good_rows(source, rules_of(PREVIEW, on), tally))


def _old(rows: list[Good], named: bool) -> dict[Account, dict[Line, Money]]:
    found: dict[Account, dict[Line, Money]] = defaultdict(dict)
    for row in rows:
        values = row.values
        key = tuple(values[name] for name in PREVIEW.key[1:])
        account = ((values["entity"] or "") if named else "", values["account"])
        _add(found[account], key, values["amount"], values["tax"])
    return found


def _new(report: Report, named: bool, taxed: bool) -> dict[Account, dict[Line, Money]]:
    found: dict[Account, dict[Line, Money]] = defaultdict(dict)
    for invoice in report.details:
        for line in invoice["lines"]:
            days = (date.fromisoformat(line["from"]), date.fromisoformat(line["to"]))
            key = (line["account"], line["subscription"], line["charge"], *days, invoice["currency"])
            account = (invoice["entity"] if named else "", line["account"])
            _add(found[account], key, Decimal(line["amount"]), Decimal(line["tax"]) if taxed else None)
    return found


def _add(lines: dict[Line, Money], key: Any, amount: Decimal, tax: Decimal | None) -> None:
    before = lines.get(key, (ZERO, None if tax is None else ZERO))
    lines[key] = (before[0] + amount, None if tax is None else (before[1] or ZERO) + tax)


def _totals(
    old: Mapping[Account, Mapping[Line, Money]], new: Mapping[Account, Mapping[Line, Money]]
) -> Iterator[tuple[str, int, Decimal, int, Decimal]]:
    sums: dict[str, list[Any]] = defaultdict(lambda: [0, ZERO, 0, ZERO])
    for place, side in ((0, old), (2, new)):
        for lines in side.values():
            for key, (amount, _) in lines.items():
                sums[key[-1]][place] += 1
                sums[key[-1]][place + 1] += amount
    for currency, (old_lines, old_net, new_lines, new_net) in sorted(sums.items()):
        yield currency, old_lines, old_net, new_lines, new_net


def _differences(
    account: Account, old: Mapping[Line, Money], new: Mapping[Line, Money], why: _Reasons
) -> Iterator[Difference]:
    for key in sorted(old.keys() | new.keys()):
        theirs, ours = old.get(key), new.get(key)
        if theirs and ours and theirs[0] == ours[0] and (theirs[1] is None or theirs[1] == ours[1]):
            continue
        _, subscription, charge, start, end, currency = key
        if theirs is None and ours is not None and not ours[0]:
            continue
        yield Difference(
            subscription,
            charge,
            start,
            end,
            currency,
            theirs[0] if theirs else None,
            ours[0] if ours else None,
            why(account, key, theirs, ours),
        )


class _Reasons:
    """Says why a line differs, where it can be told."""

    def __init__(
        self,
        parts: Parts,
        report: Report,
        old: Mapping[Account, Mapping[Line, Money]],
        new: Mapping[Account, Mapping[Line, Money]],
    ) -> None:
        self.old, self.new = old, new
        self.findings: dict[str, Finding] = {}
        for finding in report.findings:
            self.findings.setdefault(finding.subject, finding)
        names = {(key[0], key[1]) for lines in old.values() for key in lines}
        with parts.books.reader() as reader:
            entities = reader.entities(parts.tenant)
            accounts = [(entity, account) for entity in entities for account, _ in names]
            taken = [(entity, subscription) for entity in entities for _, subscription in names]
            self.accounts = {key[1] for key in lookups.find(reader, "accounts", parts.tenant, accounts)}
            self.subscriptions = {key[1] for key in lookups.find(reader, "subscriptions", parts.tenant, taken)}

    def __call__(self, account: Account, key: Line, theirs: Money | None, ours: Money | None) -> str:
        """The reason for one line."""
        if theirs and ours:
            return self._amount(key, theirs, ours)
        said = self._told(key, theirs)
        if said:
            return said
        others = self.new if theirs else self.old
        days = sorted(other[3:5] for other in others.get(account, {}) if other[1:3] == key[1:3])
        if days:
            who = "here" if theirs else "by the old system"
            return f"billed {who} for other days: " + ", ".join(f"{start}..{end}" for start, end in days)
        if theirs is None:
            return "the old system does not bill it"
        return "nothing is owed for it here: look at its events, plan and billed-through date"

    def _amount(self, key: Line, theirs: Money, ours: Money) -> str:
        if theirs[0] == ours[0]:
            return f"tax {theirs[1]} against {ours[1]}"
        off = abs(theirs[0] - ours[0])
        if off <= minor_unit(key[-1]):
            return "rounding"
        return f"price, quantity or days: {ours[0] - theirs[0]:+f}"

    def _told(self, key: Line, theirs: Money | None) -> str:
        """What the dry run, or the books, say of the account or subscription of a line."""
        for subject in (f"subscription/{key[1]}", f"account/{key[0]}"):
            if subject in self.findings:
                return self.findings[subject].what
        if theirs and key[0] not in self.accounts:
            return f"account {key[0]} is not in the books"
        if theirs and key[1] not in self.subscriptions:
            return f"subscription {key[1]} is not in the books"
        return ""
