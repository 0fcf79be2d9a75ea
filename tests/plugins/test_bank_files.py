"""What the readers of bank files make of small files: signs, amounts, days, references, and what they refuse."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from engine.base.errors import TollbookError
from engine.cli import main as tollbook
from engine.ports.answers import kind_flaws
from engine.ports.hookspecs.bank import Entry, Kind, Statement
from engine.ports.host import Host
from tests.plugins import bank_samples as samples
from tests.plugins.bank_samples import (
    ach,
    ach_batch,
    ach_entry,
    ach_file,
    camt,
    camt_balance,
    camt_entry,
    camt_statement,
)

pytestmark = pytest.mark.capability("A4.2")
Kinds = dict[str, Kind]


@pytest.fixture
def kinds(shipped: Callable[..., Host]) -> Kinds:
    return dict(shipped("bank_files", "bank").kinds())


def read(kinds: Kinds, data: bytes) -> tuple[Statement, ...]:
    """The statements of a file of whatever kind."""
    (kind,) = [kind for kind in kinds.values() if kind.recognises(data)]
    return kind.read(data)


def moves(statement: Statement) -> list[str]:
    """The entries of a statement as texts, each with its sign; ``!`` is a reversal."""
    return [f"{one.sign} {one.amount} {one.currency}{'!' if one.reversal else ''}" for one in statement.entries]


def references(entry: Entry) -> dict[str, str]:
    return {one.kind: one.value for one in entry.references}


def refusal(kinds: Kinds, name: str, data: bytes) -> str:
    """Line and words of the refusal of a file."""
    with pytest.raises(TollbookError) as caught:
        kinds[name].read(data)
    (finding,) = caught.value.findings
    return f"{finding.where.line} {finding.what}"


BALANCES = (camt_balance("OPBD", "100.00"), camt_balance("CLBD", "87.50"))
REVERSED = "<RvslInd>true</RvslInd>"


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((*BALANCES, camt_entry("DBIT")), ("EUR", "100.00", "87.50", True, ["D 12.50 EUR"])),
        ((*BALANCES, camt_entry("DBIT", reversal=REVERSED)), ("EUR", "100.00", "87.50", True, ["D 12.50 EUR!"])),
        ((*BALANCES, camt_entry("CRDT", reversal=REVERSED)), ("EUR", "100.00", "87.50", False, ["C 12.50 EUR!"])),
        ((*BALANCES, camt_entry("DBIT", "12.5000")), ("EUR", "100.00", "87.50", True, ["D 12.5000 EUR"])),
        ((BALANCES[0], camt_entry()), ("EUR", "100.00", None, None, ["C 12.50 EUR"])),
        ((camt_entry(amount="-3"), camt_entry("DBIT", "0")), ("EUR", None, None, None, ["D 3 EUR", "D 0 EUR"])),
        ((camt_balance("PRCD", "5", "DBIT"), camt_balance("CLBD", "0", "DBIT")), ("EUR", "-5", "0", False, [])),
        (
            (
                camt_balance("PRCD", "9"),
                camt_balance("OPBD", "1"),
                camt_balance("ITBD", "3"),
                camt_balance("CLAV", "4"),
            ),
            ("EUR", "1", None, None, []),
        ),
        (
            (
                camt_balance("OPBD", "2", day="2026-03-02"),
                camt_balance("OPBD", "1", day="2026-03-01"),
                camt_balance("CLBD", "3", day="2026-03-02"),
                camt_balance("CLBD", "2", day="2026-03-01"),
            ),
            ("EUR", "1", "3", False, []),
        ),
    ],
)
def test_camt_balances_and_signs(kinds: Kinds, parts: tuple[str, ...], expected: tuple[object, ...]) -> None:
    (one,) = read(kinds, camt(camt_statement(*parts)))
    balances = (None if amount is None else str(amount) for amount in (one.opening, one.closing))
    assert (one.currency, *balances, one.ties(), moves(one)) == expected


def test_camt_currency_is_the_accounts_else_the_first_entrys(kinds: Kinds) -> None:
    entries = camt_entry(currency="SEK"), camt_entry(currency="NOK")
    own, without, empty = read(
        kinds,
        camt(camt_statement(*entries), camt_statement(*entries, currency=""), camt_statement(BALANCES[0], currency="")),
    )
    assert (own.currency, without.currency, empty.currency) == ("EUR", "SEK", None)
    assert moves(own) == moves(without) == ["C 12.50 SEK", "C 12.50 NOK"]


@pytest.mark.parametrize("version", ["02", "04", "06", "08", "09", "10", "13"])
@pytest.mark.parametrize("message", ["052", "053", "054"])
def test_camt_versions(kinds: Kinds, message: str, version: str) -> None:
    status, name = ("<Cd>PDNG</Cd>", "<Pty><Nm>Anna</Nm></Pty>") if version >= "08" else ("PDNG", "<Nm>Anna</Nm>")
    details = samples.CAMT_DETAILS.format(end="E-1", amount="", payer=name, payee="<Nm>Me</Nm>")
    data = camt(camt_statement(camt_entry(status=status, details=details)), message=message, version=version)
    (entry,) = read(kinds, data)[0].entries
    assert (entry.status, entry.counterparty) == ("pending", "Anna")
    assert (entry.booking_date, entry.value_date) == (date(2026, 3, 2), date(2026, 3, 3))
    assert references(entry) == {"end_to_end_id": "E-1", "text": "Invoice E-1"}


def test_camt_details_are_the_payments_of_a_batch(kinds: Kinds) -> None:
    parts = [
        samples.CAMT_DETAILS.format(
            end=end, amount=f'<AmtDtls><TxAmt><Amt Ccy="EUR">{amount}</Amt></TxAmt></AmtDtls>', payer=payer, payee=""
        )
        for end, amount, payer in (("E-1", "5.25", "<Nm>Anna</Nm>"), ("NOTPROVIDED", "7.25", "<Nm>Bert</Nm>"))
    ]
    data = camt(camt_statement(camt_entry(details="".join(parts))), message="054", version="04")
    (entry,) = read(kinds, data)[0].entries
    assert entry.counterparty is None
    assert [one.value for one in entry.references if one.kind == "end_to_end_id"] == ["E-1"]
    assert [(one.sign, str(one.amount), one.counterparty) for one in entry.details] == [
        ("C", "5.25", "Anna"),
        ("C", "7.25", "Bert"),
    ]


def test_the_counterparty_of_a_payment_that_came_back(kinds: Kinds) -> None:
    details = samples.CAMT_DETAILS.format(end="E", amount="", payer="<Nm>Anna</Nm>", payee="<Nm>Me</Nm>")
    data = camt(camt_statement(camt_entry("DBIT", reversal=REVERSED, details=details)))
    assert [entry.counterparty for entry in read(kinds, data)[0].entries] == ["Anna"]


ENTITY = '<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (camt("", version="01"), "2 camt.053.001.01 is of a version that is not known"),
        (camt("", version="14"), "2 camt.053.001.14 is of a version that is not known"),
        (camt(camt_statement(camt_entry("CR"))), "4 CdtDbtInd is 'CR'"),
        (camt(camt_statement(camt_entry(amount="1,50"))), "4 Amt of Ntry is '1,50', which is no number"),
        (camt(camt_statement("<Ntry/>")), "4 Ntry has no Amt"),
        (camt(camt_statement(camt_entry()), head=ENTITY), "1 the XML has a DOCTYPE"),
        (samples.CAMT[:-12], "5 the XML is broken: "),
        (samples.CAMT.replace(b"2026-03-02", b"2026-13-02"), "4 2026-13-02 is no day"),
    ],
)
def test_camt_refusals(kinds: Kinds, data: bytes, said: str) -> None:
    assert refusal(kinds, "camt.053", data).startswith(said)


def test_camt_in_an_envelope_with_prefixes_and_in_another_encoding(kinds: Kinds) -> None:
    name = "<Nm>Jörg</Nm>"
    details = samples.CAMT_DETAILS.format(end="E", amount="", payer=name, payee="")
    text = camt(camt_statement(camt_entry(details=details)), head="").decode().strip()
    enveloped = f"<Envelope><AppHdr/>{text}</Envelope>"
    austrian = re.sub(r"urn:[a-z0-9:]*:(camt[0-9.]*)", r"ISO:\1:APC:STUZZA:payments:003", text)
    assert "ISO:camt.053" in austrian
    encoded = enveloped.encode(), b"\n" + enveloped.encode("latin-1"), enveloped.encode("utf-16")
    for data in (*encoded, enveloped.encode("utf-16-le"), austrian.encode("utf-16-be")):
        assert [entry.counterparty for entry in read(kinds, data)[0].entries] == ["Jörg"]


def mt(*lines: str, balances: tuple[str, str] = ("C260301EUR100,00", "C260302EUR100,00")) -> bytes:
    """A statement with some lines between its balances."""
    return "\n".join([":20:X", ":25:ACC", ":28C:1", f":60F:{balances[0]}", *lines, f":62F:{balances[1]}", "-"]).encode()


@pytest.mark.parametrize(
    ("line", "move"),
    [
        ("2603020302C12,50NTRFNONREF", "C 12.50 EUR"),
        ("2603020302D12,50NTRFNONREF", "D 12.50 EUR"),
        ("2603020302RC12,50NTRFNONREF", "D 12.50 EUR!"),
        ("2603020302RD12,50NTRFNONREF", "C 12.50 EUR!"),
        ("2603020302CR12,50NTRFNONREF", "C 12.50 EUR"),
        ("2603020302DR12,NTRFNONREF", "D 12 EUR"),
        ("2603020302RCR12,5NTRFNONREF", "D 12.5 EUR!"),
        ("260302CM000000000012,50S051", "C 12.50 EUR"),
        ("260302    DD0,00NDEFNONREF//", "D 0.00 EUR"),
        ("260302C1234567,895NTRF", "C 1234567.895 EUR"),
    ],
)
def test_mt940_marks_and_amounts(kinds: Kinds, line: str, move: str) -> None:
    (one,) = read(kinds, mt(f":61:{line}"))
    assert moves(one) == [move]


@pytest.mark.parametrize(
    ("line", "booked", "value"),
    [
        ("2603020302C1,NTRF", "2026-03-02", "2026-03-02"),
        ("2512310102C1,NTRF", "2026-01-02", "2025-12-31"),
        ("2601021231C1,NTRF", "2025-12-31", "2026-01-02"),
        ("2402280229C1,NTRF", "2024-02-29", "2024-02-28"),
        ("260230C1,NTRF", "None", "2026-02-28"),
        ("260302    C1,NTRF", "None", "2026-03-02"),
    ],
)
def test_mt940_days(kinds: Kinds, line: str, booked: str, value: str) -> None:
    (statement,) = read(kinds, mt(f":61:{line}"))
    (entry,) = statement.entries
    assert (str(entry.booking_date), str(entry.value_date)) == (booked, value)
    assert [one.code for one in statement.flaws] == (["bank.no-such-day"] if "0230" in line else [])


def test_mt940_balances(kinds: Kinds) -> None:
    (one,) = read(kinds, samples.MT940)
    assert (one.account, one.opening, one.closing, one.ties()) == (
        "10020030/12345",
        Decimal(100),
        Decimal("105.5"),
        True,
    )
    first, second = one.entries
    assert (first.counterparty, references(first)["end_to_end_id"]) == ("Anna Beispiel", "E-17")
    assert references(first)["customer"] == "INV-17"
    assert "customer" not in references(second)
    (below,) = read(kinds, mt(":61:260302D1,NTRF", balances=("D260301EUR5,", "D260302EUR6,00")))
    assert (str(below.opening), str(below.closing), below.ties()) == ("-5", "-6.00", True)
    (bare,) = read(kinds, mt(balances=("C260301EUR5,00", "C2603025,00")))
    assert (bare.closing, bare.ties(), [one.code for one in bare.flaws]) == (None, None, ["bank.left-out"])


def test_mt940_several_statements_headers_and_encodings(kinds: Kinds) -> None:
    """Blocks of SWIFT, headings of banks, Latin-1, chained messages, and a narrative after the closing balance."""
    one = mt(":61:260302C1,NTRF", ":86:Jörg", balances=("C260301EUR1,00", "C260302EUR2,00")).decode()
    text = (
        "{1:F01}{2:O940}{4:\n"
        + one.replace("\n-", "\n:86:after\n-}")
        + "\nABNANL2A\n940\n"
        + one.replace("\n-", "\n")
        + one
    )
    statements = read(kinds, text.encode("latin-1"))
    assert [statement.ties() for statement in statements] == [True, True, True]
    assert [references(statement.entries[0])["text"] for statement in statements] == ["Jörg"] * 3


def test_mt940_a_text_that_looks_like_the_end_and_a_message_without_its_first_field(kinds: Kinds) -> None:
    data = mt(":61:260302C1,NTRF", ":86:one", "---", ":61:260302D1,NTRF").removeprefix(b":20:X\n")
    first, second = read(kinds, data + b"\n" + data)
    assert moves(first) == moves(second) == ["C 1 EUR", "D 1 EUR"]
    assert first.account == "ACC"


def test_mt940_an_entry_wrapped_before_its_amount_and_lines_that_end_with_at_signs(kinds: Kinds) -> None:
    (one,) = read(kinds, mt(":61:2603020302CR", "12,50NTRFmine//theirs", "more", ":86:text"))
    assert moves(one) == ["C 12.50 EUR"]
    assert references(one.entries[0])["supplement"] == "more"
    data = b"@@:20:X@@:25:ACC@@:28C:0@@:34F:CHF D1,00@@:13:2603021200@@:61:260302D0,02NMSC@@:86:166?00A?20long@@?21er"
    (interim,) = read(kinds, data)
    assert (interim.account, moves(interim)) == ("ACC", ["D 0.02 CHF"])
    assert references(interim.entries[0])["text"] == "longer"


@pytest.mark.parametrize(
    ("told", "name", "account", "text"),
    [
        ("166?20RG 17 Z?21ahlung?31DE9?32MUELLER?33 GMBH", "MUELLER GMBH", "DE9", "RG 17 Zahlung"),
        ("020~00A~20FAKTURA~21 17~31 99~32JAN ~33KOWALSKI~38PL61", "JAN KOWALSKI", "PL61", "FAKTURA 17"),
        ("020^00A^20FAKTURA 17^32JAN KOWALSKI^31PL61", "JAN KOWALSKI", "PL61", "FAKTURA 17"),
        ("/EREF/E//CNTP/NL55/INGB/J de Vries///REMI/USTD//Factuur 17/", "J de Vries", "NL55", "Factuur 17"),
        ("/EREF/E//CNTP/NL55///Ede/REMI/STRD/CUR/4711/", None, "NL55", "4711"),
    ],
)
def test_mt940_what_field_86_tells(kinds: Kinds, told: str, name: str | None, account: str, text: str) -> None:
    (entry,) = read(kinds, mt(":61:260302C1,NTRF", f":86:{told}"))[0].entries
    assert (entry.counterparty, references(entry)["counterparty_account"]) == (name, account)
    assert text in [one.value for one in entry.references if one.kind == "text"]


def test_mt942_only_informs(kinds: Kinds) -> None:
    (one,) = read(kinds, samples.MT942)
    assert (one.currency, one.opening, one.closing, one.ties()) == (None, None, None, None)
    assert moves(one) == ["D 3.10 EUR"]
    assert one.entries[0].status == "pending"
    assert {name: kind.role for name, kind in kinds.items()}["mt942"] == "informs"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (mt(":61:nonsense"), "5 field 61 is 'nonsense', which is no entry"),
        (mt(":61:260302C1,2,3NTRF"), "5 field 61 is '260302C1,2,3NTRF', which is no entry"),
        (mt(":61:260302C1.234,56NTRF"), "5 field 61 is '260302C1.234,56NTRF', which is no entry"),
        (mt(":61:261302C1,NTRF"), "5 2026-13-02 is no day"),
        (mt(balances=("X", "C260302EUR1,00")), "4 field 60F is 'X', which is no balance"),
        (mt(balances=("C260301EUR1,00", "C260302USD1,00")), "1 the balances are in EUR and USD"),
        (b":20:X\n:28C:1\n", "1 the message has neither an account (field 25) nor balances nor entries"),
    ],
)
def test_mt940_refusals(kinds: Kinds, data: bytes, said: str) -> None:
    assert refusal(kinds, "mt940", data) == said


def bai(*records: str, group: str = "USD", account: str = "") -> bytes:
    """A file with one account."""
    lines = [
        "01,A,B,260302,0600,1,,,2/",
        f"02,B,A,1,260301,,{group},2/",
        f"03,777,{account},{records[0]}/",
        *records[1:],
    ]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("record", "move"),
    [
        ("16,100,1250,Z,,,x/", "C 12.50 USD"),
        ("16,399,1250,0,,,x/", "C 12.50 USD"),
        ("16,400,1250,1,,,x/", "D 12.50 USD"),
        ("16,699,1250,2,,,x/", "D 12.50 USD"),
        ("16,195,1250,S,1,2,3,BANK,CUST,x/", "C 12.50 USD"),
        ("16,195,1250,V,260302,1200,BANK,CUST,x/", "C 12.50 USD"),
        ("16,195,1250,D,2,0,1000,1,250,BANK,CUST,x/", "C 12.50 USD"),
        ("16,195,,,,,x/", "C 0.00 USD"),
        ("16,195,-5,,,,x/", "D 0.05 USD"),
    ],
)
def test_bai2_details(kinds: Kinds, record: str, move: str) -> None:
    (one,) = read(kinds, bai("010,0,,", record))
    assert moves(one) == [move]
    assert references(one.entries[0])["text"] == "x"
    assert references(one.entries[0]).get("customer", "CUST") == "CUST"


@pytest.mark.parametrize("code", ["900", "999", "890"])
def test_bai2_codes_that_are_no_money(kinds: Kinds, code: str) -> None:
    (one,) = read(kinds, bai("010,0,,", f"16,{code},,,,,x/"))
    assert one.entries == ()
    assert "bank.left-out" not in [flaw.code for flaw in one.flaws]
    (loan,) = read(kinds, bai("010,0,,", "16,720,100,,,,x/"))
    assert "bank.left-out" in [flaw.code for flaw in loan.flaws]


@pytest.mark.parametrize(
    ("group", "account", "amount"),
    [("USD", "", "12.50 USD"), ("", "", "12.50 USD"), ("EUR", "JPY", "1250 JPY"), ("KWD", "", "1.250 KWD")],
)
def test_bai2_minor_units(kinds: Kinds, group: str, account: str, amount: str) -> None:
    (one,) = read(kinds, bai("010,1250,,", "16,195,1250,,,,/", group=group, account=account))
    assert (moves(one), f"{one.opening} {one.currency}") == ([f"C {amount}"], amount)


def test_bai2_continuations(kinds: Kinds) -> None:
    """In the middle of a balance, in a text with commas and slashes, on the same line, and without a record's code."""
    data = bai(
        "040,1,,,010,+100,2,D,1,0",
        "88,100,015/",
        "88,350/",
        "16,195,250,,B-1,C-1,paid 03/02, for a,b/ 16,475,100,,,,cheque 1/",
        "  2 of 2/",
        "88,end/  16,195,100,,,,/",
        "49,801,6/",
    )
    (one,) = read(kinds, data)
    assert (one.opening, one.closing, one.ties()) == (Decimal(1), Decimal("3.50"), True)
    assert moves(one) == ["C 2.50 USD", "D 1.00 USD", "C 1.00 USD"]
    assert [references(entry).get("text") for entry in one.entries] == [
        "paid 03/02, for a,b",
        "cheque 1 2 of 2 end",
        None,
    ]


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (samples.BAI2, []),
        (samples.BAI2.replace(b"49,+22500", b"49,+22501"), ["bank.control-total", "bank.control-total"]),
        (samples.BAI2.replace(b"99,+22500,1,9/\n", b""), ["bank.cut-off"]),
        (samples.BAI2.replace(b"BANK,1,260301", b"BANK,4,260301"), ["bank.not-for-booking"]),
    ],
)
def test_bai2_flaws(kinds: Kinds, data: bytes, codes: list[str]) -> None:
    (one,) = read(kinds, data)
    assert [flaw.code for flaw in one.flaws] == codes
    assert [entry.booking_date for entry in one.entries] == [date(2026, 3, 1)] * 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (bai("010,1x,,"), "3 the amount of type 010 is '1x', which is no whole number"),
        (bai("010,1,,", "16,195,1.50,,,,/"), "4 the amount of the detail is '1.50', which is no whole number"),
        (bai("010,1,,", "16,19,1,,,,/"), "4 '19' is no type of a detail"),
        (bai("010,1,,", "16,195,1,Q,,,/"), "4 'Q' is no type of funds"),
        (bai("010,1,,", account="XXQ"), "3 'XXQ' is no currency"),
        (
            b"01,A,B,260302,0600,1,,,2/\n16,195,1,,,,/",
            "2 a detail (record 16) stands outside of an account (record 03)",
        ),
    ],
)
def test_bai2_refusals(kinds: Kinds, data: bytes, said: str) -> None:
    assert refusal(kinds, "bai2", data) == said


