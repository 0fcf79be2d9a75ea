"""Port ``delivery``: bringing documents to those whom they are for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Protocol

import msgspec
from msgspec import Meta

from engine.model.effect import Answer, Effect
from engine.ports.hookspecs.plugin import Port, hookspec

CONTRACT: Final = 1
"""Version of this contract."""


class Registration(msgspec.Struct, frozen=True):
    """A tax registration of the seller."""

    country: Annotated[str, Meta(description="ISO 3166-1 alpha-2")]
    kind: Annotated[str, Meta(description="vat, gst, sales_tax, consumption_tax")]
    number: str


class PayTo(msgspec.Struct, frozen=True):
    """A bank account of the seller."""

    name: str
    currency: str
    iban: str = ""
    bic: str = ""


class Contact(msgspec.Struct, frozen=True):
    """A person or desk that answers questions."""

    name: str = ""
    phone: str = ""
    email: str = ""


class Seller(msgspec.Struct, frozen=True):
    """Who sells."""

    key: Annotated[str, Meta(description="key of the legal entity")]
    name: str
    address: Annotated[str, Meta(description="lines, separated by newlines")]
    country: str
    registrations: tuple[Registration, ...] = ()
    bank_accounts: tuple[PayTo, ...] = ()
    city: str = ""
    postcode: str = ""
    region: Annotated[str, Meta(description="state or province")] = ""
    legal_id: Annotated[str, Meta(description="number in a register of companies")] = ""
    legal_scheme: Annotated[str, Meta(description="which register that is, by ISO 6523: 0106 for the Dutch KVK")] = ""
    endpoint: Annotated[str, Meta(description="electronic address, such as a Peppol participant")] = ""
    endpoint_scheme: Annotated[str, Meta(description="EAS code of the electronic address: 0088, 9930, EM")] = ""
    contact: Contact | None = None


class Buyer(msgspec.Struct, frozen=True):
    """Who pays."""

    key: Annotated[str, Meta(description="key of the account")]
    name: str
    address: Annotated[str, Meta(description="lines, separated by newlines")]
    country: str
    tax_id: str | None = None
    email: str | None = None
    language: Annotated[str, Meta(description="ISO 639-1")] = "en"
    reference: Annotated[str, Meta(description="what the buyer wants named, such as a routing id")] = ""
    city: str = ""
    postcode: str = ""
    region: Annotated[str, Meta(description="state or province")] = ""
    legal_id: Annotated[str, Meta(description="number in a register of companies")] = ""
    legal_scheme: Annotated[str, Meta(description="which register that is, by ISO 6523: 0106 for the Dutch KVK")] = ""
    endpoint: Annotated[str, Meta(description="electronic address, such as a Peppol participant")] = ""
    endpoint_scheme: Annotated[str, Meta(description="EAS code of the electronic address: 0088, 9930, EM")] = ""
    contact: Contact | None = None


class DocumentLine(msgspec.Struct, frozen=True):
    """One line.  Amounts are in the document's currency, credits negative."""

    number: int
    text: str
    amount: Decimal
    account: Annotated[str, Meta(description="key of the account that used the service")] = ""
    account_name: str = ""
    subscription: str = ""
    service_from: date | None = None
    service_to: Annotated[date | None, Meta(description="the day after the last day of service")] = None
    quantity: Decimal | None = None
    unit: Annotated[str | None, Meta(description="what one of the quantity is called")] = None
    share: Annotated[str | None, Meta(description="share of a whole cycle such as 17/31; 1 for a whole one")] = None
    tax_rate: Annotated[Decimal, Meta(description="0.19 for 19 %")] = Decimal(0)
    tax_amount: Decimal = Decimal(0)
    tax_category: str = ""
    tax_reason: str = ""
    tax_source: str = ""
    tax_code: Annotated[
        str, Meta(description="what the product is for tax: an HSN or SAC code, ClaveProdServ, ...")
    ] = ""


class DocumentTaxPart(msgspec.Struct, frozen=True):
    """A tax that another is made of, such as the CGST and the SGST of a GST."""

    name: str
    rate: Decimal
    tax: Decimal
    jurisdiction: str = ""
    level: Annotated[str, Meta(description="country, state, county, city or special")] = ""


class DocumentTax(msgspec.Struct, frozen=True):
    """All lines of one category, rate and jurisdiction together."""

    category: str
    rate: Decimal
    net: Decimal
    tax: Decimal
    jurisdiction: str = ""
    reason: str = ""
    parts: Annotated[
        tuple[DocumentTaxPart, ...], Meta(description="what it is made of, where that is known; adds up to ``tax``")
    ] = ()


class Functional(msgspec.Struct, frozen=True):
    """The total in the currency of the seller's books: ``total`` = document total x ``rate``."""

    currency: str
    total: Decimal
    rate: Decimal
    rate_source: str = ""
    rate_on: date | None = None


