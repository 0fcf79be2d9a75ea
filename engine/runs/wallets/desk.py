"""The desk of the wallets: what is in them, and what is granted, drawn, voided and expires outside of bill runs."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, round_to
from engine.billing.wallets import available
from engine.ledger.fx import RateTable, convert
from engine.ledger.posting import determine
from engine.model.journal import Change
from engine.model.wallet import PAID, PROMOTIONAL, Purse, WalletFacts
from engine.runs.approvals import Approvals, Outcome
from engine.runs.run import PartsOn, Report, Rules
from engine.runs.wallets.expiry import run_expire
from engine.runs.wallets.moves import (
    ROLES,
    UNFIT,
    Booking,
    Grant,
    Moved,
    digest,
    draw_on,
    grant_lot,
    unknown,
    void_lot,
)
from engine.store.books import Books
from engine.store.reader import Reader

SEVERAL = Code("wallet.several", "A wallet that several legal entities have, where none is named.")
NEEDS_SECOND = Code("wallet.needs-second-person", "A grant by a program that needs two persons.")

ACT = "grant-credit"


class WalletView(msgspec.Struct, frozen=True):
    """A wallet as people see it on a day; amounts in its currency, ``units`` in its own unit."""

    entity: str
    wallet: str
    account: str
    currency: str
    balance: Decimal
    available: Decimal
    floor: Decimal
    version: int
    priority: int
    unit: str = ""
    units: Decimal = ZERO
    lots: tuple[dict[str, Any], ...] = ()
    movements: tuple[dict[str, Any], ...] = ()


class Asked(msgspec.Struct, frozen=True):
    """What somebody asks to be granted: ``amount``, or ``units`` of a wallet that counts in a unit of its own.

    ``cost`` is what was paid (default: the amount; nothing for what is promotional).
    """

    key: str
    amount: Decimal | None = None
    units: Decimal | None = None
    kind: str = PAID
    cost: Decimal | None = None
    on: date | None = None
    expires_on: date | None = None
    priority: int = 1


class WalletDesk:
    """What people and programs ask of wallets.  Safe to share between threads."""

    def __init__(self, books: Books, parts: PartsOn, approvals: Approvals) -> None:
        self._books, self._parts, self._approvals = books, parts, approvals
        self._kept: set[str] = set()

    @property
    def _tenant(self) -> str:
        return self._parts().tenant

    def listed(self, today: date, entity: str = "", account: str = "") -> list[WalletView]:
        """All wallets, or those of a legal entity or account."""
        with self._books.reader() as reader:
            entities = [entity] if entity else sorted(reader.entities(self._tenant))
            return [
                _view(purse, balance, version, today)
                for key in entities
                for purse, balance, version in reader.purses(self._tenant, key, account)
            ]

    def shown(self, wallet: str, today: date, entity: str = "", after: int = 0, limit: int = 100) -> WalletView:
        """A wallet with its lots, and its movements after number ``after``.

        Raises:
            TollbookError: ``wallet.unknown``, ``wallet.several``.
        """
        with self._books.reader() as reader:
            entity = self._entity(reader, wallet, entity)
            found = reader.purse(self._tenant, entity, wallet)
            if found is None:
                raise unknown(reader, self._tenant, wallet)
            lots = [
                {name: getattr(lot, name) for name in ("key", "kind", "granted_on", "expires_on", "priority", "amount")}
                | {"cost": lot.cost, "left": lot.left}
                for lot in reader.lots_of(self._tenant, entity, wallet)
            ]
            names = ("number", "key", "part", "kind", "lot", "amount", "balance", "day", "at", "invoice")
            moves = [
                {name: row[name] for name in names}
                for row in reader.movements(self._tenant, entity, wallet, after, limit)
            ]
        view = _view(*found, today)
        return msgspec.structs.replace(view, lots=tuple(lots), movements=tuple(moves))

    def grant(self, wallet: str, asked: Asked, change: Change, entity: str = "") -> Outcome | Moved:
        """Grant a lot, or propose it where that needs a second person.

        Raises:
            TollbookError: ``wallet.unknown``, ``wallet.several``, ``wallet.unfit``, ``wallet.key-conflict``, ``fx.no-rate``,
                ``ledger.period-closed``.
        """
        grant = self._prepared(wallet, asked, change, entity)
        given = dict(msgspec.to_builtins(grant))
        if self._approvals.needs_two(ACT, given):
            return self._approvals.act(ACT, given, change)
        with self._books.writer(change, tenant=self._tenant) as writer:
            return grant_lot(writer, self._tenant, grant)

    def grant_at_once(self, wallet: str, asked: Asked, change: Change, entity: str = "") -> Moved:
        """Grant a lot in the name of a program, which cannot propose.

        Raises:
            TollbookError: as :meth:`grant`; ``wallet.needs-second-person``.
        """
        grant = self._prepared(wallet, asked, change, entity)
        if self._approvals.needs_two(ACT, dict(msgspec.to_builtins(grant))):
            what = f"a grant of {grant.amount:f} {grant.booking.rate.base} needs two persons"
            raise refuse(NEEDS_SECOND, what, mend="let a person grant it with `tollbook wallet grant`")
        with self._books.writer(change, tenant=self._tenant) as writer:
            return grant_lot(writer, self._tenant, grant)

    def draw(
        self, wallet: str, key: str, amount: Decimal, change: Change, entity: str = "", on: date | None = None
    ) -> Moved:
        """Draw an amount, all of it or nothing; the same key again changes nothing.

        Raises:
            TollbookError: ``wallet.unknown``, ``wallet.several``, ``wallet.unfit``, ``wallet.key-conflict``,
                ``wallet.below-floor``, ``fx.no-rate``, ``ledger.period-closed``.
        """
        purse, booking = self._looked_up(wallet, entity, change, on)
        asked = digest("draw", amount.normalize())
        with self._books.writer(change, tenant=self._tenant) as writer:
            return draw_on(writer, self._tenant, purse.wallet.entity, wallet, key, amount, asked, booking)

    def void(self, wallet: str, lot: str, change: Change, entity: str = "", on: date | None = None) -> Moved:
        """Take back what is left of a lot.

        Raises:
            TollbookError: ``wallet.unknown``, ``wallet.several``, ``wallet.unknown-lot``, ``ledger.period-closed``.
        """
        purse, booking = self._looked_up(wallet, entity, change, on)
        with self._books.writer(change, tenant=self._tenant) as writer:
            return void_lot(writer, self._tenant, purse.wallet.entity, wallet, lot, booking)

    def expire(self, on: date, change: Change) -> Report:
        """Take out what has expired on a day; see :func:`engine.runs.wallets.expiry.run_expire`."""
        return run_expire(self._parts(on=on), on, change)

    def _prepared(self, wallet: str, asked: Asked, change: Change, entity: str) -> Grant:
        """The grant as it will be done, so that what is proposed is what is approved."""
        purse, booking = self._looked_up(wallet, entity, change, asked.on)
        terms = purse.wallet
        amount = _amount_of(asked, purse)
        cost = asked.cost if asked.cost is not None else ZERO if asked.kind == PROMOTIONAL else amount
        expires = asked.expires_on or date.max
        said = digest("grant", asked.kind, amount.normalize(), cost.normalize(), expires, asked.priority)
        functional = convert(cost, booking.rate)
        days = (booking.day, expires)
        head = (terms.entity, wallet, asked.key, asked.kind, amount, cost, functional)
        return Grant(*head, *days, asked.priority, said, booking)

    def _looked_up(self, wallet: str, entity: str, change: Change, on: date | None) -> tuple[Purse, Booking]:
        """A wallet, and how what is done to it on a day is booked."""
        parts = self._parts()
        tenant = parts.tenant
        with self._books.reader() as reader:
            entity = self._entity(reader, wallet, entity)
            found = reader.purse(tenant, entity, wallet)
            if found is None:
                raise unknown(reader, tenant, wallet)
            purse, seller = found[0], reader.entities(tenant)[entity]
            day = on or _local(change.at, seller.zone)
            functional = seller.functional_currency
            rates = [] if purse.wallet.currency == functional else reader.fx_rates(tenant, day, parts.fx_max_age)
        table = RateTable([rate for rate in rates if rate.source == parts.fx_source], day)
        rate = table.rate(purse.wallet.currency, functional)
        self._keep(parts.rules, change)
        accounts = determine(parts.rules.decide, entity, purse.wallet.currency, day)
        booked = {str(role): accounts(role, purse.account.country, "") for role in ROLES}
        decision = parts.rules.decide("wallets", WalletFacts(entity, purse.account, purse.wallet, day), day)
        return purse, Booking(day, rate, booked, decision.id, tuple(decision.terms["order"]))

    def _keep(self, rules: Rules, change: Change) -> None:
        """Keep a release and its decisions before something rests on them; once in a process."""
        if rules.release not in self._kept:
            with self._books.writer(change, tenant=self._tenant) as writer:
                writer.store_release(self._tenant, rules.release, rules.files, rules.overrides, rules.plugins)
                writer.store_decisions(rules.decisions())
            self._kept.add(rules.release)

    def _entity(self, reader: Reader, wallet: str, entity: str) -> str:
        if entity:
            return entity
        found = reader.wallet_entities(self._tenant, wallet)
        if len(found) > 1:
            raise refuse(SEVERAL, f"{', '.join(found)} have a wallet {wallet!r}", mend="name the legal entity")
        if not found:
            raise unknown(reader, self._tenant, wallet)
        return found[0]


def _local(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


def _amount_of(asked: Asked, purse: Purse) -> Decimal:
    wallet = purse.wallet
    if (asked.amount is None) == (asked.units is None):
        raise refuse(UNFIT, "a grant has an amount or units", mend="give one of them")
    if asked.amount is not None:
        return asked.amount
    if not wallet.unit or asked.units is None:
        raise refuse(UNFIT, f"wallet {wallet.key} counts in {wallet.currency}", mend="give an amount")
    return round_to(asked.units * wallet.unit_rate, wallet.currency)


def _view(purse: Purse, balance: Decimal, version: int, today: date) -> WalletView:
    wallet = purse.wallet
    head = (wallet.entity, wallet.key, wallet.account, wallet.currency, balance)
    above = available(purse.lots, wallet.floor, today)
    units = balance / wallet.unit_rate if wallet.unit else ZERO
    units = units.quantize(Decimal("0.000001"))
    return WalletView(*head, above, wallet.floor, version, wallet.priority, wallet.unit, units)