def test_nacha_batches_returns_and_changes(kinds: Kinds) -> None:
    paid, returned, changed = read(kinds, samples.NACHA)
    assert (paid.account, paid.opening, paid.closing, paid.ties()) == ("1234567890", None, None, None)
    assert [moves(one) for one in (paid, returned, changed)] == [
        ["C 12.50 USD", "D 7.00 USD"],
        ["D 9.90 USD!"],
        ["C 0.00 USD"],
    ]
    assert paid.entries[0].counterparty == "Anna Beispiel"
    assert references(returned.entries[0])["return_code"] == "R01"
    assert references(returned.entries[0])["original_trace"] == "091000010000077"
    assert references(changed.entries[0])["corrected"] == "NEW-ACCOUNT"
    assert [flaw for one in (paid, returned, changed) for flaw in one.flaws] == []


CODES = {
    "C": [f"{kind}{digit}" for kind in "2345" for digit in "1234"] + ["81", "83", "85", "87"],
    "D": [f"{kind}{digit}" for kind in "234" for digit in "6789"] + ["55", "56", "82", "84", "86", "88"],
}


@pytest.mark.parametrize("sign", CODES)
def test_nacha_signs(kinds: Kinds, sign: str) -> None:
    entries = [ach_entry(code, 100, at) for at, code in enumerate(CODES[sign])]
    total = 100 * len(entries)
    sums = {"debit": total if sign == "D" else 0, "credit": total if sign == "C" else 0}
    batch = ach_batch("PPD", *entries, **sums, entries=len(entries), description="REVERSAL")
    (one,) = read(kinds, ach_file(batch, **sums))
    assert {entry.sign for entry in one.entries} == {sign}
    assert all(entry.reversal for entry in one.entries)
    assert one.flaws == ()


