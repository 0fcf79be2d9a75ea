"""One cell to one value, type by type."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.base.units import Unfit
from engine.model.entity import BankAccount, TaxRegistration
from engine.runs.intake.formats import FORMATS, TYPES, Column
from engine.runs.intake.isocodes import COUNTRIES, LANGUAGES
from engine.runs.intake.values import reader

TODAY = date(2026, 3, 31)


def read(kind: str, text: str, **more: Any) -> Any:
    return reader(Column("x", kind, "a value", **more), TODAY)(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("12.50", "12.50"),
        ("-3", "-3"),
        ("+7.5", "7.5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("1E-6", "0.000001"),
        ("0E-9", "0"),
        ("1.5000000000000", "1.5"),
        ("0000000000000001.5", "1.5"),
        ("999999999999.999999", "999999999999.999999"),
    ],
)
def test_exact_numbers(text: str, value: str) -> None:
    number = read("decimal", text)
    assert number == Decimal(value)
    assert "E" not in str(number)


@pytest.mark.parametrize(
    "text",
    [
        "1,5",
        "1.000,00",
        "1_000",
        "NaN",
        "sNaN",
        "Infinity",
        "-inf",
        "1e999",
        "1e13",
        "1E-7",
        "0.0000001",
        "1000000000000",
        "9" * 40,
        "9" * 4000,
        "0." + "1" * 4000,
        "12 EUR",
        "0x10",
        "١٢",
        "１２",
        "--1",
        "1e",
        "½",
        ".",
        "true",
    ],
)
def test_what_is_no_exact_number_that_fits_is_refused(text: str) -> None:
    with pytest.raises(Unfit):
        read("decimal", text)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12) + 1, max_value=10**12 - 1, places=6))
def test_every_number_that_fits_is_read_exactly(number: Decimal) -> None:
    assert read("decimal", f"{number:f}") == number
    assert (
        read("decimal", f"{number:.6E}" if len(number.normalize().as_tuple().digits) <= 7 else f"{number:f}") == number
    )


@given(st.decimals(allow_nan=True, allow_infinity=True) | st.text(max_size=30).map(lambda text: text.strip() or "x"))
def test_whatever_the_text_a_number_fits_or_is_refused(thing: Decimal | str) -> None:
    try:
        number = read("decimal", str(thing))
    except Unfit:
        return
    assert number == Decimal(str(thing))
    assert abs(number) < 10**12
    assert number == round(number, 6)


def test_bounds_of_numbers() -> None:
    assert read("decimal", "0", low=0) == 0
    with pytest.raises(Unfit, match="less than 0"):
        read("decimal", "-0.000001", low=0)
    with pytest.raises(Unfit, match="more than 5"):
        read("decimal", "5.1", high=5)
    assert read("integer", "31", low=1, high=31) == 31
    for text in ("0", "32", "1.0", "1e1", "", "٣", "9" * 19):
        with pytest.raises(Unfit):
            read("integer", text, low=1, high=31)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-01-31T12:00:00+01:00", datetime(2026, 1, 31, 11, tzinfo=UTC)),
        ("2026-01-31 12:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00.123456789Z", datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC)),
        ("2026-01-31T00:30:00+0545", datetime(2026, 1, 30, 18, 45, tzinfo=UTC)),
        ("2024-02-29T23:59:59-00:00", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC)),
    ],
)
def test_instants(text: str, value: datetime) -> None:
    at = read("instant", text)
    assert at == value
    assert at.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026-01-31T12:00:00", "no offset"),
        ("2026-01-31", "not a moment"),
        ("2026-02-29T12:00:00Z", "calendar"),
        ("2026-01-31T24:00:00Z", "calendar"),
        ("2026-01-31T12:00:60Z", "calendar"),
        ("2026-01-31T12:00:00+25:00", "calendar"),
        ("20260131T120000Z", "not a moment"),
        ("2026-01-31x12:00:00Z", "not a moment"),
        ("2026-W05-6T12:00:00Z", "not a moment"),
        ("31.01.2026 12:00", "not a moment"),
        ("1769860800", "not a moment"),
        ("1999-12-31T23:59:59Z", "before 2000-01-01"),
        ("2000-01-01T00:30:00+01:00", "before 2000-01-01"),
        ("0001-01-01T00:00:00+14:00", "calendar"),
        ("9999-12-31T23:59:59-12:00", "calendar"),
        ("2027-04-02T00:00:00Z", "after 2027-04-01"),
        ("20226-01-31T12:00:00Z", "not a moment"),
        ("２026-01-31T12:00:00Z", "not a moment"),
    ],
)
def test_what_is_no_instant_is_refused(text: str, words: str) -> None:
    with pytest.raises(Unfit, match=words):
        read("instant", text)


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2027, 3, 30)),
    st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    st.sampled_from(["T", " "]),
)
def test_an_instant_is_the_same_whatever_its_offset(naive: datetime, zone: timezone, between: str) -> None:
    at = naive.replace(tzinfo=UTC)
    assert read("instant", at.astimezone(zone).isoformat(sep=between)) == at


@given(st.text(max_size=40))
def test_whatever_the_text_an_instant_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(Unfit):
        assert read("instant", text).tzinfo is UTC


@pytest.mark.parametrize(
    "text", ["2026-02-30", "20260131", "2026-W05-6", "31.01.2026", "1899-12-31", "2127-01-01", "２026-01-01"]
)
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(Unfit):
        read("date", text)


def test_days() -> None:
    assert read("date", "2024-02-29") == date(2024, 2, 29)
    assert read("date", "1900-01-01") == date(1900, 1, 1)
    assert read("date", "2126-03-31") == date(2126, 3, 31)


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("YES", True), ("1", True), ("False", False), ("no", False), ("0", False)]
)
def test_booleans(text: str, value: bool) -> None:
    assert read("boolean", text) is value


@pytest.mark.parametrize("text", ["y", "on", "2", "wahr"])
def test_what_is_neither_yes_nor_no(text: str) -> None:
    with pytest.raises(Unfit):
        read("boolean", text)


@pytest.mark.parametrize(
    ("kind", "text", "mend"),
    [
        ("country", "de", "did you mean 'DE'?"),
        ("country", "UK", "did you mean 'GB'?"),
        ("country", "Germany", "write the two letters of ISO 3166-1, such as DE"),
        ("country", "EU", "write the two letters of ISO 3166-1, such as DE"),
        ("currency", "eur", "did you mean 'EUR'?"),
        ("currency", "EURO", "did you mean 'EUR'?"),
        ("zone", "Europe/Berln", "did you mean 'Europe/Berlin'?"),
        ("zone", "+01:00", "use an IANA name such as Europe/Berlin"),
        ("zone", "../etc/passwd", "use an IANA name such as Europe/Berlin"),
        ("language", "de-CH", "did you mean 'de'?"),
        ("language", "German", "write the two letters of ISO 639-1, such as en"),
    ],
)
def test_codes_that_do_not_exist(kind: str, text: str, mend: str) -> None:
    with pytest.raises(Unfit) as refused:
        read(kind, text)
    assert refused.value.mend == mend


def test_choices() -> None:
    assert read("choice", "sum", choices=("sum", "max")) == "sum"
    with pytest.raises(Unfit) as refused:
        read("choice", "Sum", choices=("sum", "max"))
    assert (refused.value.what, refused.value.mend) == ("is not one of sum, max", "did you mean 'sum'?")


@pytest.mark.parametrize(
    "text", ["a\tb", "a\nb", "a\0b", "a\u200bb", "\ufeffa", "a\u202eb", "a\u2028b", "a\ud800b", "k" * 101]
)
def test_what_no_key_may_hold(text: str) -> None:
    with pytest.raises(Unfit):
        read("key", text)


def test_texts() -> None:
    assert read("key", "Ä-17/β 名") == "Ä-17/β 名"
    assert read("lines", "Street 1\r\nTown\rLand") == "Street 1\nTown\nLand"
    for kind, text in (("text", "a\nb"), ("text", "x" * 201), ("lines", "a\0b"), ("text", "a\udcffb")):
        with pytest.raises(Unfit):
            read(kind, text)


def test_registrations() -> None:
    assert read("registrations", "DE:vat:DE123456789; AT:vat:ATU1:2020-01-01 :2024-07-01;") == (
        TaxRegistration("DE", "vat", "DE123456789"),
        TaxRegistration("AT", "vat", "ATU1", date(2020, 1, 1), date(2024, 7, 1)),
    )
    for text in (
        "DE:vat",
        "DE:VAT:1",
        "XX:vat:1",
        "US:oss:1",
        "DE:vat:",
        "DE:vat:1:2024-01-01:2024-01-01",
        "DE:vat:1:x",
        "DE:vat:1:::",
        ";".join(["DE:vat:1"] * 51),
    ):
        with pytest.raises(Unfit):
            read("registrations", text)


def test_bank_accounts() -> None:
    assert read("bank_accounts", "main:EUR:DE89 3704 0044 0532 0130 00:COBADEFF;till:USD") == (
        BankAccount("main", "EUR", "DE89370400440532013000", "COBADEFF"),
        BankAccount("till", "USD"),
    )
    for text in ("main", "main:euro", ":EUR", "a:EUR:b:c:d"):
        with pytest.raises(Unfit):
            read("bank_accounts", text)


def test_lists_of_codes_agree_with_cldr() -> None:
    babel = pytest.importorskip("babel")
    locale = babel.Locale("en")
    known = {code for code in locale.territories if len(code) == 2 and code.isalpha()}
    beyond = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"}
    assert known - beyond == COUNTRIES
    assert len(COUNTRIES) == 249
    assert {code for code in locale.languages if len(code) == 2} - {"sh"} == LANGUAGES
    assert len(LANGUAGES) == 183


def test_every_column_has_a_type_and_every_type_a_column() -> None:
    used = {column.type for form in FORMATS.values() for column in form.columns}
    assert used == set(TYPES)
    for form in FORMATS.values():
        assert set(form.key) <= form.names
        for column in form.columns:
            assert column.refers in ("", *FORMATS)
            assert msgspec.structs.asdict(column)["meaning"]
