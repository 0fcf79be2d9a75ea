"""A subscription as it stands: version, events and who made them, contract, terms, attributes, what was billed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import msgspec

from engine.base.money import round_to
from engine.billing.timeline import payer_on, stints
from engine.model.contract import Contract
from engine.model.subscription import SubscriptionEvent
from engine.model.terms import Term
from engine.runs.run import Parts
from engine.runs.subscriptions.amending import found
from engine.runs.subscriptions.versions import Made, made_by
from engine.store.subscription_lines import newest_lines

LINES: Final = 20
"""Lines that are shown, the newest."""


class Known(msgspec.Struct, frozen=True):
    """An event, and who made it known."""

    event: SubscriptionEvent
    made: Made


class Shown(msgspec.Struct, frozen=True):
    """A subscription on a day; ``plan`` is empty and ``quantity`` 0 where it is not in service then."""

    entity: str
    key: str
    account: str
    payer: str
    version: int
    on: date
    plan: str
    quantity: str
    events: tuple[Known, ...]
    contract: Contract | None
    terms: tuple[Term, ...]
    attributes: Mapping[str, Any]
    lines: tuple[Mapping[str, Any], ...]


def shown(parts: Parts, key: str, on: date, entity: str = "") -> Shown:
    """A subscription with all that is known of it.

    Raises:
        TollbookError: ``subscription.unknown``.
    """
    with parts.books.reader() as reader:
        bound = found(parts, reader, key, entity)
        who = made_by(reader, parts.tenant, bound.events)
        lines = newest_lines(reader, bound.id, LINES)
    served = stints(bound.events)
    stint = next((stint for stint in served if on in stint.days), None)
    seen = bound.attributes.of(bound.account.key, bound.key).subscription.on(on) if bound.attributes else None
    return Shown(
        bound.entity.key,
        bound.key,
        bound.account.key,
        payer_on(served, on) or bound.account.payer,
        len(bound.events),
        on,
        stint.plan if stint else "",
        f"{stint.quantity.normalize():f}" if stint else "0",
        tuple(Known(event, who.get(event.id, Made())) for event in bound.events),
        bound.contract,
        bound.terms,
        msgspec.structs.asdict(seen) if seen else {},
        tuple({**line, "amount": round_to(line["amount"], line["currency"])} for line in lines),
    )
