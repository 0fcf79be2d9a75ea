"""Port ``tax``: what tax is due on an invoice line; and, for providers that file returns, the documents as they were issued."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal, Protocol

import msgspec
from msgspec import Meta

from engine.model.effect import Answer, Effect
from engine.model.tax import Address, TaxQuote, TaxRequest
from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract.  Hooks that an adapter may leave out, and fields that may be absent, came to it since."""

CATEGORIES: Final = ("S", "Z", "E", "AE", "K", "G", "O")
"""EN 16931 categories that a quote may have; all but S mean a rate of zero."""

REASONED: Final = ("E", "AE", "K", "G", "O")
"""Categories that need a reason to be printed."""

LONGEST_CURSOR: Final = 2_000
"""Characters of a cursor."""


class NoQuote(msgspec.Struct, frozen=True, gc=False):
    """An answer that there is none: the provider cannot tell the tax on this line, and ``reason`` says why."""

    key: Annotated[str, Meta(description="key of the request")]
    reason: Annotated[str, Meta(description="why, for the person who has to mend it")]


class TaxLine(msgspec.Struct, frozen=True):
    """One line of a document as it was issued.  Amounts are in the document's currency, credits negative."""

    number: int
    text: str
    tax_code: str
    amount: Decimal
    tax: Decimal
    rate: Annotated[Decimal, Meta(description="0.19 for 19 %")]
    category: Annotated[str, Meta(description="one of CATEGORIES")]
    source: Annotated[str, Meta(description="adapter that quoted the tax; another name: it was decided otherwise")]
    product: str = ""


class TaxReference(msgspec.Struct, frozen=True):
    """The document that a credit note gives back, or a part of which it gives back."""

    number: str
    invoice_date: date


class TaxDocument(msgspec.Struct, frozen=True):
    """The payload of effects of kind ``tax-commit`` and ``tax-refund``: an invoice or credit note with its legal number.
    In the effect it is plain JSON-able data: amounts are texts, days are ISO texts."""

    number: Annotated[str, Meta(min_length=1, description="legal number")]
    kind: Literal["invoice", "credit_note", "corrected_invoice", "debit_note", "advance_invoice"]
    entity: Annotated[str, Meta(description="key of the selling legal entity")]
    account: Annotated[str, Meta(description="key of the buying account; no personal data")]
    invoice_date: date
    tax_point: date
    currency: str
    ship_from: Address
    ship_to: Address
    lines: tuple[TaxLine, ...]
    net: Decimal
    tax: Decimal
    buyer_tax_id: str | None = None
    exempt: bool = False
    certificate: str | None = None
    use_code: str | None = None
    preceding: Annotated[
        TaxReference | None, Meta(description="the one document that a credit note gives back; absent for several")
    ] = None
    whole: Annotated[bool, Meta(description="whether all of the preceding document is given back at once")] = False


class TaxVoid(msgspec.Struct, frozen=True):
    """The payload of effects of kind ``tax-void``: a document at the provider that the books do not have."""

    number: Annotated[str, Meta(min_length=1)]
    entity: str = ""


class TaxListRequest(msgspec.Struct, frozen=True):
    """Which documents of a legal entity the provider has, dated in [``since``, ``until``); ``cursor`` goes on with a list."""

    key: str
    entity: str
    since: date
    until: date
    cursor: str = ""


class ProviderDocument(msgspec.Struct, frozen=True):
    """A document as the provider has it.  ``net`` and ``tax`` are negative for credit notes, as they are in the books."""

    number: str
    day: date
    net: Decimal
    tax: Decimal
    state: Annotated[
        Literal["committed", "open", "void"], Meta(description="open: the provider would not report it as it is")
    ] = "committed"
    currency: Annotated[str, Meta(description="empty where the provider does not say")] = ""


class TaxListing(msgspec.Struct, frozen=True):
    """Some of the documents that were asked for; ``cursor`` asks for more, and is empty where these are the last."""

    key: str
    documents: tuple[ProviderDocument, ...]
    cursor: str = ""


class AddressRequest(msgspec.Struct, frozen=True):
    """An address to be looked up."""

    key: str
    address: Address


class ResolvedAddress(msgspec.Struct, frozen=True):
    """What a provider makes of an address: as it would write it, or None and what is wrong with it."""

    key: str
    address: Address | None
    message: str = ""


