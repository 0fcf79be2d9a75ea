"""Bank statements for tests: MT940 and camt files of made-up accounts."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from tests import stories

MAIN, DOLLARS = "NL91ABNA0417164300", "NL02ABNA0123456789"
ENTITIES = (
    "key,name,country,functional_currency,zone,registrations,bank_accounts",
    f"E1,Acme BV,NL,EUR,Europe/Amsterdam,NL:vat:NL001234567B01,MAIN:EUR:{MAIN};DOLLARS:USD:{DOLLARS}",
)
CHART = stories.add(
    "gl_accounts",
    "1090,Bank clearing,asset",
    "1290,Allowance,asset",
    "1480,Tax withheld,asset",
    "1485,Tax withheld with certificate,asset",
    "2450,Refunds,liability",
    "4910,Discounts,income",
    "6300,Rent,expense",
    "6850,Bank fees,expense",
    "6910,Small differences,expense",
    "7960,Exchange,expense",
)

Entry = tuple[str, str, str, str, str]
"""(mark of field 61, amount, reference of the bank, who, text)."""


def mt940(
    path: Path, opening: str, day: str, entries: Sequence[Entry], account: str = MAIN, currency: str = "EUR"
) -> Path:
    """A statement of one day that ties."""
    short = day.replace("-", "")[2:]
    balance = Decimal(opening)
    lines = ["{1:F01}{2:I940}{4:", ":20:STATEMENT", f":25:{account}", ":28C:1/1"]
    lines.append(f":60F:C{short}{currency}{_comma(balance)}")
    for mark, amount, reference, who, text in entries:
        balance += Decimal(amount) if mark in ("C", "RD") else -Decimal(amount)
        lines.append(f":61:{short}{short[2:]}{mark}{_comma(Decimal(amount))}NTRFNONREF//{reference}")
        lines.append(f":86:/NAME/{who}//REMI/{text}/")
    lines += [f":62F:C{short}{currency}{_comma(balance)}", "-}", ""]
    path.write_text("\n".join(lines))
    return path


def _comma(amount: Decimal) -> str:
    return f"{amount:.2f}".replace(".", ",")


CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.08"><{holder}><GrpHdr><MsgId>M</MsgId></GrpHdr><{one}>
<Id>1</Id><Acct><Id><IBAN>{account}</IBAN></Id><Ccy>EUR</Ccy></Acct>{balances}{entries}</{one}></{holder}></Document>
"""
BALANCE = (
    "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>"
    "<Dt><Dt>{day}</Dt></Dt></Bal>"
)
HOLDERS = {
    "052": ("BkToCstmrAcctRpt", "Rpt"),
    "053": ("BkToCstmrStmt", "Stmt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


def camt(
    path: Path,
    kind: str,
    day: str,
    entries: Sequence[tuple[str, str, Sequence[tuple[str, str, str]]]],
    opening: str = "",
) -> Path:
    """A camt file; entries are (amount, reference of the bank, [(amount, who, text)])."""
    holder, one = HOLDERS[kind]
    total = sum((Decimal(amount) for amount, *_ in entries), Decimal(opening or 0))
    balances = "".join(
        BALANCE.format(code=code, amount=amount, day=day)
        for code, amount in ([("OPBD", opening), ("CLBD", total)] if opening else [])
    )
    body = "".join(
        f"<Ntry><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt>"
        f"</BookgDt><AcctSvcrRef>{reference}</AcctSvcrRef><NtryDtls>"
        + "".join(
            f"<TxDtls><Amt Ccy='EUR'>{part}</Amt><RltdPties><Dbtr><Nm>{who}</Nm></Dbtr></RltdPties>"
            f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"
            for part, who, text in parts
        )
        + "</NtryDtls></Ntry>"
        for amount, reference, parts in entries
    )
    path.write_text(CAMT.format(kind=kind, holder=holder, one=one, account=MAIN, balances=balances, entries=body))
    return path
