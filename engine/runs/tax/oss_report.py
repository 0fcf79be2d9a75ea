"""The return of the one-stop shop, Union scheme: what is declared for a quarter, by member state of consumption, in euro.

Declared is what an entity with a registration of kind ``oss`` has charged at the rates of other member states (Directive
2006/112/EC, articles 369a to 369k).  What belongs to a member state in which it is registered for VAT of the state itself is declared there.
Amounts in other currencies are taken at the rate that the European Central Bank has published for the last day of the quarter,
or for the next day with one (article 369h); corrections of an earlier quarter at the rate of that quarter.

Tax that was lowered afterwards, by a discount or a bad debt, is declared in the quarter of that act.  Corrections of an earlier quarter
stand apart by member state and quarter for three years from the day on which its return was due (article 369g, paragraph 4; article 61
of Implementing Regulation (EU) 282/2011); what is older is named, and is an affair of that member state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import CONTEXT, ZERO, round_to
from engine.base.period import Period
from engine.base.tax_ids import UNION
from engine.ledger.posting import Determine, determine
from engine.model.entity import OSS, LegalEntity, TaxRegistration
from engine.model.journal import FxRate
from engine.runs.run import Parts
from engine.runs.tax.relief import Relief, relief
from engine.runs.tax.report import after_correction
from engine.store.reader import Reader

NOT_REGISTERED = Code("oss.not-registered", "A return of the one-stop shop where no legal entity is registered for it.")
NO_RATE = Code(
    "oss.no-rate", "No rate of the European Central Bank for the last day of a quarter, or a day soon after."
)

EURO: Final = "EUR"
SOURCE: Final = "ECB"
LATEST: Final = 7
"""Days after the end of a quarter within which a rate is published."""
AT_A_RATE: Final = "S"
GOODS: Final = "goods"
"""The tax code of goods."""
CORRECTABLE: Final = 12
"""Quarters after its own whose returns can correct a return: the last of them is handed in three years after that was due."""

Sums = dict[str, list[Decimal]]
"""Net and tax by currency."""


class Supplies(msgspec.Struct, frozen=True):
    """What was supplied to one member state at one rate; amounts in euro."""

    entity: str
    number: str
    country: str
    supply: str
    rate: Decimal
    net: Decimal
    tax: Decimal


class Corrected(msgspec.Struct, frozen=True):
    """What of an earlier quarter is corrected for one member state; amounts in euro, below zero for what is given back."""

    entity: str
    number: str
    country: str
    quarter: str
    net: Decimal
    tax: Decimal


class Balance(msgspec.Struct, frozen=True):
    """What one member state gets by the return, in euro; below zero it owes."""

    entity: str
    number: str
    country: str
    tax: Decimal
    corrections: Decimal
    due: Decimal


class OssTie(msgspec.Struct, frozen=True):
    """One GL account of tax in one currency: the tax that is declared, what else the same lines have of other returns (a correction
    that moves tax into the scheme or out of it), what invoices have posted for these lines, and the difference, which is zero;
    ``lowered`` is what has become of declared tax where money was given up, which other entries have posted."""

    entity: str
    account: str
    currency: str
    declared: Decimal
    elsewhere: Decimal
    posted: Decimal
    difference: Decimal
    lowered: Decimal


class OssRate(msgspec.Struct, frozen=True):
    """The rate that amounts of a quarter are taken at: what one euro costs, and of which day."""

    quarter: str
    currency: str
    rate: Decimal
    on: date


class OssReport(msgspec.Struct, frozen=True):
    """The return of a quarter; ``late`` are corrections that no return takes any more."""

    scheme: str
    quarter: str
    currency: str
    rows: tuple[Supplies, ...]
    corrections: tuple[Corrected, ...]
    balances: tuple[Balance, ...]
    ties: tuple[OssTie, ...]
    rates: tuple[OssRate, ...]
    late: tuple[Corrected, ...] = ()


def quarter_of(day: date) -> str:
    """The quarter of a day: ``2026-Q1``."""
    return f"{day.year}-Q{(day.month + 2) // 3}"


def days_of_quarter(quarter: str) -> Period:
    """The days of a quarter as :func:`quarter_of` writes it."""
    year, number = int(quarter[:4]), int(quarter[-1])
    start = date(year, 3 * number - 2, 1)
    return Period(start, date(year + number // 4, 3 * number % 12 + 1, 1))


def correctable(quarter: str, by: str) -> bool:
    """Whether the return of a later quarter can still correct that of a quarter."""
    (year, number), (later, last) = ((int(one[:4]), int(one[-1])) for one in (quarter, by))
    return (later - year) * 4 + last - number <= CORRECTABLE


def registration_on(entity: LegalEntity, day: date) -> TaxRegistration | None:
    """The registration of an entity for the Union scheme that is in force on a day, if there is one."""
    return next((r for r in entity.registrations if r.kind == OSS and r.valid_from <= day < r.valid_to), None)


def declared_by(entity: LegalEntity, country: str, day: date) -> TaxRegistration | None:
    """The registration under which an entity declares what it charges of a country's tax on a day; None where it does not."""
    found = registration_on(entity, day)
    if found is None or country not in UNION or country in (found.country, entity.country):
        return None
    own = any(r.kind != OSS and r.country == country and r.valid_from <= day < r.valid_to for r in entity.registrations)
    return None if own else found