def test_nacha_without_ends_of_lines_with_blanks_cut_and_with_wrong_totals(kinds: Kinds) -> None:
    whole = read(kinds, samples.NACHA)
    assert read(kinds, samples.NACHA.replace(b"\n", b"")) == whole
    assert read(kinds, b"\n".join(line.rstrip() for line in samples.NACHA.split(b"\n"))) == whole
    wrong = read(kinds, samples.NACHA.replace(b"000000000700", b"000000000701"))
    assert [flaw.code for one in wrong for flaw in one.flaws] == ["bank.control-total"]
    cut = read(kinds, b"\n".join(samples.NACHA.split(b"\n")[:4]))
    assert [flaw.code for one in cut for flaw in one.flaws] == ["bank.cut-off", "bank.cut-off"]
    headless = read(kinds, b"\n".join(samples.NACHA.split(b"\n")[1:]))
    assert [one.entries for one in headless] == [one.entries for one in whole]
    assert [flaw.code for one in headless for flaw in one.flaws] == ["bank.cut-off"]


def test_nacha_international_entries_and_advices(kinds: Kinds) -> None:
    """Their layouts differ: where amount, account and name stand, and how wide the totals are."""
    abroad = ach("6", (2, "22"), (4, "091000019"), (13, "0002"), (30, "0000001250"), (40, "IBAN-1"), (79, "1"))
    addenda = ach("710", (4, "WEB"), (47, "Anna Beispiel")), ach("717", (4, "Invoice 17"))
    (one,) = read(
        kinds, ach_file(ach_batch("IAT", abroad, *addenda, debit=0, credit=1250, entries=1), debit=0, credit=1250)
    )
    (entry,) = one.entries
    assert (moves(one), entry.counterparty, one.flaws) == (["C 12.50 USD"], "Anna Beispiel", ())
    assert (references(entry)["counterparty_account"], references(entry)["text"]) == ("IBAN-1", "Invoice 17")
    advice = ach(
        "6", (2, "82"), (4, "091000019"), (13, "ACC-1"), (28, "000000001250"), (55, "Bank"), (80, "091000010610001")
    )
    batch = ach_batch("ADV", advice, debit=0, credit=0, entries=1)
    batch[-1] = ach(batch[-1][:20], (21, f"{1250:020}"), (41, f"{0:020}"))
    data = ach_file(batch, debit=0, credit=0).split(b"\n")
    data[-2] = ach("9", (2, "000001"), (32, f"{1250:020}"), (52, f"{0:020}")).encode()
    (two,) = read(kinds, b"\n".join(data))
    assert (moves(two), two.flaws, two.entries[0].value_date) == (["D 12.50 USD"], (), date(2026, 3, 2))


