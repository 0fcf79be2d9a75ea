"""A document as a message: text in the buyer's language, the document's files as attachments, always the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from hashlib import sha256
from pathlib import Path
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency

from engine.base import wording
from engine.base.document import parse
from engine.ports.hookspecs.delivery import InvoiceDocument
from engine.ports.hookspecs.notice import Document, NoticeCharge, NoticeDocument, dated, reader_of, title_of, words_of

ENGLISH: Final = "en"


class Unaddressed(ValueError):
    """A document whose buyer has no address that a message can be sent to."""


class Letters:
    """Writes messages.

    Args:
        texts: YAML file of the words.
        sender: whom they come from, as ``Name <address>``.
        reply_to: address for answers; empty where that is the sender.

    Raises:
        TollbookError: where the file of the words cannot be read.
        ValueError: where the sender is no address.
    """

    def __init__(self, texts: Path, sender: str, reply_to: str) -> None:
        self._texts: Mapping[str, Mapping[str, str]] = parse(texts.read_bytes(), str(texts)).data
        self._sender, self._reply_to = address(sender), address(reply_to) if reply_to else None
        self.domain = self._sender.domain

    def message_id(self, key: str) -> str:
        """The Message-ID of what is sent under a key, always the same."""
        return f"<{sha256(key.encode()).hexdigest()[:40]}@{self.domain}>"

    def letter(self, key: str, document: Document) -> EmailMessage:
        """The message of a document.

        Raises:
            Unaddressed: where the buyer has no usable address.
        """
        language = reader_of(document).language
        message = EmailMessage(policy=SMTP)
        message["Message-ID"] = self.message_id(key)
        message["Date"] = format_datetime(datetime.combine(dated(document), time(12), UTC))
        message["From"] = self._sender
        message["To"] = self._recipient(document)
        if self._reply_to is not None:
            message["Reply-To"] = self._reply_to
        message["Subject"] = self._subject(document, language)
        message["Auto-Submitted"] = "auto-generated"
        message["X-Document-Number"] = _header(document.number)
        body = (
            self._demand(document, language) if isinstance(document, NoticeDocument) else self._body(document, language)
        )
        message.set_content("\n".join(body) + "\n", cte="quoted-printable")
        for file in document.attachments:
            kind, _, subtype = file.media_type.partition("/")
            message.add_attachment(file.data, maintype=kind, subtype=subtype, filename=file.name)
        if message.is_multipart():
            message.set_boundary(f"=_{sha256(key.encode()).hexdigest()[:32]}")
        return message

    def _subject(self, document: Document, language: str) -> str:
        number, seller = document.number, document.seller.name
        if isinstance(document, InvoiceDocument):
            return self._text(document.kind, language, number=number, seller=seller)
        title = words_of(f"title_{title_of(document)}", language)
        return _header(words_of("subject", language).format(title=title, number=number, seller=seller))

    def _recipient(self, document: Document) -> Address:
        given = reader_of(document).email or ""
        try:
            return address(given)
        except ValueError:
            what = f"{given!r} is no e-mail address" if given else "the buyer has no e-mail address"
            raise Unaddressed(f"{what}: account {reader_of(document).key}") from None

    def _body(self, document: InvoiceDocument, language: str) -> list[str]:
        place = _locale(language)

        def money(amount: Decimal) -> str:
            return format_currency(amount, document.currency, locale=place, currency_digits=True)

        def day(value: date) -> str:
            return format_date(value, "long", locale=place)

        lines = [
            self._text("greeting", language, buyer=document.buyer.name),
            "",
            self._text("about", language, number=document.number, date=day(document.invoice_date)),
            "",
            *(f"{line.text}  {money(line.amount)}" for line in document.lines if not document.attachments),
            self._text("total", language, total=money(document.total)),
        ]
        due = document.total if document.due is None else document.due
        if document.due_date is not None and due > 0:
            lines += ["", self._text("due", language, due=money(due), date=day(document.due_date))]
            if early := document.early_payment:
                told = {"percent": wording.percent(early.discount, place), "date": day(early.until)}
                amounts = {"amount": money(early.amount), "left": money(early.left)}
                lines.append(words_of("early_payment", language).format(**told, **amounts))
            lines += _accounts(document)
        return [*lines, "", document.seller.name, *document.seller.address.splitlines()]

    def _demand(self, document: NoticeDocument, language: str) -> list[str]:
        """A letter that asks for payment, or hands a claim over, as text."""
        place = _locale(language)

        def money(amount: Decimal) -> str:
            return format_currency(amount, document.currency, locale=place, currency_digits=True)

        def day(value: date) -> str:
            return format_date(value, "long", locale=place)

        def say(label: str, **filled: str) -> str:
            return words_of(label, language).format(**filled)

        buyer = document.buyer
        lines = [self._text("greeting", language, buyer=document.recipient.name), ""]
        about = {"buyer": buyer.name, "key": buyer.key, "amount": money(document.total)}
        if (one := document.collection) is not None:
            about |= {"date": day(one.on), "account": one.account, "mandate": one.mandate}
        lines += [say(f"about_{title_of(document)}", **about)]
        lines += [say("creditor_is", creditor=one.creditor_id)] if one is not None and one.creditor_id else []
        lines += [""]
        lines += [f"{one.number}  {say('due_on')} {day(one.due)}  {money(one.asked)}" for one in document.items]
        lines += [f"{_cost(one, say, day)}  {money(one.amount)}" for one in document.charges]
        lines += ["", f"{say('sum_total')}: {money(document.total)}"]
        lines += [say("rests_on", law=document.law)] if document.law and document.charges else []
        if document.pay_by is not None:
            due = say("please_pay", total=money(document.total), date=day(document.pay_by), number=document.number)
            lines += ["", due, *_accounts(document)]
        return [*lines, "", document.seller.name, *document.seller.address.splitlines()]

    def _text(self, label: str, language: str, **values: str) -> str:
        words = self._texts[label]
        return words.get(language, words[ENGLISH]).format(**{name: _header(value) for name, value in values.items()})


def _accounts(document: Document) -> list[str]:
    """Where to pay."""
    return [
        " ".join(filter(None, (account.name, account.iban, account.bic)))
        for account in document.seller.bank_accounts
        if account.currency == document.currency
    ]


def _cost(one: NoticeCharge, say: Callable[..., str], day: Callable[[date], str]) -> str:
    """What a charge of a letter is for."""
    if one.kind == "late_interest":
        return say("cost_interest", number=one.number, until=day(one.until))
    return say("cost_compensation", number=one.number) if one.name == "compensation" else say("cost_fee")


def address(text: str) -> Address:
    """One address, with a name or without.

    Raises:
        ValueError: where the text is none.
    """
    name, plain = parseaddr(text)
    local, at, domain = plain.rpartition("@")
    if not (at and local and "." in domain + "." and domain and plain.isprintable() and " " not in plain):
        raise ValueError(f"{text!r} is no e-mail address")
    return Address(_header(name), local, domain)


def _header(text: str) -> str:
    """A text that may stand in one line."""
    return " ".join(text.split())


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale.parse(ENGLISH)