def oss_report(parts: Parts, reader: Reader, quarter: str, entity: str = "") -> OssReport:
    """The return of a quarter of one legal entity, or of all that are registered.

    Raises:
        TollbookError: ``oss.not-registered``, ``oss.no-rate``, ``rule.no-answer`` of the posting rules.
    """
    days = days_of_quarter(quarter)
    known = reader.entities(parts.tenant)
    registered = {
        key: one
        for key, one in known.items()
        if entity in ("", key) and any(r.kind == OSS and r.valid_from < days.end for r in one.registrations)
    }
    if not registered:
        what = (
            f"{entity or 'no legal entity'} is {'not ' if entity else ''}registered for the one-stop shop in {quarter}"
        )
        mend = "import the entity with a registration of kind oss, such as NL:oss:NL001234567B01:2026-01-01"
        raise refuse(NOT_REGISTERED, what, mend=mend)
    gathered = _Gathered(parts, registered, quarter)
    asked = (parts.tenant, registered.keys())
    for row in reader.levied_in(*asked, UNION, days.start, days.end):
        gathered.charged(row)
    for row in reader.levied_posted(*asked, UNION, days.start, days.end):
        gathered.posted(row)
    corrected = reader.tax_corrected_in(*asked, days.start, days.end)
    carrying = {row.line: row for row in corrected if gathered.corrected(row)}
    if carrying:
        for row in reader.postings_for(list(carrying)):
            gathered.posted_for(carrying[row.line], row)
    for key in registered:
        for one in relief(parts, reader, days, key):
            gathered.lowered(one)
    return gathered.report(_Rates(parts, reader))


class _Rates:
    """Rates of the last days of quarters, each looked up once."""

    def __init__(self, parts: Parts, reader: Reader) -> None:
        self._parts, self._reader = parts, reader
        self.found: dict[tuple[str, str], FxRate] = {}

    def in_euro(self, quarter: str, sums: Mapping[str, list[Decimal]]) -> tuple[Decimal, Decimal]:
        """Net and tax of several currencies in euro, rounded once."""
        net = tax = ZERO
        for currency, (one, other) in sorted(sums.items()):
            rate = Decimal(1) if currency == EURO else self._rate(quarter, currency).rate
            net, tax = net + CONTEXT.divide(one, rate), tax + CONTEXT.divide(other, rate)
        return round_to(net, EURO), round_to(tax, EURO)

    def _rate(self, quarter: str, currency: str) -> FxRate:
        key = (quarter, currency)
        if key not in self.found:
            last = days_of_quarter(quarter).end - timedelta(days=1)
            until = last + timedelta(days=LATEST)
            rate = self._reader.first_rate(self._parts.tenant, SOURCE, EURO, currency, last, until)
            if rate is None:
                raise refuse(
                    NO_RATE,
                    f"the books have no rate of {SOURCE} for {EURO} in {currency} of {last}, or of the week after it",
                    why=f"the return of {quarter} is made in euro at the rate of its last day, or of the next with one",
                    mend=f"`tollbook rates fetch --from {last} --date {until - timedelta(days=1)}`, or import rates with the base {EURO}",
                )
            self.found[key] = rate
        return self.found[key]