def test_nacha_an_effective_day_that_is_none_does_not_count(kinds: Kinds) -> None:
    data = samples.NACHA.replace(b"      260302", b"      26AB02", 1)
    (first, *_) = read(kinds, data)
    assert ([flaw.code for flaw in first.flaws], first.entries[0].value_date) == (["bank.left-out"], None)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"622091", b"620091", "3 '20' is no transaction code"),
        (b"0000001250", b"00000012.5", "3 the amount of an entry is '00000012.5', which is no whole number of cents"),
        (b"0000001250", b"          ", "3 the amount of an entry is '', which is no whole number of cents"),
        (b"\n5200", b"\n6200", "2 a record 6 stands outside of a batch"),
        (b"\n622", b"\nX22", "3 a record begins with 'X'"),
    ],
)
def test_nacha_refusals(kinds: Kinds, old: bytes, new: bytes, said: str) -> None:
    assert refusal(kinds, "nacha", samples.NACHA.replace(old, new, 1)) == said


def test_ofx(kinds: Kinds) -> None:
    (one,) = read(kinds, samples.OFX_SGML)
    assert (one.account, one.currency, one.opening, one.closing, one.ties()) == (
        "777",
        "EUR",
        None,
        Decimal("105.5"),
        None,
    )
    assert moves(one) == ["C 12.50 EUR", "D 7.00 EUR", "D 3 USD"]
    assert (one.entries[0].counterparty, one.entries[0].booking_date) == ("Anna & Co", date(2026, 3, 2))
    (card,) = read(kinds, samples.OFX_XML)
    assert (card.account, card.closing, moves(card)) == ("4711", None, ["D 9.99 USD"])
    assert references(card.entries[0])["text"] == "a < b"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<STMTTRN><TRNTYPE>DEBIT", b"</BANKTRANLIST><BANKTRANLIST><STMTTRN><TRNTYPE>DEBIT"),
        (b"</BANKTRANLIST>", b""),
        (b"<FITID>F1<", b"<FITID>F1</MEMO><"),
        (b"</BANKTRANLIST>", b"</BANKTRANLIST><BANKTRANLISTP><STMTTRNP><TRNAMT>1</STMTTRNP></BANKTRANLISTP>"),
    ],
    ids=["two lists", "list not closed", "value closed by a wrong name", "pending ones apart"],
)
def test_no_transaction_of_ofx_is_lost(kinds: Kinds, old: bytes, new: bytes) -> None:
    data = samples.OFX_SGML.replace(old, new, 1)
    assert data != samples.OFX_SGML
    (one,) = read(kinds, data)
    assert (moves(one), one.closing) == (["C 12.50 EUR", "D 7.00 EUR", "D 3 USD"], Decimal("105.5"))
    assert references(one.entries[0])["text"] == "Invoice 17"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"<TRNAMT>12.50", b"<TRNAMT>1,234.50", "10 TRNAMT is '1.234.50', which is no number"),
        (b"<TRNAMT>12.50", b"", "10 a transaction (STMTTRN) has no TRNAMT"),
        (b"<DTPOSTED>20260302<TRNAMT>-7", b"<DTPOSTED>2026032<TRNAMT>-7", "11 DTPOSTED is '2026032', which is no day"),
        (b"</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>", b"", "7 the element STMTRS is never closed"),
        (b"</BANKTRANLIST>", b"</BANKTRANSLIST>", "13 the element BANKTRANSLIST is closed and was never opened"),
    ],
)
def test_ofx_refusals(kinds: Kinds, old: bytes, new: bytes, said: str) -> None:
    assert refusal(kinds, "ofx", samples.OFX_SGML.replace(old, new, 1)) == said


