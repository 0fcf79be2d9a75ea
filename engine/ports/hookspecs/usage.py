"""Port ``usage``: fetching usage events from a system that counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract."""

LONGEST_CURSOR: Final = 1000
"""Most characters of a cursor."""


class UsageRequest(msgspec.Struct, frozen=True, gc=False):
    """What is asked: the events after a cursor."""

    key: Annotated[str, Meta(description="names the request")]
    cursor: Annotated[
        str, Meta(description="the cursor of the last batch that is in the books; empty before the first")
    ]
    limit: Annotated[int, Meta(description="most events of the answer", ge=1)]


class UsageBatch(msgspec.Struct, frozen=True):
    """Events in the order in which the system has them, and where to go on after them.

    An event is a mapping of texts by the columns of the import file ``usage``: entity, subscription, meter, key, at and
    quantity, as they were written at their source; ``source`` is the adapter's name where it is not given.
    """

    key: Annotated[str, Meta(description="key of the request")]
    events: tuple[Mapping[str, str], ...]
    cursor: Annotated[str, Meta(description="where to go on; as in the request where there are no events")]
    more: Annotated[bool, Meta(description="whether there are events after these by now")] = False


class UsagePort(Protocol):
    """Verb: ask.  Whoever reads remembers how far: the host keeps the cursor with the events, in one transaction."""

    @hookspec(firstresult=True)
    def usage_since(self, requests: Sequence[UsageRequest]) -> Sequence[UsageBatch]:
        """The events after a cursor.

        When: by ``tollbook usage pull``, again and again until an answer has no ``more``; again with the same cursor after
        a failure, a crash, or where a batch could not be written.

        With: ``requests``, a single one in this version of the contract.

        Answers: exactly one :class:`UsageBatch` for each key, with at most ``limit`` events.  The same cursor gives the
        same events again, in the same order, and perhaps more of them; every event comes after exactly one cursor; one that becomes known
        later comes later, whatever its time.  Where there are events, the cursor moves on.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown``; the cursor stays where it is.

        May not: delete or mark anything at the source; leave out an event because it looks wrong: the host says so.
        """
        ...


PORT: Final = Port(name="usage", contract=CONTRACT, verb="ask", prefix="usage_", spec=UsagePort)
