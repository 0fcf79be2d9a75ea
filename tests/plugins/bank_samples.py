"""Small files of every kind, of companies and banks that do not exist."""

from __future__ import annotations

CAMT_ENTRY = (
    '<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{mark}</CdtDbtInd>{reversal}<Sts>{status}</Sts>'
    "<BookgDt><Dt>2026-03-02</Dt></BookgDt><ValDt><DtTm>2026-03-03T23:30:00+01:00</DtTm></ValDt>{details}</Ntry>"
)
CAMT_DETAILS = (
    "<NtryDtls><TxDtls><Refs><EndToEndId>{end}</EndToEndId></Refs>{amount}<RltdPties><Dbtr>{payer}</Dbtr>"
    "<Cdtr>{payee}</Cdtr></RltdPties><RmtInf><Ustrd>Invoice {end}</Ustrd></RmtInf></TxDtls></NtryDtls>"
)


def camt_entry(mark: str = "CRDT", amount: str = "12.50", **more: str) -> str:
    """An ``Ntry``."""
    known = {"currency": "EUR", "reversal": "", "status": "BOOK", "details": ""} | more
    return CAMT_ENTRY.format(mark=mark, amount=amount, **known)


def camt_balance(code: str, amount: str, mark: str = "CRDT", day: str = "2026-03-01") -> str:
    """A ``Bal``."""
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{mark}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>'
    )