def test_ofx_without_a_statement_of_an_account_is_refused(kinds: Kinds) -> None:
    said = refusal(kinds, "ofx", samples.OFX_SGML.replace(b"STMTRS>", b"INVRS>"))
    assert said == "1 the file has no statement of an account or a card (STMTRS, CCSTMTRS)"


def test_lockboxes(kinds: Kinds) -> None:
    for data, account in ((samples.LOCKBOX, "7777777"), (samples.X12, "12345")):
        (one,) = read(kinds, data)
        assert (one.account, one.currency, one.opening, one.closing, one.flaws) == (account, "USD", None, None, ())
        assert [entry.amount for entry in one.entries] == [Decimal("12.50"), Decimal(7)]
        first, second = one.entries
        assert references(first)["document"] == "INVOICE-17"
        assert references(first)["cheque"].lstrip("0") == "4711"
        assert [part.amount for part in first.details] == [Decimal("12.50")]
        assert (second.details, first.booking_date) == ((), date(2026, 3, 2))


def test_totals_of_lockboxes_that_are_wrong_are_flaws(kinds: Kinds) -> None:
    for data in (
        samples.LOCKBOX.replace(b"\n80010007777777260302000200000019", b"\n80010007777777260302000200000020"),
        samples.X12.replace(b"*19.5~", b"*19.6~"),
    ):
        assert [flaw.code for one in read(kinds, data) for flaw in one.flaws] == ["bank.control-total"]


