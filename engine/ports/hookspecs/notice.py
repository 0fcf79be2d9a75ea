"""What port ``delivery`` carries beside invoices: letters that ask for payment, and claims that go to an agency."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.base.document import parse
from engine.base.wording import ENGLISH
from engine.model.direct_debit import PRENOTICE
from engine.model.dunning import HANDOVER, NOTICE
from engine.ports.hookspecs.delivery import Attachment, Buyer, InvoiceDocument, Layout, Seller


class NoticeItem(msgspec.Struct, frozen=True):
    """A document that is late, or that charges for being late."""

    number: str
    kind: str
    issued: date
    due: date
    amount: Annotated[Decimal, Meta(description="what the document comes to")]
    open: Annotated[Decimal, Meta(description="what is not paid of it, disputed parts included")]
    asked: Annotated[Decimal, Meta(description="what is asked for of it")]
    days: Annotated[int, Meta(description="days since it was due")] = 0


class NoticeCharge(msgspec.Struct, frozen=True):
    """What paying late costs: interest on a document, or a fee."""

    kind: Literal["late_interest", "late_fee"]
    name: Annotated[str, Meta(description="which fee: compensation, or the name of a step; empty for interest")]
    number: Annotated[str, Meta(description="the document that is late; empty for a fee of a letter")]
    start: Annotated[date, Meta(description="interest is for the days after this one")]
    until: date
    amount: Decimal
    basis: Annotated[str, Meta(description="how it was reckoned: 1000.00 EUR at 10.15 % for 31 days")] = ""
    debit_note: Annotated[bool, Meta(description="whether a debit note charges it; it is claimed only, else")] = False


class Collection(msgspec.Struct, frozen=True):
    """What a debtor is told of a direct debit, beside the amount."""

    on: Annotated[date, Meta(description="the day on which it is collected")]
    mandate: Annotated[str, Meta(description="reference of the mandate")]
    creditor_id: Annotated[str, Meta(description="creditor identifier; empty: that of the adapter")] = ""
    account: Annotated[str, Meta(description="the account that it is collected from, masked")] = ""


class NoticeDocument(msgspec.Struct, frozen=True):
    """The payload of effects of kind ``dunning_notice``, ``dunning_handover`` and ``debit_notice``: all that is printed.  In the effect it is
    plain JSON-able data, as an invoice is."""

    number: Annotated[str, Meta(min_length=1, description="names the letter; it is of no series")]
    kind: Literal["dunning_notice", "dunning_handover", "debit_notice"]
    dated: date
    currency: str
    seller: Seller
    buyer: Annotated[Buyer, Meta(description="who has to pay")]
    recipient: Annotated[Buyer, Meta(description="who gets it: the buyer, or the agency")]
    step: Annotated[str, Meta(description="name of the step")]
    tone: Literal["reminder", "demand", "final"]
    level: Annotated[int, Meta(description="the how-many-th step it is")]
    channel: Annotated[str, Meta(description="how it is to go: email, post, portal, sms, phone")]
    items: tuple[NoticeItem, ...]
    asked: Annotated[Decimal, Meta(description="what is asked for of all items")]
    charges: tuple[NoticeCharge, ...] = ()
    costs: Annotated[Decimal, Meta(description="sum of the charges")] = Decimal(0)
    total: Annotated[Decimal, Meta(description="what is to be paid: asked and costs")] = Decimal(0)
    pay_by: date | None = None
    law: Annotated[str, Meta(description="what interest and fees rest on")] = ""
    collection: Annotated[Collection | None, Meta(description="of kind debit_notice: the direct debit")] = None
    layout: Layout = Layout()
    attachments: tuple[Attachment, ...] = ()


Document = InvoiceDocument | NoticeDocument
"""Whatever port ``delivery`` carries."""

KINDS: Mapping[str, type[Document]] = {NOTICE: NoticeDocument, HANDOVER: NoticeDocument, PRENOTICE: NoticeDocument}


def read_document(payload: Mapping[str, Any]) -> Document:
    """The document of a payload, by its kind.

    Raises:
        msgspec.ValidationError: where it is none.
    """
    return msgspec.convert(payload, KINDS.get(str(payload.get("kind")), InvoiceDocument))


def reader_of(document: Document) -> Buyer:
    """Who gets a document, and in whose language it is."""
    return document.recipient if isinstance(document, NoticeDocument) else document.buyer


def dated(document: Document) -> date:
    """The date of a document."""
    return document.dated if isinstance(document, NoticeDocument) else document.invoice_date


@cache
def _letters() -> Mapping[str, Mapping[str, str]]:
    path = Path(__file__).with_name("letters.yaml")
    words: Mapping[str, Mapping[str, str]] = parse(path.read_bytes(), path.name).data
    return words


def words_of(label: str, language: str) -> str:
    """The words that adapters share by label, in English where a language has none; empty where there is no such label."""
    known = _letters().get(label, {})
    return known.get(language) or known.get(ENGLISH, "")


def title_of(document: NoticeDocument) -> str:
    """The label of the title of a letter, behind ``title_``, and of what it says, behind ``about_``."""
    return {HANDOVER: "handover", PRENOTICE: PRENOTICE}.get(document.kind, document.tone)
