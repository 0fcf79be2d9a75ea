"""Port ``consent``: whether a customer may be written to in some way, for some purpose."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal, Protocol

import msgspec
from msgspec import Meta

from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract."""


class ConsentRequest(msgspec.Struct, frozen=True, gc=False):
    """What is asked: may this channel be used for this purpose for this customer, now."""

    key: Annotated[str, Meta(description="names the request")]
    entity: Annotated[str, Meta(description="key of the legal entity that writes")]
    account: Annotated[str, Meta(description="key of the customer's account; no personal data")]
    channel: Annotated[str, Meta(description="email, post, portal, sms, phone")]
    purpose: Annotated[str, Meta(description="what for: dunning")]


class Consent(msgspec.Struct, frozen=True, gc=False):
    """What the source says.

    ``given``: it may be used.  ``refused``: it may not, because consent was refused or withdrawn.  ``unknown``: the source has no
    signal of this customer; the rules say what that means.
    """

    key: Annotated[str, Meta(description="key of the request")]
    state: Literal["given", "refused", "unknown"]
    source: Annotated[str, Meta(description="where the signal comes from, so that it can be found again")]
    since: Annotated[
        datetime | None, Meta(description="the moment of the signal, with a time zone; null where it is unknown")
    ] = None


class ConsentPort(Protocol):
    """Verb: ask.  What is answered is written into the books with what was done upon it."""

    @hookspec(firstresult=True)
    def consent_ask(self, requests: Sequence[ConsentRequest]) -> Sequence[Consent]:
        """The newest signal of each customer for a channel and a purpose.

        When: before a letter is put into the outbox, and again before one that has waited there goes out.

        With: ``requests``, at least one, each with another ``key``.

        Answers: exactly one :class:`Consent` for each key, in any order.  A signal that was withdrawn is ``refused`` from the moment on at
        which the source knows of it: nothing that is older is answered, and nothing is remembered between calls.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole; what fails is never taken for
        consent.

        May not: change anything; answer for another customer, channel or purpose than it was asked about.
        """
        ...


PORT: Final = Port(name="consent", contract=CONTRACT, verb="ask", prefix="consent_", spec=ConsentPort)