class _Gathered:
    """What rows come to."""

    def __init__(self, parts: Parts, entities: Mapping[str, LegalEntity], quarter: str) -> None:
        self._parts, self._entities, self._quarter = parts, entities, quarter
        self._rows: dict[tuple[str, str, str, str, Decimal], Sums] = {}
        self._corrections: dict[tuple[str, str, str, str], Sums] = {}
        self._ties: dict[tuple[str, str, str], list[Decimal]] = defaultdict(lambda: [ZERO] * 4)
        self._accounts: dict[tuple[str, str, date], Determine] = {}

    def charged(self, row: Any) -> None:
        """Lines at a rate of another member state."""
        if self._add(row, row.country, row.rate, row.goods, (row.net, row.tax)):
            self._tie(row, row.country, row.currency)[0] += row.tax

    def corrected(self, row: Any) -> bool:
        """A correction of tax; whether any side of it is declared."""
        sides = (
            (row.country_before, row.rate_before, row.category_before, -row.net, -row.before),
            (row.country, row.rate, row.category, after_correction(row), row.after),
        )
        counted = [
            tax
            for country, rate, category, net, tax in sides
            if category == AT_A_RATE and self._add(row, country, rate, row.goods, (net, tax))
        ]
        if counted:
            into = self._tie(row, row.levied, row.currency)
            into[0] += sum(counted, ZERO)
            into[1] += row.after - row.before - sum(counted, ZERO)
        return bool(counted)

    def lowered(self, one: Relief) -> None:
        """What an act has lowered of tax that is declared."""
        where = (one.jurisdiction[:2], one.rate, one.tax_code == GOODS)
        if one.category == AT_A_RATE and self._add(one, *where, (-one.net, -one.tax)):
            self._ties[one.entity, one.account, one.currency][3] -= one.tax

    def posted(self, row: Any) -> None:
        """What was posted for lines at a rate."""
        if declared_by(self._entities[row.entity], row.country, row.origin) is not None:
            self.posted_for(row, row)

    def posted_for(self, carrying: Any, row: Any) -> None:
        """What was posted for a line, where its account is that of tax."""
        country = getattr(carrying, "levied", "") or carrying.country
        if self._account(carrying, country, row.currency) == row.account:
            self._tie(carrying, country, row.currency)[2] -= row.amount

    def report(self, rates: _Rates) -> OssReport:
        """All of it in euro."""
        rows = [
            Supplies(*key, *rates.in_euro(self._quarter, sums))
            for key, sums in sorted(self._rows.items())
            if any(any(pair) for pair in sums.values())
        ]
        changed = [Corrected(*key, *rates.in_euro(key[-1], sums)) for key, sums in sorted(self._corrections.items())]
        corrections = [one for one in changed if correctable(one.quarter, self._quarter)]
        late = tuple(one for one in changed if not correctable(one.quarter, self._quarter))
        found = (
            OssRate(quarter, currency, rate.rate, rate.on) for (quarter, currency), rate in sorted(rates.found.items())
        )
        balances = tuple(_balances(rows, corrections))
        ties = tuple(self._tied())
        return OssReport(OSS, self._quarter, EURO, tuple(rows), tuple(corrections), balances, ties, tuple(found), late)

    def _add(self, row: Any, country: str, rate: Decimal, goods: bool, amounts: tuple[Decimal, Decimal]) -> bool:
        found = declared_by(self._entities[row.entity], country, row.origin)
        if found is None:
            return False
        earlier = quarter_of(row.origin)
        into: Sums
        if earlier < self._quarter:
            into = self._corrections.setdefault((row.entity, found.number, country, earlier), {})
        else:
            supply = GOODS if goods else "services"
            into = self._rows.setdefault((row.entity, found.number, country, supply, rate.normalize()), {})
        sums = into.setdefault(row.currency, [ZERO, ZERO])
        sums[0] += amounts[0]
        sums[1] += amounts[1]
        return True

    def _account(self, row: Any, country: str, currency: str) -> str:
        key = (row.entity, currency, row.dated)
        if key not in self._accounts:
            self._accounts[key] = determine(self._parts.rules.decide, *key)
        return self._accounts[key]("tax", country, "")[0]

    def _tie(self, row: Any, country: str, currency: str) -> list[Decimal]:
        return self._ties[row.entity, self._account(row, country, currency), currency]

    def _tied(self) -> Iterator[OssTie]:
        for (entity, account, currency), (declared, elsewhere, posted, lowered) in sorted(self._ties.items()):
            amounts = (declared, elsewhere, posted, declared + elsewhere - posted, lowered)
            yield OssTie(entity, account, currency, *(round_to(amount, currency) for amount in amounts))


def _balances(rows: list[Supplies], corrections: list[Corrected]) -> Iterator[Balance]:
    sums: dict[tuple[str, str, str], list[Decimal]] = defaultdict(lambda: [ZERO, ZERO])
    for row in rows:
        sums[row.entity, row.number, row.country][0] += row.tax
    for one in corrections:
        sums[one.entity, one.number, one.country][1] += one.tax
    for key, (tax, corrected) in sorted(sums.items()):
        yield Balance(*key, *(round_to(amount, EURO) for amount in (tax, corrected, tax + corrected)))
