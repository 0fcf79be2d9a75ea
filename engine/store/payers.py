"""Subscriptions for which events name payers: each payer gets the days that it pays for, and the lines of its own invoices.

Whom events name is asked once for each read, by an index that holds nothing else, so that a legal entity without such events pays one
look for it.  A payer whom an event names, and who pays for the account as well, is no exception.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from engine.model.account import Account
from engine.model.contract import Contract
from engine.model.due import AccountDue, PayerDue, SubscriptionDue
from engine.model.invoice import BilledLine
from engine.model.subscription import BillingMark, Subscription, SubscriptionEvent
from engine.store import query, tables, types
from engine.store.due import NAMED, DueReader
from engine.store.lookups import events_of
from engine.store.query import Query

Known = tuple[SubscriptionEvent, ...]
DEFAULT: Final = frozenset({""})
"""Whose days the payer of the account looks at: those for which no event names another."""


def _named(dialect: str) -> sa.Select[Any]:
    """(subscription, payer) of events that name some payers."""
    event = tables.SUBSCRIPTION_EVENT.c
    mine = (event.tenant == sa.bindparam("tenant"), event.entity == sa.bindparam("entity"), event.payer.is_not(None))
    within = event.payer.between(sa.bindparam("low"), sa.bindparam("high"))
    return sa.select(event.subscription_id, event.payer).distinct().where(*mine, within)


def _taken(dialect: str) -> sa.Select[Any]:
    column = tables.SUBSCRIPTION.c
    fields = (column[n] for n in Subscription.__struct_fields__)
    return sa.select(*fields).where(query.among(dialect, column.id, "ids")).order_by(column.key)


def _invoiced(dialect: str) -> sa.Select[Any]:
    """(line, the line that it credits, payer of its invoice, what its run knew) of some lines."""
    line, head, run = tables.INVOICE_LINE.c, tables.INVOICE.c, tables.RUN.c
    joined = tables.INVOICE_LINE.join(tables.INVOICE, head.id == line.invoice_id).join(
        tables.RUN, run.id == head.run_id
    )
    fields = (line.id, line.credits, head.payer, run.parameters)
    return sa.select(*fields).select_from(joined).where(query.among(dialect, line.id, "ids"))


_NAMED = Query(_named)
_TAKEN = Query(_taken, Subscription)
_INVOICED = Query(_invoiced)


def any_named(reader: DueReader, tenant: str, entity: str) -> bool:
    """Whether an event of a legal entity names a payer."""
    event = tables.SUBSCRIPTION_EVENT.c
    mine = (event.tenant == tenant, event.entity == entity, event.payer.is_not(None))
    return reader.connection.execute(sa.select(sa.literal(1)).where(*mine).limit(1)).scalar() is not None


class PayersReader(DueReader):
    """Reads what is due, of each payer; ``names_payers`` says whether events name any, as far as was asked."""

    names_payers = False

    def due(
        self,
        tenant: str,
        entity: str,
        low: str,
        high: str,
        usage_high: int,
        events_high: int,
        imagined: Mapping[int, SubscriptionEvent] = {},
    ) -> list[PayerDue]:
        """As :meth:`DueReader.due`; subscriptions for which events name payers are with each of these by itself."""
        dues = super().due(tenant, entity, low, high, usage_high, events_high, imagined)
        thought = {(ident, event.payer) for ident, event in imagined.items() if event.payer}
        if not thought and not any_named(self, tenant, entity):
            return dues
        self.names_payers = True
        dues = [self._of_account(due) for due in dues]
        given = {"tenant": tenant, "entity": entity, "low": low, "high": high}
        wanted: dict[str, set[int]] = defaultdict(set)
        for ident, payer in {*map(tuple, _NAMED(self.connection, given)), *thought}:
            if low <= payer <= high:
                wanted[payer].add(ident)
        if not wanted:
            return dues
        known = {due.payer.key: due for due in dues}
        payers = self.accounts(tenant, entity, sorted(wanted))
        for key, ids in sorted(wanted.items()):
            if key in payers:
                read = (tenant, entity, payers[key], sorted(ids), usage_high, events_high, imagined)
                accounts = [*(known[key].accounts if key in known else ()), *self._of_named(*read)]
                if accounts:
                    known[key] = PayerDue(payers[key], tuple(_joined(accounts)))
        return [known[key] for key in sorted(known)]

    def _of_account(self, due: PayerDue) -> PayerDue:
        """What is left for the payer of the accounts where events name others."""

        def of(one: SubscriptionDue) -> SubscriptionDue:
            return self._viewed(one, due.payer.key, DEFAULT) if any(e.payer for e in one.events) else one

        replace = msgspec.structs.replace
        accounts = (replace(o, subscriptions=tuple(map(of, o.subscriptions))) for o in due.accounts)
        return replace(due, accounts=tuple(accounts))

    def _of_named(
        self,
        tenant: str,
        entity: str,
        payer: Account,
        ids: Sequence[int],
        usage_high: int,
        events_high: int,
        imagined: Mapping[int, SubscriptionEvent],
    ) -> list[AccountDue]:
        """The subscriptions for which events name a payer that does not pay for their accounts."""
        taken: list[Subscription] = _TAKEN(self.connection, {"ids": list(ids)})
        owners = self.accounts(tenant, entity, sorted({one.account for one in taken}))
        taken = [one for one in taken if one.account in owners and owners[one.account].payer != payer.key]
        if not taken:
            return []
        found: dict[str, list[SubscriptionDue]] = defaultdict(list)
        read = (tenant, taken, usage_high, events_high, imagined)
        for due in self.subscriptions_due(*read, NAMED, {"payer": payer.key}):
            if any(event.payer == payer.key for event in due.events):
                account = due.subscription.account
                found[account].append(self._viewed(due, owners[account].payer, frozenset({payer.key})))
        contracts: dict[str, dict[str, Contract]] = defaultdict(dict)
        for contract in self.contracts(tenant, entity, sorted(found)):
            contracts[contract.account][contract.key] = contract
        return [AccountDue(owners[key], contracts[key], tuple(found[key])) for key in sorted(found)]

    def _viewed(self, due: SubscriptionDue, default: str, paying: frozenset[str]) -> SubscriptionDue:
        """What a payer has of a subscription; ``default`` pays for its account."""
        events = tuple(_without(event, default) for event in due.events)
        if not any(event.payer for event in events):
            return msgspec.structs.replace(due, events=events)
        seen = msgspec.structs.replace(due, events=events, paying=paying)
        mine, others = self.of_view(seen, due.billed)
        return msgspec.structs.replace(seen, billed=mine, elsewhere=others)

    def of_view(
        self, due: SubscriptionDue, lines: Sequence[BilledLine]
    ) -> tuple[tuple[BilledLine, ...], tuple[BilledLine, ...]]:
        """Lines of a subscription that are those of the payers who are looked at, and those of others.

        A line is a named payer's if it is on its invoice and its run knew that it was named; a credit is of whom its line is.
        All others are of the payer of the account, as they are where that has changed.
        """
        since: dict[str, int] = {}
        for event in due.events:
            if event.payer:
                since.setdefault(event.payer, event.id)
        given = {"ids": [line.id for line in lines]}
        rows = {ident: rest for ident, *rest in _INVOICED(self.connection, given)} if lines else {}

        def payer_of(ident: int) -> str:
            credits, payer, knew = rows.get(ident, (0, "", {}))
            if credits in rows:
                return payer_of(credits)
            return payer if payer in since and knew.get("events", since[payer]) >= since[payer] else ""

        mine = [due.pays(payer_of(line.id)) for line in lines]
        return (
            tuple(line for line, own in zip(lines, mine, strict=True) if own),
            tuple(line for line, own in zip(lines, mine, strict=True) if not own),
        )

    def payer_ranges(self, tenant: str, entity: str, size: int, account: str | None = None) -> list[tuple[str, str]]:
        """As :meth:`MastersReader.payer_ranges`, with the payers whom events name."""
        ranges = super().payer_ranges(tenant, entity, size, account)
        if not any_named(self, tenant, entity):
            return ranges
        event, taken, payer = tables.SUBSCRIPTION_EVENT.c, tables.SUBSCRIPTION.c, tables.ACCOUNT.c
        there = (payer.tenant == tenant, payer.entity == entity, payer.key == event.payer, payer.current)
        statement = (
            sa.select(event.payer)
            .distinct()
            .join(tables.SUBSCRIPTION, taken.id == event.subscription_id)
            .join(tables.ACCOUNT, sa.and_(*there))
            .where(event.tenant == tenant, event.entity == entity, event.payer.is_not(None))
        )
        if account is not None:
            statement = statement.where((taken.account == account) | (event.payer == account))
        return _with_more(ranges, sorted(row[0] for row in self.rows(statement)), size)

    def named_payers(self, tenant: str, entity: str, accounts: Iterable[str]) -> dict[str, dict[str, Known]]:
        """The events of those subscriptions of some accounts for which any names a payer: by account and key of the subscription."""
        if not any_named(self, tenant, entity):
            return {}
        event, taken = tables.SUBSCRIPTION_EVENT.c, tables.SUBSCRIPTION.c
        wanted = query.among(self.dialect, taken.account, "accounts", types.TextList)
        mine = (event.tenant == tenant, event.entity == entity, event.payer.is_not(None), wanted)
        joined = tables.SUBSCRIPTION_EVENT.join(tables.SUBSCRIPTION, taken.id == event.subscription_id)
        statement = sa.select(taken.id, taken.account, taken.key).distinct().select_from(joined).where(*mine)
        rows = self.connection.execute(statement, {"accounts": sorted(set(accounts))}).all()
        events = events_of(self, [row.id for row in rows])
        found: dict[str, dict[str, Known]] = defaultdict(dict)
        for row in rows:
            found[row.account][row.key] = tuple(events[row.id])
        return found

    def payer_marks(self, ids: Sequence[int]) -> list[BillingMark]:
        """How far the days of payers whom events name are billed, of some subscriptions."""
        wanted = query.among(self.dialect, tables.PAYER_MARK.c.subscription_id, "wanted")
        order = (tables.PAYER_MARK.c.subscription_id, tables.PAYER_MARK.c.payer)
        rows = self.connection.execute(
            sa.select(tables.PAYER_MARK).where(wanted).order_by(*order), {"wanted": list(ids)}
        )
        return [BillingMark(*row) for row in rows]


def _without(event: SubscriptionEvent, default: str) -> SubscriptionEvent:
    """The event as if it named nobody, where it names who pays for the account anyway."""
    return msgspec.structs.replace(event, payer="") if event.payer == default else event


def _joined(accounts: Iterable[AccountDue]) -> Iterable[AccountDue]:
    """Accounts in order of key, each once with all of its subscriptions in order of key."""
    found: dict[str, list[AccountDue]] = defaultdict(list)
    for one in accounts:
        found[one.account.key].append(one)
    for key in sorted(found):
        first, *more = found[key]
        some = [*first.subscriptions, *(due for one in more for due in one.subscriptions)]
        some.sort(key=lambda due: due.subscription.key)
        yield msgspec.structs.replace(first, subscriptions=tuple(some)) if more else first


def _with_more(ranges: Sequence[tuple[str, str]], payers: Sequence[str], size: int) -> list[tuple[str, str]]:
    """Ranges of payers with more payers: those inside a range are in it, the others are ranges beside them."""
    more = [key for key in payers if not any(low <= key <= high for low, high in ranges)]
    made: list[tuple[str, str]] = list(ranges)
    lows = sorted(low for low, _ in ranges)
    run: list[str] = []
    for key in more:
        if run and (len(run) == size or any(run[-1] < low <= key for low in lows)):
            made.append((run[0], run[-1]))
            run = []
        run.append(key)
    if run:
        made.append((run[0], run[-1]))
    return sorted(made)
