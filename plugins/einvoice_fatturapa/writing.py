"""A document as FatturaPA 1.2: its terms in the order of the schema, each held to the length and letters that it allows."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from typing import Final
from xml.etree import ElementTree as Tree

import msgspec

from engine.base.errors import Code, TollbookError, Where, refuse
from engine.ports.hookspecs.delivery import Buyer, DocumentLine, DocumentTax, InvoiceDocument, Seller

NOT_EXPRESSIBLE = Code("fatturapa.not-expressible", "A document that cannot be written as FatturaPA as it is.")

SPACE: Final = "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2"
KINDS: Final = {
    "invoice": "TD01",
    "corrected_invoice": "TD01",
    "advance_invoice": "TD02",
    "credit_note": "TD04",
    "debit_note": "TD05",
}
NATURES: Final = {"E": "N4", "AE": "N6.9", "K": "N3.2", "G": "N3.1"}
CENT: Final = Decimal("0.01")
PARTS: Final = Decimal("0.00000001")
ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TRANSFER: Final = "MP05"
PAID_WHOLE: Final = "TP02"


class Setting(msgspec.Struct, frozen=True):
    """Tax regime of the seller, who transmits (empty: the seller), and the fields with code and certified mail of the customer."""

    regime: str
    transmitter: str
    code_field: str
    pec_field: str


class _Page:
    """What is written of one document; ``sign`` is -1 for a credit note."""

    def __init__(self, document: InvoiceDocument) -> None:
        self.document = document
        self.sign = -1 if document.kind == "credit_note" else 1

    def refused(self, what: str, mend: str = "") -> TollbookError:
        """The error of a document that cannot be written."""
        where = Where(f"document/{self.document.number}")
        return refuse(NOT_EXPRESSIBLE, f"{self.document.number}: {what}", mend=mend, where=where)

    def text(self, name: str, given: str, most: int, ascii_only: bool = False) -> str:
        """A text in the letters that the term ``name`` allows, cut to its length."""
        plain = " ".join(given.split())
        limit = 0x7F if ascii_only else 0xFF
        out = "".join(one if ord(one) <= limit else _bare(one) for one in plain)
        beyond = sorted({one for one in out if ord(one) > limit})
        if beyond:
            letters = "".join(beyond[:5])
            raise self.refused(
                f"{name} has letters that FatturaPA does not know: {letters}", "write it in Latin letters"
            )
        if not out:
            raise self.refused(f"{name} is empty", "import it with the account or the legal entity")
        return out[:most]

    def amount(self, value: Decimal) -> str:
        """An amount with its two decimals, in the sign of the file."""
        return f"{self.sign * value:.2f}"


def written(document: InvoiceDocument, setting: Setting) -> bytes:
    """A document as XML.

    Raises:
        TollbookError: ``fatturapa.not-expressible``.
    """
    page = _Page(document)
    _check(page)
    fields = {one.key: one.value for one in document.fields}
    code, pec = fields.get(setting.code_field, "").strip().upper(), fields.get(setting.pec_field, "").strip()
    if document.buyer.country != "IT":
        code = code or "XXXXXXX"
    code = code or "0000000"
    if not re.fullmatch(r"[A-Z0-9]{6,7}", code):
        raise page.refused(f"{code!r} is no code of a customer at the exchange system", "correct the attribute")
    form = "FPA12" if len(code) == 6 else "FPR12"
    root = Tree.Element(f"{{{SPACE}}}FatturaElettronica", {"versione": form})
    header = _in(root, "FatturaElettronicaHeader")
    country, number = _vat(page, document.seller)
    sent = (setting.transmitter[:2], setting.transmitter[2:]) if setting.transmitter else (country, number)
    _transmission(page, header, sent, form, code, pec)
    _seller(page, header, (country, number), setting.regime)
    _buyer(page, header)
    body = _in(root, "FatturaElettronicaBody")
    _general(page, body)
    goods = _in(body, "DatiBeniServizi")
    _lines(page, goods)
    _summary(page, goods)
    _payment(page, body)
    Tree.register_namespace("p", SPACE)
    Tree.indent(root)
    text: str = Tree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _check(page: _Page) -> None:
    """Refuse what the file has no place for, or the exchange system turns back."""
    document = page.document
    if document.currency != "EUR":
        raise page.refused(f"its amounts are in {document.currency}", "FatturaPA has amounts in euros")
    if len(document.number) > 20 or not document.number.isascii() or not re.search(r"\d", document.number):
        raise page.refused("a number has at most 20 characters, one of them a digit", "shorten the series")
    sums: dict[tuple[Decimal, str], Decimal] = defaultdict(Decimal)
    for line in document.lines:
        sums[_kind(page, line.tax_category, line.tax_rate)] += line.amount
    for one in document.allowances:
        sums[_kind(page, one.tax_category, one.tax_rate)] -= one.amount
    told: dict[tuple[Decimal, str], Decimal] = defaultdict(Decimal)
    for tax in document.taxes:
        told[_kind(page, tax.category, tax.rate)] += tax.net
        if abs(tax.tax - tax.net * tax.rate) > CENT:
            raise page.refused(f"tax of {tax.tax} is not {tax.rate:%} of {tax.net}", "round tax by rate, not by line")
    if {key: net for key, net in sums.items() if net} != {key: net for key, net in told.items() if net}:
        raise page.refused("its lines do not sum to its breakdown of tax", "round tax by rate, not by line")
    net, tax_sum = (
        sum((one.net for one in document.taxes), Decimal(0)),
        sum((one.tax for one in document.taxes), Decimal(0)),
    )
    if (net, tax_sum, net + tax_sum) != (document.net, document.tax, document.total):
        raise page.refused("its totals are not those of its breakdown of tax", "run `tollbook verify`")


def _kind(page: _Page, category: str, rate: Decimal) -> tuple[Decimal, str]:
    """Rate in percent and nature of a category."""
    if category == "S" and rate:
        return rate * 100, ""
    if category == "O":
        return Decimal(0), "N2.2" if page.document.buyer.country == "IT" else "N2.1"
    if category not in NATURES:
        raise page.refused(f"category {category} at {rate:%} is none that Italy has", "correct the rules of tax")
    return Decimal(0), NATURES[category]


def _transmission(page: _Page, header: Tree.Element, sender: tuple[str, str], form: str, code: str, pec: str) -> None:
    document = page.document
    data = _in(header, "DatiTrasmissione")
    _pair(_in(data, "IdTrasmittente"), ("IdPaese", sender[0]), ("IdCodice", sender[1]))
    value, digits = int(sha256(f"{document.seller.key}/{document.number}".encode()).hexdigest(), 16), ""
    while len(digits) < 10:
        value, place = divmod(value, len(ALPHABET))
        digits += ALPHABET[place]
    _pair(data, ("ProgressivoInvio", digits), ("FormatoTrasmissione", form), ("CodiceDestinatario", code))
    if pec and code == "0000000":
        _pair(data, ("PECDestinatario", pec))


def _seller(page: _Page, header: Tree.Element, vat: tuple[str, str], regime: str) -> None:
    seller = page.document.seller
    party = _in(header, "CedentePrestatore")
    data = _in(party, "DatiAnagrafici")
    _pair(_in(data, "IdFiscaleIVA"), ("IdPaese", vat[0]), ("IdCodice", vat[1]))
    _pair(_in(data, "Anagrafica"), ("Denominazione", page.text("the seller's name", seller.name, 80)))
    _pair(data, ("RegimeFiscale", regime))
    _address(page, party, seller, "the seller")


def _buyer(page: _Page, header: Tree.Element) -> None:
    buyer = page.document.buyer
    party = _in(header, "CessionarioCommittente")
    data = _in(party, "DatiAnagrafici")
    given = re.sub(r"[^A-Z0-9]", "", (buyer.tax_id or "").upper())
    bare = given.removeprefix(buyer.country)
    if buyer.country == "IT" and len(bare) == 16:
        _pair(data, ("CodiceFiscale", bare))
    elif buyer.country != "IT" or re.fullmatch(r"\d{11}", bare):
        _pair(_in(data, "IdFiscaleIVA"), ("IdPaese", buyer.country), ("IdCodice", bare[:28] or "OO99999999999"))
    else:
        raise page.refused("its buyer has neither a VAT number nor a tax code", "import tax_id with the account")
    _pair(_in(data, "Anagrafica"), ("Denominazione", page.text("the buyer's name", buyer.name, 80)))
    _address(page, party, buyer, "the buyer")


def _address(page: _Page, party: Tree.Element, one: Buyer | Seller, who: str) -> None:
    home = one.country == "IT"
    if home and not re.fullmatch(r"\d{5}", one.postcode):
        raise page.refused(f"{who} has no CAP of five digits", "import postcode")
    region = one.region or ""
    _pair(
        _in(party, "Sede"),
        ("Indirizzo", page.text(f"the address of {who}", one.address, 60)),
        ("CAP", one.postcode if home else "00000"),
        ("Comune", page.text(f"the town of {who}", one.city, 60)),
        ("Provincia", region if home and re.fullmatch(r"[A-Z]{2}", region) else ""),
        ("Nazione", one.country),
    )


def _general(page: _Page, body: Tree.Element) -> None:
    document = page.document
    general = _in(body, "DatiGenerali")
    _pair(
        _in(general, "DatiGeneraliDocumento"),
        ("TipoDocumento", KINDS[document.kind]),
        ("Divisa", document.currency),
        ("Data", document.invoice_date.isoformat()),
        ("Numero", document.number),
        ("ImportoTotaleDocumento", page.amount(document.total)),
        ("Causale", page.text("its note", document.note, 200) if document.note else ""),
    )
    if document.purchase_order:
        order = page.text("the purchase order", document.purchase_order, 20, ascii_only=True)
        _pair(_in(general, "DatiOrdineAcquisto"), ("IdDocumento", order))
    for one in document.preceding:
        number = page.text("the earlier number", one.number, 20, ascii_only=True)
        _pair(_in(general, "DatiFattureCollegate"), ("IdDocumento", number), ("Data", one.invoice_date.isoformat()))


def _lines(page: _Page, goods: Tree.Element) -> None:
    for place, line in enumerate(page.document.lines, 1):
        rate, nature = _kind(page, line.tax_category, line.tax_rate)
        quantity, price = _priced(page, line)
        _pair(
            _in(goods, "DettaglioLinee"),
            ("NumeroLinea", str(place)),
            ("Descrizione", page.text(f"the text of line {line.number}", line.text, 1000)),
            ("Quantita", quantity),
            ("UnitaMisura", page.text("the unit", line.unit, 10, ascii_only=True) if quantity and line.unit else ""),
            ("DataInizioPeriodo", _day(line.service_from)),
            ("DataFinePeriodo", _day(line.service_to and line.service_to - timedelta(1))),
            ("PrezzoUnitario", price),
            ("PrezzoTotale", page.amount(line.amount)),
            ("AliquotaIVA", f"{rate:.2f}"),
            ("Natura", nature),
        )
    for place, one in enumerate(page.document.allowances, len(page.document.lines) + 1):
        rate, nature = _kind(page, one.tax_category, one.tax_rate)
        _pair(
            _in(goods, "DettaglioLinee"),
            ("NumeroLinea", str(place)),
            ("TipoCessionePrestazione", "SC" if one.amount > 0 else "AC"),
            ("Descrizione", page.text("the reason of an allowance", one.reason, 1000)),
            ("PrezzoUnitario", page.amount(-one.amount)),
            ("PrezzoTotale", page.amount(-one.amount)),
            ("AliquotaIVA", f"{rate:.2f}"),
            ("Natura", nature),
        )


def _priced(page: _Page, line: DocumentLine) -> tuple[str, str]:
    """Quantity and price of a line; no quantity where it has no unit, or no price with eight decimals gives the amount to the cent."""
    amount = page.sign * line.amount
    quantity = line.quantity
    if line.unit and quantity and quantity > 0 and quantity == _rounded(quantity, PARTS):
        price = _rounded(amount / quantity, PARTS)
        if _rounded(price * quantity, CENT) == amount:
            return _decimals(quantity), _decimals(price)
    return "", _decimals(amount)


def _summary(page: _Page, goods: Tree.Element) -> None:
    sums: dict[tuple[Decimal, str], list[DocumentTax]] = defaultdict(list)
    for tax in page.document.taxes:
        sums[_kind(page, tax.category, tax.rate)].append(tax)
    for (rate, nature), found in sorted(sums.items()):
        reason = next((one.reason for one in found if one.reason), "") or nature
        _pair(
            _in(goods, "DatiRiepilogo"),
            ("AliquotaIVA", f"{rate:.2f}"),
            ("Natura", nature),
            ("ImponibileImporto", page.amount(sum((one.net for one in found), Decimal(0)))),
            ("Imposta", page.amount(sum((one.tax for one in found), Decimal(0)))),
            ("EsigibilitaIVA", "" if nature else "I"),
            ("RiferimentoNormativo", page.text("the reason of the exemption", reason, 100) if nature else ""),
        )


def _payment(page: _Page, body: Tree.Element) -> None:
    document = page.document
    early = document.early_payment
    due = document.total if document.due is None else document.due
    if page.sign < 0 or due + document.rounding <= 0:
        return
    accounts = [one for one in document.seller.bank_accounts if one.iban and one.currency == "EUR"]
    payment = _in(body, "DatiPagamento")
    _pair(payment, ("CondizioniPagamento", PAID_WHOLE))
    _pair(
        _in(payment, "DettaglioPagamento"),
        ("ModalitaPagamento", TRANSFER),
        ("DataScadenzaPagamento", _day(document.due_date)),
        ("ImportoPagamento", f"{due + document.rounding:.2f}"),
        ("IBAN", accounts[0].iban.replace(" ", "") if accounts else ""),
        ("BIC", (accounts[0].bic or "") if accounts else ""),
        ("ScontoPagamentoAnticipato", f"{early.amount:.2f}" if early else ""),
        ("DataLimitePagamentoAnticipato", _day(early.until) if early else ""),
    )


def _vat(page: _Page, seller: Seller) -> tuple[str, str]:
    """Country and number of the seller's registration for VAT, that of Italy before others."""
    found = sorted((one for one in seller.registrations if one.kind == "vat"), key=lambda one: one.country != "IT")
    if not found:
        raise page.refused("its seller has no registration for VAT", "import registrations with the legal entity")
    return found[0].country, found[0].number.removeprefix(found[0].country)


def _bare(letter: str) -> str:
    """A letter without its accents; itself where it has none."""
    plain = "".join(one for one in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(one))
    return {"\u2013": "-", "\u2014": "-", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u20ac": "EUR"}.get(
        letter, plain
    )


def _rounded(value: Decimal, unit: Decimal) -> Decimal:
    return value.quantize(unit, ROUND_HALF_UP)


def _decimals(value: Decimal) -> str:
    """A number with two to eight decimals."""
    text = f"{value:.8f}"
    while text[-1] == "0" and text[-4] != ".":
        text = text[:-1]
    return text if text.index(".") <= len(text) - 3 else f"{value:.2f}"


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _in(parent: Tree.Element, name: str) -> Tree.Element:
    return Tree.SubElement(parent, name)


def _pair(parent: Tree.Element, *terms: tuple[str, str]) -> None:
    """Terms with their texts; empty ones are left out."""
    for name, text in terms:
        if text:
            Tree.SubElement(parent, name).text = text
