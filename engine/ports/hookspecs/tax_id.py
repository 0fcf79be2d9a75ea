"""Port ``tax_id``: whether tax registration numbers of customers are good, from whoever keeps the register."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract."""


class TaxIdRequest(msgspec.Struct, frozen=True, gc=False):
    """What is asked: whether a number is registered."""

    key: Annotated[str, Meta(description="names the request")]
    tax_id: Annotated[str, Meta(description="the number, as the customer gave it")]
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 country of the customer")]
    requester: Annotated[
        str, Meta(description="the seller's own number, with its country in front; empty where it has none")
    ] = ""


class TaxIdAnswer(msgspec.Struct, frozen=True, gc=False):
    """What the register says of a number on a day."""

    key: Annotated[str, Meta(description="key of the request")]
    valid: Annotated[bool, Meta(description="whether it is registered")]
    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2 country of the register")]
    checked_on: Annotated[date, Meta(description="the day of the answer, by the register")]
    reference: Annotated[
        str, Meta(description="what proves the answer, such as a request id; empty where it gives none")
    ]
    source: Annotated[str, Meta(description="whose register it is, such as VIES")]


class NotTold(msgspec.Struct, frozen=True, gc=False):
    """That nothing is known of a number now: it is of no register of the adapter, or that is closed."""

    key: Annotated[str, Meta(description="key of the request")]
    reason: Annotated[str, Meta(description="why; an answer about the number itself is never one of these")]


class TaxIdPort(Protocol):
    """Verb: ask.  What is answered is kept as dated evidence, and what follows from it is a matter of rules."""

    @hookspec(firstresult=True)
    def registration_check(self, requests: Sequence[TaxIdRequest]) -> Sequence[TaxIdAnswer | NotTold]:
        """Whether numbers are registered today.

        When: by ``tollbook tax ids --refresh`` or a schedule of it, never while an invoice is made; again for the same numbers
        after a failure.

        With: ``requests``, at least one, each with another ``key``.

        Answers: exactly one :class:`TaxIdAnswer` or :class:`NotTold` for each key, in any order.  A number that is not
        registered, or cannot be one, is ``valid=False``; a register that does not answer for one country is
        :class:`NotTold` for its numbers, and the others have their answers.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole.

        May not: take silence for an answer; answer from an earlier day.
        """
        ...


PORT: Final = Port(name="tax_id", contract=CONTRACT, verb="ask", prefix="registration_", spec=TaxIdPort)