def test_stripe_payouts(kinds: Kinds) -> None:
    euros, yen = read(kinds, samples.STRIPE)
    assert [(one.account, one.currency, moves(one)) for one in (euros, yen)] == [
        ("po_1", "EUR", ["C 12.00 EUR", "D 7.00 EUR"]),
        ("po_2", "JPY", ["C 482 JPY"]),
    ]
    parts = [(part.sign, str(part.amount), references(part)["type"]) for part in euros.entries[0].details]
    assert parts == [("C", "12.50", "charge"), ("D", "0.50", "fee")]
    assert references(euros.entries[0])["text"] == "Invoice 17, Anna"
    assert euros.entries[0].value_date == date(2026, 3, 3)
    wrong = samples.STRIPE.replace(b"0.50,12.00", b"0.50,12.01")
    assert refusal(kinds, "stripe.payouts", wrong) == "2 gross 12.50 less fee 0.50 is not net 12.01"


def bank(*words: str) -> int:
    return tollbook.run(["bank", *words])


def test_the_verb_shows_what_stands_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a config file and without books; amounts are texts, and an untied statement has the same shape."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_bytes(samples.MT940.replace(b"EUR105,50", b"EUR105,51"))
    assert bank("read", "a.txt", "--json") == 0
    said = capsys.readouterr()
    assert "100.00 + 12.50 - 7 is 105.50, not 105.51" in said.err
    (statement,) = json.loads(said.out)["statements"]
    entries = statement.pop("entries")
    assert statement == {
        "account": "10020030/12345",
        "currency": "EUR",
        "opening": "100.00",
        "closing": "105.51",
        "ties": False,
    }
    assert entries[1] == {
        "sign": "D",
        "amount": "7",
        "currency": "EUR",
        "booking_date": "2026-03-02",
        "value_date": "2026-03-02",
        "references": [{"kind": "bank", "value": "B-2"}, {"kind": "type", "value": "NTRF"}],
        "counterparty": None,
        "reversal": True,
    }
    assert bank("read", "a.txt") == 0
    assert "reversal" in capsys.readouterr().out
    assert bank("formats") == 0
    assert "SWIFT customer statement" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello", "a file of one of these kinds can be read: camt.052, camt.053"),
        (b"", "the file is empty"),
        (None, "cannot be read: No such file or directory"),
        (mt(":61:nonsense"), "a.txt:5: error: field 61 is 'nonsense'"),
    ],
)
def test_the_verb_refuses(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes | None,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        (tmp_path / "a.txt").write_bytes(content)
    assert bank("read", "a.txt") == 1
    assert said in capsys.readouterr().err


def test_adapters_of_the_configuration_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of them is asked instead of the shipped plug-in; two that read the same kinds are refused; others are not made."""
    (tmp_path / "a.txt").write_bytes(samples.BAI2)
    config = tmp_path / "config.yaml"
    one = {"name": "one", "port": "bank", "plugin": "bank_files"}
    broken = {"name": "usage", "port": "usage", "plugin": "nowhere"}
    words = ["--config", str(config), "bank", "read", str(tmp_path / "a.txt"), "--json"]
    config.write_text(json.dumps({"rules": {"folders": ["."]}, "adapters": [one, broken]}))
    assert tollbook.run(words) == 0
    assert json.loads(capsys.readouterr().out)["statements"][0]["ties"] is True
    config.write_text(json.dumps({"rules": {"folders": ["."]}, "adapters": [one, {**one, "name": "two"}]}))
    assert tollbook.run(words) == 1
    assert "the kind of file 'camt.053' is also provided by adapter 'one'" in capsys.readouterr().err
    config.unlink()
    assert tollbook.run(words) != 0


@pytest.mark.parametrize("answer", [None, {}, {"a": 1}, {1: Kind(bool, tuple, "x")}, {"a": Kind(bool, None, "x")}])  # type: ignore[arg-type]
def test_what_is_no_kind_of_file_is_not_taken(answer: object) -> None:
    assert [finding.level for finding in kind_flaws("one", "bank_kinds", answer)] == ["error"]
    assert kind_flaws("one", "bank_kinds", {"a": Kind(bool, tuple, "x")}) == []