class TaxPort(Protocol):
    """Verb: ask; optional hooks tell.  A quote is an estimate that becomes a fact of the invoice; it commits nothing at the
    provider.  An adapter that has ``tax_commit`` is told of every invoice that is routed to it once that has its number."""

    @hookspec(firstresult=True)
    def tax_quote(self, requests: Sequence[TaxRequest]) -> Sequence[TaxQuote | NoQuote]:
        """What tax is due on each of these lines.

        When: once for each batch of invoice drafts, and again whenever a run is tried again; also by previews.

        With: ``requests``, at least one, each with another ``key``; not in a promised order.  Those that share a
        ``document`` are lines of one invoice; a batch may hold a part of an invoice.

        Answers: exactly one :class:`TaxQuote` or :class:`NoQuote` for each key, in any order.  ``amount`` is in the
        request's currency, in whole minor units, with the sign of the request's amount; ``category`` is one of
        :data:`CATEGORIES`, with a rate and an amount of zero unless it is ``S``; ``reason`` is the text to be printed
        where the category is one of :data:`REASONED`; ``jurisdiction`` names who levies; ``source`` is the
        adapter's name; ``details``, if there are any, add up to the amount.  Where a request says ``tax_included``, its
        amount is gross, and the tax is the part of it that is tax.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole.

        May not: record or commit anything at the provider; answer nothing; answer for a key that was not asked.
        """
        ...

    @hookspec(firstresult=True)
    def tax_commit(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """Record these invoices with their legal numbers, for good.  Optional; it tells.

        When: by ``tollbook deliver``, after the transaction that issued the invoices; again with the same key after a
        ``retry``, after a crash, and whenever a reconciliation finds the document missing.

        With: ``effects``, at least one, each with another ``key``; the payload is a :class:`TaxDocument` as plain data.
        Lines whose ``source`` is not the adapter were taxed without it: their tax is recorded as it was invoiced.

        Answers: exactly one :class:`Answer` for each key, in any order.  ``accepted`` with ``evidence`` that finds the
        document again; the same key with the same payload is accepted with the same evidence and recorded once.
        ``rejected`` with a ``reason`` where it can never work, such as a number that another document has.  ``retry`` with
        a ``reason`` where nothing was done and it may work later.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole, the first two only where
        nothing was done; one bad document is an answer, not a failure.

        May not: change a payload; replace a document that another key has recorded.
        """
        ...

    @hookspec(firstresult=True)
    def tax_refund(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """Record these credit notes with their legal numbers, for good.  Optional; it tells.

        When: as :meth:`tax_commit`, for documents of kind ``credit_note``.

        With: ``effects``, as for :meth:`tax_commit`; amounts are negative.  ``preceding`` names the document that is given
        back, ``whole`` says that all of it is.  The provider may never have had that document.

        Answers: as :meth:`tax_commit`.

        Fails: as :meth:`tax_commit`.

        May not: change or void the preceding document; record another tax than the credit note has.
        """
        ...

    @hookspec(firstresult=True)
    def tax_void(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """Take documents out of the provider's returns that the books do not have.  Optional; it tells.

        When: after a person has asked for it, by ``tollbook tax void``; never for a document of the books, which only a
        credit note gives back.

        With: ``effects``, at least one; the payload is a :class:`TaxVoid` as plain data.

        Answers: exactly one :class:`Answer` for each key, in any order: ``accepted`` also where it was void already;
        ``rejected`` where there is no such document, or where the provider has reported it.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole, the first two only where
        nothing was done.

        May not: touch any other document.
        """
        ...

    @hookspec(firstresult=True)
    def tax_status(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """What became of documents whose telling has no known end.  Optional.

        When: before they are told again after a time-out, a crash or an answer that was lost; without this hook they are told
        again under the same key.

        With: ``effects`` of any kind that the adapter is told of, at least one.

        Answers: exactly one :class:`Answer` for each key, in any order.  ``accepted`` with the evidence and ``rejected``
        with the reason that telling would have answered; ``retry`` with a ``reason`` where nothing was done under the key:
        it is then told.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole; nothing is told then.

        May not: record anything; change anything.
        """
        ...

    @hookspec(firstresult=True)
    def tax_documents(self, requests: Sequence[TaxListRequest]) -> Sequence[TaxListing]:
        """Which documents the provider has.  Optional.

        When: by ``tollbook tax documents``, which compares them with the books.

        With: ``requests``, each for a legal entity and a span of days.

        Answers: exactly one :class:`TaxListing` for each key, in any order: documents that were recorded, estimates left
        out, also those that nobody told of through this adapter.  With a ``cursor`` there are more.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole.

        May not: leave a document of these days out of the whole list, or name one twice.
        """
        ...

    @hookspec(firstresult=True)
    def tax_addresses(self, requests: Sequence[AddressRequest]) -> Sequence[ResolvedAddress]:
        """Addresses as the provider knows them.  Optional.

        When: by ``tollbook tax address``.

        With: ``requests``, at least one, each with another ``key``.

        Answers: exactly one :class:`ResolvedAddress` for each key, in any order; without an ``address`` it has a
        ``message`` that says why.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole.

        May not: record anything.
        """
        ...


PORT: Final = Port(
    name="tax",
    contract=CONTRACT,
    verb="ask",
    prefix="tax_",
    spec=TaxPort,
    optional=("tax_commit", "tax_refund", "tax_void", "tax_status", "tax_documents", "tax_addresses"),
    acts={"tax-commit": "tax_commit", "tax-refund": "tax_refund", "tax-void": "tax_void"},
    status="tax_status",
)
