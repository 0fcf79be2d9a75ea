"""Bank entries that providers have caused: what they pay out, what a bank collects by direct debit, and what of that goes back.

Such money is in the books already, by the payout or by what the bank has said of each collection.  Its entry is cleared against
the account where it stands there, and pays no document: else it would count twice.  Where the books do not have it yet, the
entry waits until they do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import ZERO, round_to
from engine.ledger.cash import Part
from engine.ledger.settlements import KIND as SETTLEMENT
from engine.model.cash import CLEARED, BankEntry, OpenEntry
from engine.model.direct_debit import FEE, RETURNED, SETTLED, DebitStep, DirectDebit
from engine.model.entity import LegalEntity
from engine.receivables.debiting import return_key
from engine.runs.payments.payouts import ENTRY as PAYOUT
from engine.runs.run import Parts
from engine.store.reader import Reader

NEAR: Final = timedelta(days=7)
"""How far apart the day of a payout or collection, and that of its bank entry, may be."""
HEAR: Final = "let `tollbook direct-debit hear` read what the bank says of it"


class Cleared(msgspec.Struct, frozen=True):
    """A bank entry that a provider has caused: the ``name`` of that, and what it is cleared against; nothing where it has to wait,
    and ``why``."""

    name: str
    parts: tuple[Part, ...] = ()
    why: str = ""


def recognised(parts: Parts, reader: Reader, entity: LegalEntity, money: Sequence[OpenEntry]) -> dict[str, Cleared]:
    """The entries that providers have caused, by id; an entry of which a part is used is none."""
    whole = [one for one in money if one.left == one.entry.amount]
    if not whole:
        return {}
    since, until = min(one.entry.booked for one in whole) - NEAR, max(one.entry.booked for one in whole) + NEAR
    known = _Known(parts, reader, entity, since, until, whole)
    found = {str(one.entry.id): made for one in whole if (made := known.debit(one.entry)) is not None}
    for one in whole:
        if str(one.entry.id) not in found and (paid := known.payout(one.entry)) is not None:
            found[str(one.entry.id)] = paid
    return found


def is_cleared(reader: Reader, tenant: str, entity: str, name: str) -> bool:
    """Whether a bank entry was cleared against something, and stays so."""
    return bool(sum((use.amount for use in reader.uses(tenant, entity=entity, key=name, kind=CLEARED)), ZERO))


class _Known:
    """What the books have of providers around the days of some entries; each of it clears one entry."""

    def __init__(
        self, parts: Parts, reader: Reader, entity: LegalEntity, since: date, until: date, money: Sequence[OpenEntry]
    ) -> None:
        self.reader, self.tenant, self.entity = reader, parts.tenant, entity
        self.now: set[str] = set()
        self.payouts = [row for row in reader.payouts_between(parts.tenant, entity.key, since, until) if row["amount"]]
        self.debits: dict[str, DirectDebit] = {}
        self.groups: dict[str, list[DirectDebit]] = defaultdict(list)
        self.group_of: dict[int, str] = {}
        self.steps: dict[int, list[DebitStep]] = {}
        if reader.has_mandates(parts.tenant):
            named = sorted({one.entry.end_to_end_id for one in money} - {""})
            self._learn(reader.debits_around(parts.tenant, entity.key, since, until, named))

    def _learn(self, debits: Sequence[DirectDebit]) -> None:
        self.steps = self.reader.debit_steps(one.id for one in debits)
        effects = {step.effect: ident for ident, some in self.steps.items() for step in some if step.effect}
        said = {effects[one.key]: _evidence(one.answer) for one in self.reader.effects(self.tenant, sorted(effects))}
        for one in debits:
            told = said.get(one.id, {})
            for name in (one.key, str(told.get("provider_id", ""))):
                self.debits[name] = one
            if told.get("group"):
                self.groups[str(told["group"])].append(one)
                self.group_of[one.id] = str(told["group"])
        self.debits.pop("", None)

    def payout(self, entry: BankEntry) -> Cleared | None:
        """The payout that an entry is: of its amount and currency, near, and named in its texts, by itself or by its provider.

        Payouts of one provider with one amount are as good as each other: the nearest is taken.
        """
        texts = " ".join((entry.payer, entry.remittance, entry.end_to_end_id, entry.structured, entry.bank_ref))
        words = texts.casefold()
        same = [
            row
            for row in self.payouts
            if (row["amount"], row["currency"]) == (entry.amount, entry.currency)
            and abs(row["day"] - entry.booked) <= NEAR
            and not self._gone(payout_name(row))
        ]
        sure = [row for row in same if row["key"].casefold() in words]
        sure = sure or [row for row in same if row["provider"].casefold() in words]
        if not sure or len({row["provider"] for row in sure}) > 1:
            return None
        row = min(sure, key=lambda one: (abs(one["day"] - entry.booked), one["id"]))
        held = [one for one in self.reader.entry_of(self.tenant, row["id"], PAYOUT) if one["amount"] == entry.amount]
        return self._taken(payout_name(row), [turned(one) for one in held[:1]])

    def debit(self, entry: BankEntry) -> Cleared | None:
        """The collection, or the group of collections, that an entry is of, or that it takes back; None where it is none."""
        one = self.debits.get(entry.end_to_end_id)
        if entry.amount < ZERO:
            return None if one is None else self._returned(one, entry)
        if one is not None and self._sum([one], SETTLED) == entry.amount:
            return self._collected(f"direct debit {one.key}", [one])
        group = self.group_of.get(one.id, "") if one is not None else entry.end_to_end_id
        if group in self.groups:
            return self._of_group(group, entry)
        if one is not None:
            return Cleared(
                f"direct debit {one.key}", why=f"it names direct debit {one.key}, which is {one.state}: {HEAR}"
            )
        return self._unnamed(entry)

    def _of_group(self, group: str, entry: BankEntry) -> Cleared:
        among = [one for one in self.groups[group] if self._step(one, SETTLED) is not None]
        name = f"direct debits {group}"
        if self._sum(among, SETTLED) == entry.amount:
            return self._collected(name, among)
        why = f"it is of the direct debits {group}, of which {_coins(self._sum(among, SETTLED), entry)} is booked as settled: {HEAR}"
        return Cleared(name, why=why)

    def _unnamed(self, entry: BankEntry) -> Cleared | None:
        """An entry that names nobody and nothing, as banks book sums of collections: the only group near of its amount."""
        if entry.end_to_end_id or entry.structured or entry.payer_account:
            return None
        if entry.payer.strip().casefold() not in ("", self.entity.name.casefold()):
            return None
        found = [
            (group, among)
            for group, some in self.groups.items()
            if (among := [one for one in some if self._near(one, entry)])
            and not self._gone(f"direct debits {group}")
            and entry.currency == among[0].currency
            and self._sum(among, SETTLED) == entry.amount
        ]
        if len(found) == 1:
            return self._collected(f"direct debits {found[0][0]}", found[0][1])
        if found:
            names = ", ".join(group for group, _ in found)
            return Cleared("", why=f"it could be each of the direct debits {names}")
        return None

    def _near(self, one: DirectDebit, entry: BankEntry) -> bool:
        step = self._step(one, SETTLED)
        return step is not None and abs(step.day - entry.booked) <= NEAR

    def _returned(self, one: DirectDebit, entry: BankEntry) -> Cleared:
        """A return, of several that of its amount which has cleared no entry yet."""
        steps = [step for step in self.steps.get(one.id, ()) if step.state == RETURNED]
        made = Cleared("")
        for step in steps:
            if step.amount + step.fee != -entry.amount:
                continue
            key = return_key(one.key, step.step, first=step is steps[0])
            found = [*self._held(key, SETTLEMENT, -step.amount)]
            found += self._held(key, FEE, -step.fee) if step.fee else ()
            made = self._taken(f"return of direct debit {one.key}{key.removeprefix(f'{one.key}/returned')}", found)
            if made.parts:
                break
        if made.name:
            return made
        gone = sum((step.amount + step.fee for step in steps), ZERO)
        booked = f", and {_coins(gone, entry)} went back with it" if steps else ""
        return Cleared(
            f"return of direct debit {one.key}",
            why=f"it takes back direct debit {one.key}, which is {one.state}{booked}: {HEAR}",
        )

    def _collected(self, name: str, debits: Sequence[DirectDebit]) -> Cleared:
        """What clears the entry of some collections; each counts by itself and in its group, once."""
        found = [part for one in debits for part in self._held(one.key, SETTLEMENT, self._sum([one], SETTLED))]
        groups = {f"direct debits {self.group_of[one.id]}" for one in debits if one.id in self.group_of}
        return self._taken(name, found, {*groups, *(f"direct debit {one.key}" for one in debits)})

    def _taken(self, name: str, parts: Sequence[Part], others: Collection[str] = ()) -> Cleared:
        """What clears an entry, once; ``others`` are names under which the same money may have cleared another one."""
        if any(self._gone(each) for each in sorted({name, *others})):
            return Cleared(name, why=f"another bank entry is the {name}")
        self.now.add(name)
        return Cleared(name, _gathered(parts))

    def _gone(self, name: str) -> bool:
        return name in self.now or is_cleared(self.reader, self.tenant, self.entity.key, name)

    def _held(self, key: str, kind: str, amount: Decimal) -> Iterator[Part]:
        """Where money of an act stands in the ledger, turned round."""
        rows = self.reader.settlements(self.tenant, self.entity.key, key=key)
        entry = self.reader.entry_of(self.tenant, rows[0]["document"], kind) if rows else []
        yield from (turned(one) for one in [each for each in entry if each["amount"] == amount][:1])

    def _step(self, one: DirectDebit, state: str) -> DebitStep | None:
        return next((step for step in self.steps.get(one.id, ()) if step.state == state), None)

    def _sum(self, debits: Sequence[DirectDebit], state: str) -> Decimal:
        return sum((step.amount for one in debits if (step := self._step(one, state)) is not None), ZERO)


def payout_name(row: Mapping[str, Any]) -> str:
    """What a payout is called by the uses of bank entries."""
    return f"payout {row['provider']}/{row['key']}"


def _gathered(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Parts on one account by one decision as one."""
    made: dict[tuple[str, str, int], Part] = {}
    for one in parts:
        place = (one.account, one.currency, one.decision)
        there = made.get(place)
        if there is not None:
            total = (there.amount + one.amount, there.functional + one.functional)
            one = msgspec.structs.replace(there, amount=total[0], functional=total[1])
        made[place] = one
    return tuple(made.values())


def _coins(amount: Decimal, entry: BankEntry) -> str:
    return f"{round_to(amount, entry.currency):f} {entry.currency}"


def _evidence(answer: Any) -> Mapping[str, Any]:
    found = answer.get("evidence") if isinstance(answer, dict) else None
    return found if isinstance(found, dict) else {}


def turned(posting: Mapping[str, Any]) -> Part:
    """A part that is a posting turned round, on its own account."""
    worth = -posting["functional_amount"]
    return Part(
        *("psp_clearing", posting["currency"], -posting["amount"], worth),
        account=posting["account"],
        decision=posting["decision"],
    )
