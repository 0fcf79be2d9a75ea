"""What contracts have earned and was not posted, and what their balances are moved by: by obligation and month.

A contract is accounted for anew from its documents, as they are known now; what is due is the difference to what was posted.  So
a change that became known late is caught up, an event that came twice changes nothing, and a run that is made again posts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Final

import msgspec

from engine.base.money import CONTEXT, ZERO, round_to
from engine.base.period import add_months
from engine.ledger.fx import RateTable, convert
from engine.ledger.posting import determine
from engine.model.account import Account
from engine.model.journal import FxRate
from engine.model.revenue import Due, PlannedItem
from engine.model.revenue_contract import NewSchedule, ScheduleKey, ScheduleTotals
from engine.revenue.contract_balances import BALANCES, billed
from engine.revenue.contracts import Obligation
from engine.runs.billing.run import known_usage
from engine.runs.revenue.contract_reading import Group, groups
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.writer import Writer

LIABILITY: Final = "contract_liability"
Dues = list[tuple[ScheduleKey, date, str, str, Decimal]]
"""Schedule, month, what is debited, what is credited, and how much."""


class ContractSource:
    """Schedules of contracts, for one run: what is due is found as it is planned."""

    def __init__(self) -> None:
        self._due: list[Due] = []

    def plan(self, parts: Parts, writer: Writer, entity: str, through: date) -> None:
        """Account for all contracts of a legal entity, and keep what is planned of them."""
        self._due = []
        if not writer.reader.has_revenue_contracts(parts.tenant):
            return
        count = partial(known_usage, parts, writer)
        found = groups(writer.reader, parts.rules.decide, parts.tenant, entity, count=count)
        known = writer.reader.contract_schedules(parts.tenant, entity) if found else {}
        accounts = writer.reader.accounts(parts.tenant, entity, sorted({one.head.account for one in found}))
        for group in found:
            table = _rates(parts, writer.reader, entity, group, through)
            one = _Planning(parts, writer, group, known, accounts[group.head.account], table, through)
            self._due += one.dues(through)

    def due(self, reader: Reader, tenant: str, entity: str, through: date) -> Iterable[Due]:
        """What was found due as it was planned."""
        return self._due

    def done(self, writer: Writer, tenant: str, entity: str, through: date) -> None:
        """Forget it."""
        self._due = []


def _rates(parts: Parts, reader: Reader, entity: str, group: Group, through: date) -> FxRate:
    """The rate of the day; that of the newest bill where nothing is earned beyond what was billed, so that none is needed.

    Raises:
        TollbookError: ``fx.no-rate``.
    """
    own = reader.entities(parts.tenant)[entity].functional_currency
    currency, standing = group.head.currency, group.standing
    if currency != own and group.billed and billed(standing, through) >= standing.account.recognised(through):
        return group.billed[-1].rate
    rates = [] if currency == own else reader.fx_rates(parts.tenant, through, parts.fx_max_age)
    return RateTable([rate for rate in rates if rate.source == parts.fx_source], through).rate(currency, own)


def month_of(day: date) -> date:
    """The first day of a month."""
    return day.replace(day=1)


def last_of(month: date, through: date) -> date:
    """The last day of a month, or ``through`` where that is earlier."""
    return min(add_months(month, 1) - timedelta(days=1), through)


class _Planning:
    """One contract, or several as one, in one run."""

    def __init__(
        self, parts: Parts, writer: Writer, group: Group, known: Mapping[ScheduleKey, ScheduleTotals], account: Account, rate: FxRate,
        on: date,
    ) -> None:  # fmt: skip
        self._tenant, self._writer, self._group, self._rate = parts.tenant, writer, group, rate
        self._known, self._account = dict(known), account
        self._accounts = determine(parts.rules.decide, group.head.entity, rate.base, on)
        self._made: list[NewSchedule] = []

    def dues(self, through: date) -> list[Due]:
        """What is due; schedules and what they plan are kept."""
        self._keep_obligations()
        found = [*self._earned(through), *self._moved(through)]
        self._keep_balances(found)
        return list(self._valued(found))

    # --- what is kept

    def _key(self, obligation: str) -> ScheduleKey:
        one = self._group.assembled
        return ScheduleKey("contract", one.owner.get(obligation, one.head), obligation)

    def _keep_obligations(self) -> None:
        """Schedules of obligations, changes of what they come to, and what is planned by day."""
        account = self._group.standing.account
        wanted: dict[str, dict[date, Decimal]] = {key: {} for key in account.unearned}
        for item in account.items:
            days = wanted.setdefault(item.key, {})
            days[item.on] = days.get(item.on, ZERO) + item.amount
        promised = {one.key: one for one in self._group.assembled.contract.obligations}
        added = {one.key: one for change in self._group.assembled.contract.changes for one in change.adds}
        for key, days in wanted.items():
            total = sum(days.values(), ZERO) + account.unearned.get(key, ZERO)
            waits = bool(account.unearned.get(key))
            self._kept(self._key(key), total, promised.get(key) or added.get(key), "revenue", waits=waits)
        self._flush()
        items = []
        for key, days in wanted.items():
            there = self._known[self._key(key)]
            changed = [
                PlannedItem(on, days.get(on, ZERO) - there.items.get(on, ZERO))
                for on in sorted({*days, *there.items})
                if days.get(on, ZERO) != there.items.get(on, ZERO) and on != date.max
            ]
            if changed:
                items.append((there.id, changed))
        self._writer.add_items(self._tenant, self._group.head.entity, items, self._writer.run_id)

    def _keep_balances(self, found: Dues) -> None:
        """Schedules of balances: nothing of them is to be recognised, so they come to nothing; they only hold what was posted."""
        for key, credit in {(key, credit) for key, _, _, credit, _ in found if key.source != "contract"}:
            if key not in self._known:
                self._kept(key, ZERO, None, credit)
        self._flush()

    def _kept(
        self, key: ScheduleKey, total: Decimal, obligation: Obligation | None, role: str, waits: bool = False
    ) -> None:
        """Note that a schedule comes to a total: it is new, or what it comes to has changed."""
        there = self._known.get(key)
        if there is not None and there.amount == total:
            return
        head, one = self._group.head, self._group.assembled
        decision = one.decided.get(key.obligation.partition("+")[0])
        first = obligation.facts.service_from if obligation else head.signed
        last = obligation.facts.service_to if obligation else head.signed
        method = str(decision.terms.get("method", "")) if decision else ""
        amount = total - (there.amount if there else ZERO)
        self._made.append(
            NewSchedule(
                key, there.id if there else 0, head.account, self._product(key.obligation), self._account.country, role,
                self._accounts(LIABILITY, self._account.country, self._product(key.obligation))[0], amount, convert(amount, self._rate), self._rate, first, last, method if waits else "",
                decision.id if decision else 0,
            )
        )  # fmt: skip
        if there is None:
            self._known[key] = ScheduleTotals(0, amount=total)
        else:
            there.amount = total

    def _flush(self) -> None:
        made, self._made = self._made, []
        entity, run_id = self._group.head.entity, self._writer.run_id
        first = [one for one in made if not one.takes]
        ids = self._writer.add_contract_schedules(self._tenant, entity, first, run_id)
        for one, ident in zip(first, ids, strict=True):
            self._known[one.key].id = ident
        self._writer.add_contract_schedules(self._tenant, entity, [one for one in made if one.takes], run_id)

    def _product(self, obligation: str) -> str:
        one = self._group.assembled
        return one.product.get(obligation) or next(iter(one.product.values()), "")

    # --- what is due

    def _earned(self, through: date) -> Iterator[tuple[ScheduleKey, date, str, str, Decimal]]:
        """Revenue by obligation and month that was not posted, and what was posted of obligations that are no longer there."""
        wanted: dict[ScheduleKey, dict[date, Decimal]] = {}
        for item in self._group.standing.account.items:
            if item.on <= through:
                months = wanted.setdefault(self._key(item.key), {})
                month = month_of(item.on)
                months[month] = months.get(month, ZERO) + item.amount
        mine = {one.contract.key for one in self._group.signed}
        for key in {**wanted, **{key: {} for key in self._known if key.source == "contract" and key.contract in mine}}:
            posted, months = self._known[key].posted, wanted.get(key, {})
            for month in sorted({*months, *posted}):
                due = months.get(month, ZERO) - posted.get(month, (ZERO, ZERO))[0]
                if due:
                    yield key, month, LIABILITY, "revenue", due

    def _moved(self, through: date) -> Iterator[tuple[ScheduleKey, date, str, str, Decimal]]:
        """What balances are moved by at the end of each month."""
        head, standing = self._group.head, self._group.standing
        for name, kept in BALANCES.items():
            key = ScheduleKey("balance" if LIABILITY in (kept.debit, kept.credit) else "cost", head.key, name)
            there = self._known.get(key)
            posted = {month: sums[0] for month, sums in there.posted.items()} if there else {}
            before, month, last = ZERO, month_of(min([head.signed, *posted])), month_of(through)
            while month <= last:
                wanted = kept.wanted(standing, last_of(month, through))
                before += posted.get(month, ZERO)
                if wanted != before:
                    yield key, month, kept.debit, kept.credit, wanted - before
                    before = wanted
                month = add_months(month, 1)

    # --- what it is worth

    def _valued(self, found: Dues) -> Iterator[Due]:
        worth = _Worth(self._group, self._known, self._rate)
        order = {name: at for at, name in enumerate(("revenue", *BALANCES))}
        rank = {key: order["revenue"] if key.source == "contract" else order[key.obligation] for key, *_ in found}
        for key, month, debit, credit, amount in sorted(
            found, key=lambda one: (one[1], rank[one[0]], one[0].obligation)
        ):
            functional = worth.of(key, month, debit, credit, amount)
            decision = self._group.assembled.decided.get(key.obligation.partition("+")[0])
            yield Due(
                self._known[key].id, month, amount, functional, self._rate, credit, debit, "", self._account.country,
                self._product(key.obligation), decision.id if decision else 0,
            )  # fmt: skip


class _Worth:
    """What the balance of a contract in foreign currency is kept at, as it is billed and taken from, month by month.

    What is taken from a balance takes its share of what that is kept at; what is earned beyond it is worth the rate of the day.
    """

    def __init__(self, group: Group, known: Mapping[ScheduleKey, ScheduleTotals], rate: FxRate) -> None:
        self._rate, self._foreign = rate, rate.base != rate.quote
        if not self._foreign:
            return
        head = {one.contract.key for one in group.signed}
        self._bills = sorted((line.on, line.amount, line.functional) for line in group.billed)
        self._left = self._kept_at = ZERO
        self._kept: dict[ScheduleKey, tuple[Decimal, Decimal]] = {}
        for key, totals in known.items():
            if key.contract in head:
                sums = [sum((one[at] for one in totals.posted.values()), ZERO) for at in (0, 1)]
                self._kept[key] = (sums[0], sums[1])
                self._take(key, sums[0], sums[1])

    def _sign(self, key: ScheduleKey) -> int:
        """Whether what is posted takes from the balance, adds to it, or leaves it alone."""
        if key.source == "contract":
            return 1
        kept = BALANCES[key.obligation]
        return 1 if kept.debit == LIABILITY else -1 if kept.credit == LIABILITY else 0

    def _take(self, key: ScheduleKey, amount: Decimal, functional: Decimal) -> None:
        self._left -= self._sign(key) * amount
        self._kept_at -= self._sign(key) * functional

    def of(self, key: ScheduleKey, month: date, debit: str, credit: str, amount: Decimal) -> Decimal:
        """What a movement is worth in functional currency."""
        if not self._foreign:
            return amount
        while self._bills and self._bills[0][0] < add_months(month, 1):
            _, invoiced, worth = self._bills.pop(0)
            self._left, self._kept_at = self._left + invoiced, self._kept_at + worth
        before, kept = self._kept.get(key, (ZERO, ZERO))
        sign = self._sign(key)
        if (
            before
            and (before + amount) * before >= ZERO
            and abs(before + amount) < abs(before)
            and key.source != "contract"
        ):
            functional = -self._part(kept, -amount, before)  # less of a balance: its share of what that is kept at
        elif key.obligation == "contract_cost_impairment":
            whole, worth = self._kept[
                msgspec.structs.replace(key, obligation="contract_cost")
            ]  # what is lost was kept at its share of what the asset is kept at
            functional = self._part(worth, amount, whole)
        elif key.obligation == "contract_asset" and self._left + amount == ZERO:
            functional = -self._kept_at  # nothing stays on the contract's own balance
        elif sign > 0 and self._left > ZERO and amount > ZERO:
            inside = min(amount, self._left)
            functional = self._part(self._kept_at, inside, self._left) + convert(amount - inside, self._rate)
        else:
            functional = convert(amount, self._rate)
        self._kept[key] = (before + amount, kept + functional)
        self._take(key, amount, functional)
        return functional

    def _part(self, worth: Decimal, amount: Decimal, whole: Decimal) -> Decimal:
        if amount == whole:
            return worth
        return round_to(CONTEXT.divide(CONTEXT.multiply(worth, amount), whole), self._rate.quote)
