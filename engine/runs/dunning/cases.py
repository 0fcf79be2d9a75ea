"""What the books know of customers that are late, as the schedule takes it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.calendar import Calendar
from engine.base.errors import Finding
from engine.base.money import ZERO
from engine.model.account import Account
from engine.model.decision import Decision
from engine.model.dunning import (
    Case,
    Debt,
    DunningFacts,
    Hold,
    Instalments,
    Promise,
    Step,
    Taken,
    Terms,
)
from engine.model.entity import LegalEntity
from engine.receivables.dunning import late, relevant
from engine.runs.dunning.freezes import frozen_parts
from engine.runs.run import Parts, attempt
from engine.store.reader import Reader

HOLDS: Final = ("hold", "insolvency", "handover")
"""Kinds of notes that stop all steps, of a document or of the account."""

Row = Mapping[str, Any]


class Owing(msgspec.Struct, frozen=True):
    """An account that owes something in a currency: the case, and what a rule makes of it.

    ``debts`` are all its documents by id, those that charge interest among them; ``steps`` and ``claims`` are rows of the
    books.  ``decision`` and ``terms`` are those of the family ``dunning``.
    """

    entity: LegalEntity
    account: Account
    currency: str
    case: Case
    debts: Mapping[int, Debt]
    decision: Decision
    terms: Terms
    steps: tuple[Row, ...] = ()
    claims: tuple[Row, ...] = ()
    notes: tuple[Row, ...] = ()

    @property
    def subject(self) -> str:
        """What findings about it name."""
        return f"account/{self.entity.key}/{self.account.key}"

    def step(self, name: str) -> Step:
        """A step of the rule by its name."""
        return next(step for step in self.terms.steps if step.name == name)


def owing(
    parts: Parts,
    reader: Reader,
    entity: LegalEntity,
    keys: Collection[str],
    day: date,
    findings: list[Finding],
    *,
    whole: bool = False,
) -> list[Owing]:
    """What some accounts owe on a day; an account that cannot be judged becomes a finding.  Those that are late with nothing are
    left out, unless the ``whole`` is wanted."""
    made: list[Owing] = []
    tenant = parts.tenant
    accounts = reader.accounts(tenant, entity.key, sorted(keys))
    debts = reader.debts(tenant, entity.key, keys)
    charging = _charging(reader, tenant, entity.key, keys)
    by_account = {
        name: _grouped(read(tenant, entity.key, keys))
        for name, read in (
            ("notes", reader.dunning_notes),
            ("steps", reader.dunning_steps),
            ("claims", reader.dunning_claims),
        )
    }
    frozen = frozen_parts(reader, tenant, entity.key, keys)
    for key, currency in sorted(debts):
        if key not in accounts:
            continue
        rows = {name: _of_currency(found.get(key, ()), currency) for name, found in by_account.items()}
        case = _case(debts[key, currency], charging, rows["notes"], rows["steps"], frozen.get(key, ()), day)
        if not whole and not late(case, day):
            continue
        known = {debt.item: debt for debt in debts[key, currency]}
        found = attempt(
            lambda a=accounts[key], c=currency, case=case: judged(parts, entity, a, c, case, day),  # type: ignore[misc]
            f"account/{entity.key}/{key}",
            findings,
        )
        if found is not None:
            made.append(
                Owing(
                    entity, accounts[key], currency, case, known, *found, rows["steps"], rows["claims"], rows["notes"]
                )
            )
    return made


def judged(
    parts: Parts, entity: LegalEntity, account: Account, currency: str, case: Case, day: date
) -> tuple[Decision, Terms]:
    """The rule for an account that is late, and its terms.

    Raises:
        TollbookError: ``rule.no-answer``, ``calendar.unknown``.
    """
    whole = late(case, day)
    oldest = min((debt.due for debt in case.debts if debt.item in whole), default=day)
    facts = DunningFacts(
        entity=entity,
        account=account,
        currency=currency,
        overdue=sum(whole.values(), ZERO),
        invoices=len(whole),
        age=(day - oldest).days,
        day=day,
    )
    decision = parts.rules.decide("dunning", facts, day)
    return decision, terms_of(decision.terms, entity, account, currency)


def terms_of(given: Mapping[str, Any], entity: LegalEntity, account: Account, currency: str) -> Terms:
    """The terms of a rule for an account and a currency."""
    places = {"account": account.country, "entity": entity.country}
    names = ("reopened", "reopened_after", "broken_after", "promise_grace", "plan_grace", "plan_misses")
    calendar = Calendar(places.get(given["calendar"], given["calendar"]), tuple(given["closed"]), tuple(given["open"]))
    return Terms(
        level=given["level"],
        steps=tuple(_step(one) for one in given["steps"]),
        minimum=(given["minimum"] or {}).get(currency, ZERO),
        calendar=calendar,
        **{name: given[name] for name in names},
    )


def _step(given: Mapping[str, Any]) -> Step:
    names = ("name", "after", "action", "tone", "by_law", "charge", "fee", "pay_within", "credit_hold")
    channels = tuple(given["channels"])
    return Step(business=given["counts"] == "business", channels=channels, **{name: given[name] for name in names})


def _case(
    debts: Sequence[Debt],
    charging: Collection[int],
    notes: Sequence[Row],
    steps: Sequence[Row],
    frozen: Sequence[Any],
    day: date,
) -> Case:
    """The case of an account in a currency, without what has nothing to do with it any more."""
    owed = [debt for debt in debts if debt.amount > ZERO and debt.item not in charging]
    credits = tuple(debt for debt in debts if debt.amount <= ZERO)
    taken = tuple(
        Taken(row["item"], row["cycle"], row["step"], row["day"], tuple(one["item"] for one in row["items"]))
        for row in steps
    )
    holds, promises, plans = standing_notes(notes)
    mine = relevant(owed, taken, (*promises, *plans), day)
    return Case(mine, credits, tuple(frozen), tuple(holds), tuple(promises), tuple(plans), taken)


def standing_notes(notes: Sequence[Row]) -> tuple[list[Hold], list[Promise], list[Instalments]]:
    """Holds, promises and plans as notes have them, with the days on which they were ended."""
    ends = {note["ends"]: note["start"] for note in notes if note["ends"]}
    holds, promises, plans = list[Hold](), list[Promise](), list[Instalments]()
    for note in notes:
        detail, ended = note["detail"], ends.get(note["id"], date.max)
        items = tuple(int(one) for one in detail.get("items", ()))
        if note["kind"] in HOLDS:
            until = min(note["until"], ended)
            holds.append(Hold(note["item"], note["start"], until, note["kind"], note["reason"], note["key"]))
        elif note["kind"] == "promise":
            due, left = date.fromisoformat(detail["due"]), Decimal(detail["left"])
            promises.append(Promise(note["key"], note["start"], due, note["amount"], items, left, ended))
        elif note["kind"] == "plan":
            parts = tuple((date.fromisoformat(on), Decimal(amount)) for on, amount in detail["parts"])
            plans.append(Instalments(note["key"], note["start"], parts, items, note["amount"], ended))
    return holds, promises, plans


def _charging(reader: Reader, tenant: str, entity: str, keys: Collection[str]) -> set[int]:
    """The documents that charge interest and fees: they are owed, and not dunned in turn."""
    return {row["document"] for row in reader.dunning_claims(tenant, entity, keys) if row["document"]}


def _grouped(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["account"], []).append(row)
    return found


def _of_currency(rows: Sequence[Row], currency: str) -> tuple[Row, ...]:
    return tuple(row for row in rows if row["currency"] in ("", currency))
