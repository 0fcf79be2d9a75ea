"""What is not asked for at the moment: parts of documents that are disputed, and those that are on their way.

A department that knows of such parts adds its question to :data:`DISPUTED` or :data:`PENDING`; it is asked for many accounts
at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from decimal import Decimal
from itertools import chain
from typing import Final

from engine.model.direct_debit import PLANNED
from engine.model.dunning import Freeze
from engine.model.payment import CHARGE
from engine.runs.disputes.freezes import disputed
from engine.store.reader import Reader

Question = Callable[[Reader, str, str, Collection[str]], Iterable[tuple[str, Freeze]]]
"""(reader, tenant, legal entity, accounts) -> (account, frozen part of one of its documents)."""


def noted(kind: str) -> Question:
    """The question that the notes of a kind answer, which people make with ``tollbook dunning hold``."""

    def asked(reader: Reader, tenant: str, entity: str, accounts: Collection[str]) -> Iterator[tuple[str, Freeze]]:
        notes = reader.dunning_notes(tenant, entity, accounts)
        ends = {note["ends"]: note["start"] for note in notes if note["ends"]}
        for note in notes:
            if note["kind"] == kind:
                until = min(note["until"], ends.get(note["id"], note["until"]))
                yield note["account"], Freeze(note["item"], note["amount"], note["start"], until, note["reason"])

    return asked


def by_direct_debit(
    reader: Reader, tenant: str, entity: str, accounts: Collection[str]
) -> Iterator[tuple[str, Freeze]]:
    """What direct debits collect of which the debtor was told, until the bank has said what became of it."""
    for one in reader.direct_debits(tenant, entity, live=True):
        if one.account in accounts and one.state != PLANNED:
            reason = f"direct debit {one.key} is on its way"
            yield one.account, Freeze(one.item, one.amount, one.planned_on, reason=reason)


def by_provider(reader: Reader, tenant: str, entity: str, accounts: Collection[str]) -> Iterator[tuple[str, Freeze]]:
    """What providers have been told to take and have not decided yet."""
    for one in reader.payments_undecided(tenant):
        if one.entity == entity and one.account in accounts and one.kind == CHARGE:
            for item, _, amount in one.items:
                yield one.account, Freeze(item, Decimal(amount), one.day, reason=f"payment {one.key} is on its way")


DISPUTED: Final[tuple[Question, ...]] = (noted("freeze"), disputed)
"""Who knows of disputed parts."""

PENDING: Final[tuple[Question, ...]] = (noted("pending"), by_direct_debit, by_provider)
"""Who knows of parts that are on their way, such as a direct debit that is not booked yet."""


def frozen_parts(reader: Reader, tenant: str, entity: str, accounts: Collection[str]) -> dict[str, list[Freeze]]:
    """What is frozen of documents, by account."""
    found: dict[str, list[Freeze]] = {}
    for account, freeze in chain.from_iterable(ask(reader, tenant, entity, accounts) for ask in (*DISPUTED, *PENDING)):
        found.setdefault(account, []).append(freeze)
    return found