class Allowance(msgspec.Struct, frozen=True):
    """Something off the whole document, or on it where ``amount`` is negative; it is in ``net``, not in any line."""

    amount: Decimal
    reason: str
    tax_category: str
    tax_rate: Decimal = Decimal(0)


class EarlyPayment(msgspec.Struct, frozen=True):
    """What may be taken off what is due by paying early."""

    discount: Annotated[Decimal, Meta(description="share of what is due: 0.02 for 2 %")]
    within: Annotated[int, Meta(description="days from the date of the document", ge=0)]
    until: Annotated[date, Meta(description="the last of them")]
    amount: Annotated[Decimal, Meta(description="what may be taken off, tax and all")]
    left: Annotated[Decimal, Meta(description="what is to be paid then")]


class Reference(msgspec.Struct, frozen=True):
    """An earlier document that this one corrects or gives back."""

    number: str
    invoice_date: date


class Attachment(msgspec.Struct, frozen=True):
    """A file that was made of the document, such as a PDF; in the effect its bytes are base64."""

    name: Annotated[str, Meta(min_length=1)]
    media_type: Annotated[str, Meta(pattern=r"^[a-z]+/[a-z0-9.+-]+$")]
    data: bytes


class Legal(msgspec.Struct, frozen=True):
    """What the law wants printed beside the number.  Empty texts are not printed."""

    code: Annotated[str, Meta(description="code of the document in its series, such as an ATCUD")] = ""
    printed: Annotated[str, Meta(description="characters of the signature that are printed")] = ""
    authority_id: Annotated[str, Meta(description="what the authority that cleared it calls it")] = ""
    qr: Annotated[str, Meta(description="what the QR code holds")] = ""
    cleared_at: Annotated[str, Meta(description="when the authority cleared it, ISO 8601")] = ""


class Field(msgspec.Struct, frozen=True):
    """Something that the law of a place wants on documents, and no other field holds: UsoCFDI, place of supply."""

    key: Annotated[str, Meta(description="key of the attribute of the account that it comes from")]
    label: Annotated[str, Meta(description="what it is called on the page")]
    value: str


class Layout(msgspec.Struct, frozen=True):
    """How a document looks, as a rule of the family ``documents`` decided."""

    template: Annotated[str, Meta(description="name of a template")] = "invoice"
    language: Annotated[str, Meta(description="ISO 639-1; empty: the buyer's")] = ""
    accent: Annotated[str, Meta(description="colour of headings and lines as #rrggbb; empty: the template's")] = ""
    logo: Annotated[str, Meta(description="file beside the templates; empty: none")] = ""
    footer: Annotated[str, Meta(description="a sentence at the end, such as the register of companies")] = ""
    codes: Annotated[
        tuple[Literal["authority", "zatca", "epc", "portugal"], ...],
        Meta(description="QR codes to be drawn, as far as there is what they say"),
    ] = ("authority",)
    certificate: Annotated[
        str, Meta(description="number of the certificate of the program, where the law wants it")
    ] = ""


class InvoiceDocument(msgspec.Struct, frozen=True):
    """The payload of effects of kind ``invoice`` and ``credit_note``: all that is printed.  In the effect it is plain
    JSON-able data: amounts and quantities are texts, days are ISO texts."""

    number: Annotated[str, Meta(min_length=1)]
    kind: Literal["invoice", "credit_note", "corrected_invoice", "debit_note", "advance_invoice"]
    invoice_date: date
    currency: str
    seller: Seller
    buyer: Buyer
    lines: tuple[DocumentLine, ...]
    net: Decimal
    tax: Decimal
    total: Decimal
    due_date: date | None = None
    tax_point: date | None = None
    purchase_order: str | None = None
    taxes: tuple[DocumentTax, ...] = ()
    functional: Functional | None = None
    note: str | None = None
    prepaid: Annotated[Decimal, Meta(description="paid from wallets; below zero for what went back to them")] = Decimal(
        0
    )
    due: Annotated[
        Decimal | None, Meta(description="total less what is prepaid; absent where no wallet has a part in it")
    ] = None
    early_payment: EarlyPayment | None = None
    given_up: Annotated[
        Decimal,
        Meta(
            description="what of a credit note nobody had paid, such as a discount for paying early: it comes off what the buyer gets"
        ),
    ] = Decimal(0)
    allowances: tuple[Allowance, ...] = ()
    preceding: tuple[Reference, ...] = ()
    rounding: Annotated[Decimal, Meta(description="added to what is due, so that it can be paid in cash")] = Decimal(0)
    functional_tax: Annotated[Decimal | None, Meta(description="tax in the currency of the seller's books")] = None
    delivery_country: Annotated[str, Meta(description="where goods or services went, if not to the buyer")] = ""
    process: Annotated[str, Meta(description="business process, as Peppol wants it named")] = ""
    fields: tuple[Field, ...] = ()
    layout: Layout = Layout()
    legal: Legal | None = None
    attachments: Annotated[tuple[Attachment, ...], Meta(description="files to be sent with it")] = ()


