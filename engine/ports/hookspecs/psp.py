"""Port ``psp``: providers that take money from customers and give it back: cards, wallets, direct debits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from engine.model.clearance import PENDING as PENDING
from engine.model.effect import Answer, Effect
from engine.model.payment import (
    CANCEL,
    CAPTURE,
    CHARGE,
    REFUND,
    MethodKind,
    PaymentEvent,
    PaymentRequest,
    Payout,
)
from engine.model.payment import PaymentAnswer as PaymentAnswer
from engine.model.payment import PaymentChange as PaymentChange
from engine.model.payment import RefundRequest as RefundRequest
from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract."""


class Capability(msgspec.Struct, frozen=True):
    """One way to pay that a provider can take.  Empty ``currencies`` or ``countries`` mean all."""

    method: MethodKind
    currencies: tuple[str, ...] = ()
    countries: Annotated[tuple[str, ...], Meta(description="of the payer's bank or card")] = ()
    least: Annotated[Decimal | None, Meta(description="smallest amount, in the currency of the payment")] = None
    most: Annotated[Decimal | None, Meta(description="largest amount")] = None
    settlement_days: Annotated[int, Meta(description="business days until the money is paid out")] = 0
    cost_rate: Annotated[Decimal, Meta(description="share of the amount that it costs: 0.014 for 1.4 %")] = Decimal(0)
    cost_fixed: Annotated[Decimal, Meta(description="what each payment costs beside, in its currency")] = Decimal(0)
    off_session: Annotated[bool, Meta(description="can be taken while the customer is not there")] = True
    manual_capture: Annotated[bool, Meta(description="can be reserved first and captured later")] = False
    refunds: Annotated[bool, Meta(description="can be given back to where it came from")] = True
    refund_days: Annotated[int, Meta(description="days within which it can be given back; 0: any")] = 0


class Description(msgspec.Struct, frozen=True):
    """What a provider can do."""

    capabilities: tuple[Capability, ...]
    formats: Annotated[
        tuple[str, ...], Meta(description="kinds of files that it takes or gives, such as pain.008.001.08")
    ] = ()


class EventRequest(msgspec.Struct, frozen=True):
    """A message as it came: every byte of the body, and the headers with names in lower case."""

    key: Annotated[str, Meta(description="digest of the body")]
    body: bytes
    headers: dict[str, str]


class Events(msgspec.Struct, frozen=True):
    """What a message says; ``refused`` says why it is not believed or not understood, and there are no events then."""

    key: str
    events: tuple[PaymentEvent, ...] = ()
    refused: str = ""


class PayoutRequest(msgspec.Struct, frozen=True):
    """Payouts that arrive in [``since``, ``until``); ``cursor`` goes on with a list."""

    key: str
    since: date
    until: date
    cursor: str = ""


class Payouts(msgspec.Struct, frozen=True):
    """Some of the payouts that were asked for, with all their lines; ``cursor`` is empty where these are the last."""

    key: str
    payouts: tuple[Payout, ...]
    cursor: str = ""


class FileRequest(msgspec.Struct, frozen=True):
    """Payments of one legal entity that go in files."""

    key: str
    entity: str
    day: date
    payments: Annotated[
        dict[str, PaymentRequest], Meta(description="by key of the effect, in the order in which they were accepted")
    ]


class PaymentFile(msgspec.Struct, frozen=True):
    """A file to be sent to a bank.  ``keys`` are the effects whose payments are in it."""

    name: str
    format: str
    content: bytes
    keys: tuple[str, ...]


class Files(msgspec.Struct, frozen=True):
    """The files that take payments; ``left`` says why some are in none."""

    key: str
    files: tuple[PaymentFile, ...]
    left: dict[str, str] = {}


