"""Port ``exchange``: telling CRM, ERP and provisioning what happened in the books."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from engine.model.effect import Answer, Effect
from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract."""


class ExchangePort(Protocol):
    """Verb: tell.  Every effect has an idempotency key: the same key is the same message, however often it is sent."""

    @hookspec(firstresult=True)
    def exchange_send(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """Send these messages.

        When: by ``tollbook deliver``, after the transaction that wrote what they tell of; again with the same key after a
        ``retry`` and after a crash.  Messages come in the order of what they tell of, but one that is retried comes later:
        whoever gets them goes by their days, not by their order.

        With: ``effects``, at least one, each with another ``key``; the payload is an ``Outbound`` of
        ``engine/model/exchange.py`` as plain data, whose ``data`` are those of its kind.  A plug-in that has a setting
        ``kinds``, a list, is told those kinds only; where the list is empty, or there is none, all.

        Answers: exactly one :class:`Answer` for each key, in any order.  ``accepted`` with ``evidence`` that finds the
        message again; the same key with the same payload is accepted with the same evidence, and its receiver has it once.
        ``rejected`` with a ``reason`` where it can never work: a payload that is not understood, the same key with another
        payload.  ``retry`` with a ``reason`` where nothing was done and it may work later.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole; one bad message is an
        answer, not a failure.

        May not: change a payload; send it to anybody whom the configuration does not name.
        """
        ...

    @hookspec(firstresult=True)
    def exchange_status(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """What became of messages whose sending has no known end.  Optional.

        When: before messages are sent again whose last sending timed out, broke off, or was never answered; without this
        hook they are sent again under the same key.

        With: ``effects``, at least one.

        Answers: exactly one :class:`Answer` for each key, in any order.  ``accepted`` and ``rejected`` as
        :meth:`exchange_send` would have answered; ``retry`` with a ``reason`` where the receiver has nothing of the key: it
        is then sent.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole; nothing is sent then.

        May not: send anything; change anything.
        """
        ...


PORT: Final = Port(
    name="exchange",
    contract=CONTRACT,
    verb="tell",
    prefix="exchange_",
    spec=ExchangePort,
    optional=("exchange_status",),
    status="exchange_status",
    decides=False,
)
