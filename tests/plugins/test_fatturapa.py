"""FatturaPA: read and checked by a library of others, and what it says tied to the document."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as Tree

import msgspec
import pytest

from engine.base.errors import TollbookError
from engine.ports.contracts import Setup
from engine.ports.contracts.einvoice import EinvoiceContract
from engine.ports.discovery import SHIPPED
from engine.ports.hookspecs.delivery import Allowance, Buyer, Field, InvoiceDocument, Registration
from plugins.einvoice_fatturapa.writing import Setting, written
from tests.plugins.test_einvoice import DOCUMENTS, EARLIER

fattura = pytest.importorskip("a38.fattura")
checking = pytest.importorskip("a38.validation")
pytestmark = pytest.mark.capability("A3.1")

SETTING = Setting("RF01", "", "codice_destinatario", "pec")
ROME = Buyer(
    *("B-1", "Bottega S.p.A.", "Via Roma 1", "IT", "IT07643520567", "x@example.org", "it"),
    city="Roma",
    postcode="00187",
)
CODE = (Field("codice_destinatario", "Codice destinatario", "ABC1234"),)
LEFT = ("zero rated", "several rates", "foreign currency", "an advance at another rate")
"""Documents that FatturaPA has no place for: rates of zero, other currencies, and rates below nothing."""


def italian(document: InvoiceDocument, **changes: Any) -> InvoiceDocument:
    """The document of a seller in Italy."""
    seller = msgspec.structs.replace(
        document.seller,
        country="IT",
        city="Milano",
        postcode="20121",
        region="MI",
        registrations=(Registration("IT", "vat", "IT12345670017"),),
    )
    buyer = ROME if document.buyer.country == "DE" else document.buyer
    return msgspec.structs.replace(document, **{"seller": seller, "buyer": buyer, "fields": CODE, **changes})


KNOWN = {name: italian(one) for name, one in DOCUMENTS.items() if name not in LEFT}


def read(document: InvoiceDocument) -> Any:
    """The file as the other library reads it, found good by it."""
    root = Tree.fromstring(written(document, SETTING))
    made = fattura.auto_from_etree(root)
    found = checking.Validation()
    made.validate(found)
    assert [str(one) for one in (*found.errors, *found.warnings)] == []
    return made


def sums(made: Any) -> tuple[Decimal, Decimal]:
    body = made.fattura_elettronica_body[0].dati_beni_servizi
    return (
        sum((one.imponibile_importo for one in body.dati_riepilogo), Decimal(0)),
        sum((one.imposta for one in body.dati_riepilogo), Decimal(0)),
    )


@pytest.mark.parametrize("name", KNOWN)
def test_another_library_reads_and_accepts_every_kind_of_document(name: str) -> None:
    document = KNOWN[name]
    sign = -1 if document.kind == "credit_note" else 1
    made = read(document)
    general = made.fattura_elettronica_body[0].dati_generali.dati_generali_documento
    assert (general.numero, general.importo_totale_documento) == (document.number, sign * document.total)
    assert sums(made) == (sign * document.net, sign * document.tax)
    lines = made.fattura_elettronica_body[0].dati_beni_servizi.dettaglio_linee
    assert sum((one.prezzo_totale for one in lines), Decimal(0)) == sign * document.net
    if early := document.early_payment:
        (paid,) = made.fattura_elettronica_body[0].dati_pagamento[0].dettaglio_pagamento
        told = (paid.sconto_pagamento_anticipato, paid.data_limite_pagamento_anticipato)
        assert told == (early.amount, early.until)
    for one in lines:
        assert round((one.quantita or 1) * one.prezzo_unitario, 2) == one.prezzo_totale


class TestContract(EinvoiceContract):
    setup = Setup(SHIPPED / "einvoice_fatturapa", {})

    def documents(self) -> Iterable[InvoiceDocument]:
        return KNOWN.values()


def test_where_it_goes_and_what_it_corrects() -> None:
    note = read(KNOWN["credit note"])
    body = note.fattura_elettronica_body[0].dati_generali
    assert body.dati_generali_documento.tipo_documento == "TD04"
    assert [one.id_documento for one in body.dati_fatture_collegate] == [EARLIER[0].number]
    sent = note.fattura_elettronica_header.dati_trasmissione
    assert (sent.codice_destinatario, sent.formato_trasmissione, len(sent.progressivo_invio)) == (
        "ABC1234",
        "FPR12",
        10,
    )
    public = read(italian(DOCUMENTS["standard"], fields=(Field("codice_destinatario", "C", "UFABCD"),)))
    assert public.fattura_elettronica_header.dati_trasmissione.formato_trasmissione == "FPA12"
    mailed = read(italian(DOCUMENTS["standard"], fields=(Field("pec", "PEC", "ditta@pec.example.org"),)))
    sent = mailed.fattura_elettronica_header.dati_trasmissione
    assert (sent.codice_destinatario, sent.pec_destinatario) == ("0000000", "ditta@pec.example.org")
    abroad = read(italian(DOCUMENTS["export"], fields=()))
    assert abroad.fattura_elettronica_header.dati_trasmissione.codice_destinatario == "XXXXXXX"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"currency": "USD"}, "its amounts are in USD"),
        ({"number": "N" * 21}, "at most 20 characters"),
        ({"number": "ABC"}, "one of them a digit"),
        ({"buyer": msgspec.structs.replace(ROME, postcode="187")}, "no CAP of five digits"),
        ({"buyer": msgspec.structs.replace(ROME, tax_id="")}, "neither a VAT number nor a tax code"),
        ({"buyer": msgspec.structs.replace(ROME, name="株式会社")}, "letters that FatturaPA does not know"),
        ({"fields": (Field("codice_destinatario", "C", "ABC"),)}, "no code of a customer"),
        ({"allowances": (Allowance(Decimal(1), "x", "S", Decimal("0.19")),)}, "do not sum to its breakdown"),
    ],
)
def test_what_has_no_place_is_refused(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(TollbookError, match=what) as caught:
        written(italian(DOCUMENTS["standard"], **changes), SETTING)
    assert caught.value.findings[0].code == "fatturapa.not-expressible"


@pytest.mark.parametrize("name", ["zero rated", "several rates", "foreign currency"])
def test_what_italy_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(TollbookError):
        written(italian(DOCUMENTS[name]), SETTING)


def test_accents_are_kept_or_dropped() -> None:
    made = read(italian(DOCUMENTS["standard"], buyer=msgspec.structs.replace(ROME, name="Perù – Kraków ščŠ")))
    assert "Perù" in made.fattura_elettronica_header.cessionario_committente.dati_anagrafici.anagrafica.denominazione