class PspPort(Protocol):
    """Hooks that tell act once for each idempotency key; the others only ask.  A decline is an answer, never a failure."""

    @hookspec(firstresult=True)
    def psp_describe(self) -> Description:
        """What the provider can do: methods, currencies, countries, amounts, costs, days, files.

        When: as often as routing chooses among the adapters.

        With: nothing; the plug-in has its settings from its context.

        Answers: a :class:`Description` with at least one capability; the same one always.

        May not: call anybody.
        """
        ...

    @hookspec(firstresult=True)
    def psp_charge(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """Take these payments, or reserve them where ``capture`` is false.

        When: after the transaction that made the payment; again with the same key after a ``retry`` that did nothing.
        Another attempt at a payment that was declined has another key.

        With: ``effects``, at least one, each with another ``key``; the payload is a
        :class:`~engine.model.payment.PaymentRequest` as plain data.

        Answers: exactly one :class:`Answer` for each key, in any order; the evidence is a
        :class:`~engine.model.payment.PaymentAnswer` as plain data.  ``accepted`` where the provider has it: it says in
        ``state`` how far it is.  ``rejected`` with a ``reason`` where it is declined (``state`` failed, with the ``code``),
        or the same key came with another payload.  ``retry`` with a ``reason`` where nothing was done; ``retry`` with
        ``{PENDING: true}`` where the provider has it and cannot say yet: it is then asked for by :meth:`psp_status`.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole, the first two only where
        nothing was done.

        May not: take another amount or currency; take one key twice; keep or log anything of a card but its token.
        """
        ...

    @hookspec(firstresult=True)
    def psp_status(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """What became of effects that the provider may have.

        When: before anything is told again whose telling has no known end, and while a payment is not decided.

        With: ``effects`` of any kind that the adapter is told of, at least one.

        Answers: exactly one :class:`Answer` for each key, in any order: what telling would answer now.  ``retry`` without
        ``{PENDING: true}`` says that the provider knows nothing of the key: it is then told.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole; nothing is told then.

        May not: take, give back or change anything.
        """
        ...

    @hookspec(firstresult=True)
    def psp_refund(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """Give money back to what it was paid with.

        When: as :meth:`psp_charge`, after a person or a rule has decided it; never for more than is left of the payment.

        With: ``effects``; the payload is a :class:`~engine.model.payment.RefundRequest` as plain data.

        Answers: as :meth:`psp_charge`; ``rejected`` where it is more than the provider has of the payment.

        Fails: as :meth:`psp_charge`.

        May not: send the money anywhere else.
        """
        ...

    @hookspec(firstresult=True)
    def psp_capture(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """Take what was reserved, or a part of it; what is not taken is let go.  Optional.

        When: as :meth:`psp_charge`, for payments that are authorized.

        With: ``effects``; the payload is a :class:`~engine.model.payment.PaymentChange` as plain data.

        Answers: as :meth:`psp_charge`.

        Fails: as :meth:`psp_charge`.

        May not: take more than was reserved.
        """
        ...

    @hookspec(firstresult=True)
    def psp_cancel(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """Let go what was reserved, or stop a payment that is not decided.  Optional.

        When: as :meth:`psp_charge`.

        With: ``effects``; the payload is a :class:`~engine.model.payment.PaymentChange` as plain data.

        Answers: as :meth:`psp_charge`, ``accepted`` with the state canceled, also where it was canceled already;
        ``rejected`` where it was taken.

        Fails: as :meth:`psp_charge`.

        May not: give back what was taken.
        """
        ...

    @hookspec(firstresult=True)
    def psp_events(self, requests: Sequence[EventRequest]) -> Sequence[Events]:
        """What messages of the provider say, once it is certain that they are the provider's.  Optional.

        When: for every message that comes over HTTP or is read from a file.

        With: ``requests``, at least one, each with another ``key``.

        Answers: exactly one :class:`Events` for each key, in any order.  A message whose signature is not good, is missing or
        is too old has ``refused`` and no events.  A kind of event that the port has no word for is ``other``.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole.

        May not: believe what is not signed; act on the provider.
        """
        ...

    @hookspec(firstresult=True)
    def psp_payouts(self, requests: Sequence[PayoutRequest]) -> Sequence[Payouts]:
        """Which payouts the provider has made, and of what.  Optional.

        When: by ``tollbook payments payouts``.

        With: ``requests``, at least one, each with another ``key``.

        Answers: exactly one :class:`Payouts` for each key, in any order; every line of a payout is there, and their ``net``
        add up to its ``amount``.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole.

        May not: leave out a line.
        """
        ...

    @hookspec(firstresult=True)
    def psp_files(self, requests: Sequence[FileRequest]) -> Sequence[Files]:
        """Files that take payments, for providers that speak files.  Optional.

        When: after the payments were accepted; again with the same key for the same files.

        With: ``requests``, at least one, each with another ``key``.

        Answers: exactly one :class:`Files` for each key, in any order; each payment is in one file or in ``left``.  The same
        request gives the same bytes.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole.

        May not: send them.
        """
        ...


PORT: Final = Port(
    name="psp",
    contract=CONTRACT,
    verb="ask",
    prefix="psp_",
    spec=PspPort,
    optional=("psp_capture", "psp_cancel", "psp_events", "psp_payouts", "psp_files"),
    acts={CHARGE: "psp_charge", CAPTURE: "psp_capture", CANCEL: "psp_cancel", REFUND: "psp_refund"},
    status="psp_status",
)