class ReceiptsRequest(msgspec.Struct, frozen=True, gc=False):
    """What is asked: what became of documents, after a cursor."""

    key: Annotated[str, Meta(description="names the request")]
    cursor: Annotated[
        str, Meta(description="the cursor of the last answer that is in the books; empty before the first")
    ]
    limit: Annotated[int, Meta(description="most receipts of the answer", ge=1)]


class Receipt(msgspec.Struct, frozen=True):
    """What became of a document that was accepted.

    ``delivered``: it reached whom it is for.  ``bounced``: it did not and never will.  ``delayed``: somebody on the way still
    tries.  ``opened``: whom it is for has looked at it.  ``produced``: a letter is printed.  ``handed_over``: the post has it.
    """

    effect: Annotated[str, Meta(description="idempotency key of the effect")]
    state: Literal["delivered", "bounced", "delayed", "opened", "produced", "handed_over"]
    at: Annotated[datetime, Meta(tz=True)]
    reason: str = ""
    evidence: dict[str, Any] = {}


class Receipts(msgspec.Struct, frozen=True):
    """Receipts in the order in which they came, and where to go on after them."""

    key: Annotated[str, Meta(description="key of the request")]
    receipts: tuple[Receipt, ...]
    cursor: Annotated[str, Meta(description="where to go on; as in the request where there are none")]
    more: Annotated[bool, Meta(description="whether there are receipts after these by now")] = False


class DeliveryPort(Protocol):
    """Verb: tell.  Every effect has an idempotency key: the same key is the same act, however often it is sent."""

    @hookspec(firstresult=True)
    def delivery_send(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """Bring these documents to where they belong.

        When: by ``tollbook deliver``, after the transaction that made the documents; again with the same key after a
        ``retry``, after a crash, and whenever an operator asks for it.

        With: ``effects``, at least one, each with another ``key``; the payload is an :class:`InvoiceDocument` as plain
        data; of the kinds ``dunning_notice``, ``dunning_handover`` and ``debit_notice`` a :class:`engine.ports.hookspecs.notice.NoticeDocument`.

        Answers: exactly one :class:`Answer` for each key, in any order.  ``accepted`` with ``evidence`` that finds the
        document again; the same key with the same payload is accepted with the same evidence and not sent twice.
        ``rejected`` with a ``reason`` where it can never work: a payload that is not understood, the same key with
        another payload.  ``retry`` with a ``reason`` where nothing was done and it may work later.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole; one bad document is an
        answer, not a failure.

        May not: change a payload; send anything to anybody else than the payload names; leave half a document behind.
        """
        ...

    @hookspec(firstresult=True)
    def delivery_status(self, effects: Sequence[Effect]) -> Sequence[Answer]:
        """What became of documents whose sending has no known end.  Optional.

        When: before documents are sent again whose last sending timed out, broke off, or was never answered; without this
        hook they are sent again under the same key.

        With: ``effects``, at least one.  The key says which act is meant, also where the payload is no longer what was
        sent, because the seller has moved since.

        Answers: exactly one :class:`Answer` for each key, in any order.  ``accepted`` with the evidence and ``rejected``
        with the reason that :meth:`delivery_send` would have answered; ``retry`` with a ``reason`` where nothing was done
        under the key: it is then sent.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown`` for the batch as a whole; nothing is sent then.

        May not: send anything; change anything.
        """
        ...

    @hookspec(firstresult=True)
    def delivery_receipts(self, requests: Sequence[ReceiptsRequest]) -> Sequence[Receipts]:
        """What was heard of documents after they were accepted.  Optional.

        When: by ``tollbook deliver``, again and again until an answer has no ``more``; again with the same cursor after a
        failure or a crash.

        With: ``requests``, a single one in this version of the contract.

        Answers: exactly one :class:`Receipts` for each key, with at most ``limit`` receipts, each of an effect that this adapter
        accepted.  The same cursor gives the same receipts again, and perhaps more of them; where there are receipts, the
        cursor moves on.  What is heard of anything else is left out.

        Fails: by raising ``Transient``, ``Permanent`` or ``Unknown``; the cursor stays where it is.

        May not: send anything; delete what it read.
        """
        ...


PORT: Final = Port(
    name="delivery",
    contract=CONTRACT,
    verb="tell",
    prefix="delivery_",
    spec=DeliveryPort,
    optional=("delivery_status", "delivery_receipts"),
    status="delivery_status",
)
