"""A document as a message: text in the buyer's language, the document's files as attachments, always the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
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

from engine.base.document import parse
from engine.ports.hookspecs.delivery import InvoiceDocument

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

    def letter(self, key: str, document: InvoiceDocument) -> EmailMessage:
        """The message of a document.

        Raises:
            Unaddressed: where the buyer has no usable address.
        """
        language = document.buyer.language
        message = EmailMessage(policy=SMTP)
        message["Message-ID"] = self.message_id(key)
        message["Date"] = format_datetime(datetime.combine(document.invoice_date, time(12), UTC))
        message["From"] = self._sender
        message["To"] = self._recipient(document)
        if self._reply_to is not None:
            message["Reply-To"] = self._reply_to
        message["Subject"] = self._text(document.kind, language, number=document.number, seller=document.seller.name)
        message["Auto-Submitted"] = "auto-generated"
        message["X-Document-Number"] = _header(document.number)
        message.set_content("\n".join(self._body(document, language)) + "\n", cte="quoted-printable")
        for file in document.attachments:
            kind, _, subtype = file.media_type.partition("/")
            message.add_attachment(file.data, maintype=kind, subtype=subtype, filename=file.name)
        if message.is_multipart():
            message.set_boundary(f"=_{sha256(key.encode()).hexdigest()[:32]}")
        return message

    def _recipient(self, document: InvoiceDocument) -> Address:
        given = document.buyer.email or ""
        try:
            return address(given)
        except ValueError:
            what = f"{given!r} is no e-mail address" if given else "the buyer has no e-mail address"
            raise Unaddressed(f"{what}: account {document.buyer.key}") from None

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
            lines += [
                " ".join(filter(None, (account.name, account.iban, account.bic)))
                for account in document.seller.bank_accounts
                if account.currency == document.currency
            ]
        return [*lines, "", document.seller.name, *document.seller.address.splitlines()]

    def _text(self, label: str, language: str, **values: str) -> str:
        words = self._texts[label]
        return words.get(language, words[ENGLISH]).format(**{name: _header(value) for name, value in values.items()})


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
