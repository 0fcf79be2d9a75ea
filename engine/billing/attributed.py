"""Attributes of accounts, subscriptions, charges and contracts as rules see them: those in force on the day that a rule is asked about."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from engine.model.attribute import AttributeValue, Contracted, Declared, Subscribed
from engine.model.catalog import Charge
from engine.model.decision import Decision

if TYPE_CHECKING:
    from engine.billing.job import Job
    from engine.model.due import SubscriptionDue

F = TypeVar("F", bound=msgspec.Struct)


class History(msgspec.Struct, frozen=True):
    """The attributes of one record: ``states[n]`` holds from ``days[n]`` on; the first from ever."""

    days: tuple[date, ...]
    states: tuple[msgspec.Struct, ...]

    def on(self, day: date) -> Any:
        """The attributes on a day."""
        return self.states[bisect_right(self.days, day) - 1]


def histories(declared: Declared, name: str, values: Iterable[AttributeValue]) -> dict[str, History]:
    """The attributes of the records of an object that have values of their own, from values in the order of their ids.

    Values of attributes that the release does not declare, or that do not go with its declaration any more, are left out.
    """
    dated: dict[str, dict[date, dict[str, Any]]] = {}
    for one in values:
        attribute = declared.find(name, one.attribute)
        if attribute is None:
            continue
        try:
            value = attribute.default if one.value is None else attribute.read(one.value)
        except ValueError:
            continue
        dated.setdefault(one.record, {}).setdefault(one.valid_from, {})[one.attribute] = value
    return {record: _history(declared.types[name], by_day) for record, by_day in dated.items()}


def _history(type_: type[msgspec.Struct], by_day: Mapping[date, Mapping[str, Any]]) -> History:
    days, states, known = [date.min], [type_()], dict[str, Any]()
    for day, changed in sorted(by_day.items()):
        known.update(changed)
        state = type_(**known)
        if day == days[-1]:
            states[-1] = state
        else:
            days.append(day)
            states.append(state)
    return History(tuple(days), tuple(states))


class Attributed(msgspec.Struct, frozen=True):
    """The attributes that one run sees, by key of the record; ``nobody`` are those of a record without values."""

    known: Mapping[str, Mapping[str, History]]
    nobody: Mapping[str, History]

    def _of(self, name: str, key: str) -> History:
        return self.known[name].get(key, self.nobody[name])

    def account(self, key: str) -> History:
        """The attributes of an account."""
        return self._of("account", key)

    def of(self, account: str, subscription: str, contract: str = "") -> Seen:
        """The attributes of one account, one subscription of it and its contract, and of all charges."""
        mine = (self._of("account", account), self._of("subscription", subscription), self._of("contract", contract))
        return Seen(*mine, self.known["charge"], self.nobody["charge"])

    def within(self, job: Job, due: SubscriptionDue) -> Job:
        """The job as one subscription is rated in it: every rule sees the attributes of the day that it is asked about."""
        seen = self.of(due.subscription.account, due.subscription.key, due.subscription.contract or "")
        decide = job.decide

        def decided(family: str, facts: Any, on: date) -> Decision:
            return decide(family, seen.by(facts, on), on)

        return msgspec.structs.replace(job, decide=decided, attributes=seen)


class Seen(msgspec.Struct, frozen=True):
    """The attributes of one account, one subscription of it and its contract, and those of charges by ``plan/charge``."""

    account: History
    subscription: History
    contract: History
    charges: Mapping[str, History]
    charge: History

    def by(self, facts: F, day: date) -> F:
        """Facts about them, as far as they are about them, with the attributes of a day."""
        known: Any = facts
        replace, names, changed = msgspec.structs.replace, facts.__struct_fields__, dict[str, Any]()
        if "account" in names:
            changed["account"] = replace(known.account, attributes=self.account.on(day))
        if "subscription" in names and isinstance(known.subscription, Subscribed):
            changed["subscription"] = Subscribed(self.subscription.on(day))
        if "contract" in names and isinstance(known.contract, Contracted):
            changed["contract"] = Contracted(self.contract.on(day))
        if "charge" in names and isinstance(known.charge, Charge):
            of_charge = self.charges.get(f"{known.plan}/{known.charge.key}", self.charge)
            changed["charge"] = replace(known.charge, attributes=of_charge.on(day))
        return replace(facts, **changed)

    def within(self, job: Job, due: SubscriptionDue) -> Job:
        """The job itself: it is of this subscription."""
        return job


def attributed(declared: Declared, values: Iterable[AttributeValue]) -> Attributed:
    """What a run sees of the values that it has pinned."""
    found = list(values)
    own = {name: histories(declared, name, (v for v in found if v.object == name)) for name in declared.types}
    nobody = {name: History((date.min,), (type_(),)) for name, type_ in declared.types.items()}
    return Attributed(own, nobody)