CAMT_ACCOUNT = "<Acct><Id><IBAN>DE00TEST</IBAN></Id>{currency}</Acct>"
CAMT_HOLDERS = {
    "052": ("BkToCstmrAcctRpt", "Rpt"),
    "053": ("BkToCstmrStmt", "Stmt"),
    "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


def camt(*statements: str, message: str = "053", version: str = "02", head: str = '<?xml version="1.0"?>') -> bytes:
    """A message with some statements, each the content of its element without the account."""
    holder, name = CAMT_HOLDERS[message]
    body = "".join(f"<{name}><Id>1</Id>{one}</{name}>" for one in statements)
    space = f"urn:iso:std:iso:20022:tech:xsd:camt.{message}.001.{version}"
    return f'{head}\n<Document xmlns="{space}">\n<{holder}>\n{body}\n</{holder}></Document>'.encode()


def camt_statement(*parts: str, currency: str = "<Ccy>EUR</Ccy>") -> str:
    """Account and parts of a statement."""
    return CAMT_ACCOUNT.format(currency=currency) + "".join(parts)


CAMT = camt(
    camt_statement(
        camt_balance("OPBD", "100.00"), camt_balance("CLBD", "105.50"), camt_entry(), camt_entry("DBIT", "7.00")
    )
)
MT940 = b""":20:STMT1
:25:10020030/12345
:28C:00001/001
:60F:C260301EUR100,00
:61:2603020302C12,50NTRFINV-17//B-1
:86:166?00GUTSCHRIFT?20EREF+E-17?21SVWZ+Invoice 17?31DE00TEST?32Anna?33 Beispiel
:61:2603020302RC7,NTRFNONREF//B-2
:62F:C260302EUR105,50
-
"""
MT942 = b""":20:INTERIM
:25:10020030/12345
:28C:1/1
:34F:EUR0,00
:13D:2603021200+0100
:61:2603020302ED3,10NTRFNONREF
:90D:1EUR3,10
-
"""
BAI2 = b"""01,BANK,ME,260302,0600,1,80,,2/
02,ME,BANK,1,260301,,USD,2/
03,777,,010,+10000,,,015,10550,,/
16,195,1250,V,260303,,B-1,C-1,Wire from Anna, Beispiel/
88,Invoice 17/
16,475,700,Z,B-2,,Check/
49,+22500,5/
98,+22500,1,7/
99,+22500,1,9/
"""


def ach(kind: str, *cells: tuple[int, str]) -> str:
    """A record of 94 positions: texts by the position at which they begin, from 1."""
    line = [*kind.ljust(94)]
    for at, text in cells:
        line[at - 1 : at - 1 + len(text)] = text
    return "".join(line)


def ach_entry(code: str, cents: int, trace: int, indicator: str = "0") -> str:
    """An entry detail."""
    cells = (2, code), (4, "09100001"), (12, "9"), (13, "ACC-1"), (30, f"{cents:010}"), (40, f"ID-{trace}")
    return ach("6", *cells, (55, "Anna Beispiel"), (79, indicator), (80, f"09100001{trace:07}"))


def ach_batch(
    sec: str, *records: str, debit: int, credit: int, entries: int, description: str = "PAYMENT"
) -> list[str]:
    """A batch with its header and control."""
    head = ach(
        "5200", (5, "TEST CO"), (41, "1234567890"), (51, sec), (54, description), (70, "260302"), (80, "0910000")
    )
    sums = (21, f"{debit:012}"), (33, f"{credit:012}")
    return [head, *records, ach("8200", (5, f"{len(records):06}"), (11, f"{9100001 * entries:010}"), *sums)]


def ach_file(*batches: list[str], debit: int, credit: int) -> bytes:
    """A file of some batches."""
    head = ach("101", (4, " 091000019"), (14, "1234567890"), (24, "2603020600A094101"))
    tail = ach("9", (2, f"{len(batches):06}"), (32, f"{debit:012}"), (44, f"{credit:012}"))
    lines = [head, *(line for batch in batches for line in batch), tail, "9" * 94]
    return "\n".join(lines).encode()


ACH_RETURN = ach("799", (4, "R01"), (7, "091000010000077"), (28, "09100001"))
ACH_CHANGE = ach("798", (4, "C01"), (7, "091000010000078"), (28, "09100001"), (36, "NEW-ACCOUNT"))
NACHA = ach_file(
    ach_batch("PPD", ach_entry("22", 1250, 1), ach_entry("37", 700, 2), debit=700, credit=1250, entries=2),
    ach_batch("WEB", ach_entry("26", 990, 3, "1"), ACH_RETURN, debit=990, credit=0, entries=1),
    ach_batch("COR", ach_entry("21", 0, 4, "1"), ACH_CHANGE, debit=0, credit=0, entries=1),
    debit=1690,
    credit=1250,
)
OFX_SGML = b"""OFXHEADER:100
DATA:OFXSGML
VERSION:102
CHARSET:1252

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS></SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR
<BANKACCTFROM><BANKID>1<ACCTID>777<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20260301<DTEND>20260302
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260302120000[+1:CET]<TRNAMT>12.50<FITID>F1<NAME>Anna &amp; Co<MEMO>Invoice 17</STMTTRN>
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260302<TRNAMT>-7,00<FITID>F2<MEMO></STMTTRN>
<STMTTRN><TRNTYPE>OTHER<DTPOSTED>20260302<TRNAMT>-3<FITID>F3<CURRENCY><CURRATE>0.9<CURSYM>USD</CURRENCY></STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>105.50<DTASOF>20260302</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""
OFX_XML = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<?OFX OFXHEADER="200" VERSION="211"?>\n<OFX><CREDITCARDMSGSRSV1><CCSTMTTRNRS>'
    b"<CCSTMTRS><CURDEF>USD</CURDEF><CCACCTFROM><ACCTID>4711</ACCTID></CCACCTFROM><BANKTRANLIST><STMTTRN>"
    b"<TRNTYPE>DEBIT</TRNTYPE><DTPOSTED>20260302</DTPOSTED><TRNAMT>-9.99</TRNAMT><FITID>X</FITID><NAME/>"
    b"<MEMO><![CDATA[a < b]]></MEMO></STMTTRN></BANKTRANLIST></CCSTMTRS></CCSTMTTRNRS></CREDITCARDMSGSRSV1></OFX>"
)
LOCKBOX = b"""100BANK      ME        2603020600
2ME        BANK                  400080
5001000777777726030200000000010000000002
6001001000000125009100001900000001230000004711
40010016019INVOICE-17     0000001250
6001002000000070009100001900000001240000004712
700100077777772603020020000001950
8001000777777726030200020000001950
9000008
"""
X12 = (
    b"ISA*00*          *00*          *ZZ*BANK           *ZZ*ME             *260302*0600*U*00401*000000001*0*P*>~\n"
    b"GS*LB*BANK*ME*20260302*0600*1*X*004010~\nST*823*0001~\nN1*PR*BANK~\nDEP*7777777*20260302***01*091000019*DA*12345~\n"
    b"AMT*3*19.5~\nQTY*41*1~\nBAT*20260302**B1~\nBPR*I*12.5*C*CHK**01*091000019*DA*123~\nREF*CK*4711~\n"
    b"RMR*IV*INVOICE-17**12.5~\nN1*PR*Anna Beispiel~\nBPR*I*7*C*CHK~\nREF*CK*4712~\nSE*12*0001~\nGE*1*1~\nIEA*1*000000001~\n"
)
STRIPE_COLUMNS = (
    "automatic_payout_id,automatic_payout_effective_at,balance_transaction_id,created_utc,currency,gross,fee,net,"
    "reporting_category,source_id,description,customer_name"
)
STRIPE = f"""{STRIPE_COLUMNS}
po_1,2026-03-03 00:00:00,txn_1,2026-03-02 10:00:00,eur,12.50,0.50,12.00,charge,ch_1,"Invoice 17, Anna",Anna Beispiel
po_1,2026-03-03 00:00:00,txn_2,2026-03-02 11:00:00,eur,-7.00,0.00,-7.00,refund,re_1,,
po_2,2026-03-03 00:00:00,txn_3,2026-03-02 12:00:00,jpy,500,18,482,charge,ch_2,,
""".encode()

SAMPLES = {
    "camt.052": [camt(camt_statement(camt_entry(status="PDNG")), message="052", version="06")],
    "camt.053": [CAMT],
    "camt.054": [camt(camt_statement(camt_entry()), message="054", version="04")],
    "mt940": [MT940],
    "mt942": [MT942],
    "bai2": [BAI2],
    "nacha": [NACHA],
    "ofx": [OFX_SGML, OFX_XML],
    "lockbox.bai": [LOCKBOX],
    "lockbox.x12-823": [X12],
    "stripe.payouts": [STRIPE],
}
"""Files by kind."""
