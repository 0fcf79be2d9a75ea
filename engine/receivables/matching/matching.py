"""Matching as a whole: payments, open documents, parties and rates in, one match a payment out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal

from engine.model.decision import Decide, Decision
from engine.model.matching import Candidate, Incoming, Match, MatchingFacts, Party
from engine.receivables.matching.assigning import Assigner
from engine.receivables.matching.judging import Ask, Judge
from engine.receivables.matching.keys import Keys
from engine.receivables.matching.looking import Looker
from engine.receivables.matching.packed import AtHand, Memory, Packed, Rooms
from engine.receivables.matching.payers import Payers
from engine.receivables.matching.twice import Entries


def match(
    payments: Iterable[Incoming],
    candidates: Iterable[Candidate],
    parties: Iterable[Party],
    rates: Mapping[str, Decimal],
    decide: Decide,
) -> list[Match]:
    """What each payment pays, ordered by payment id.

    Args:
        payments: bank entries, each id once.
        candidates: open documents, each id once.
        parties: who may pay.
        rates: rates of the day by the two currency codes joined, such as ``EURUSD``, from then to.
        decide: asks the rules of the family ``matching``.
    """

    def ask(facts: MatchingFacts, on: date) -> Decision:
        return decide("matching", facts, on)

    return list(Assigner(*prepared(candidates, parties, rates, ask)).assign(Entries(list(payments))))


def prepared(
    candidates: Iterable[Candidate],
    parties: Iterable[Party],
    rates: Mapping[str, Decimal],
    ask: Ask,
    room: Rooms = Memory,
) -> tuple[Sequence[Candidate], Judge]:
    """What an assigner starts from; documents that are packed stay so, in ``room``."""
    items: Sequence[Candidate]
    if isinstance(candidates, Packed):
        items = AtHand(candidates.by_id(room))
    else:
        items = sorted(candidates, key=lambda one: one.id)
    keys = Keys(items)
    return items, Judge(Looker(items, keys, Payers(parties)), rates, ask)
