"""A bank that takes files of direct debits: it reads them by itself, and answers with pain.002 and camt.054."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import sepaxml
from lxml import etree

SCHEMAS = Path(sepaxml.__file__).parent / "schemas"


class Debit(msgspec.Struct, frozen=True):
    """A collection as the bank has read it."""

    message: str
    group: str
    end_to_end: str
    amount: Decimal
    due: date
    scheme: str
    sequence: str
    mandate: str
    signed: date
    iban: str
    name: str
    text: str
    amended: bool


def valid(data: bytes) -> str:
    """The message of a file, which holds to the schema that ISO 20022 has published for it."""
    root = etree.fromstring(data)
    name = etree.QName(root).namespace.rpartition(":")[2]
    schema = _schema(name)
    assert schema.validate(root), schema.error_log
    return str(name)


@cache
def _schema(name: str) -> Any:
    return etree.XMLSchema(etree.parse(str(SCHEMAS / f"{name}.xsd")))


def read(data: bytes) -> list[Debit]:
    """The collections of a file whose counts and sums are right."""
    assert valid(data).startswith("pain.008")
    root = ElementTree.fromstring(data)
    space = {"p": root.tag[1:].partition("}")[0]}

    def said(element: Any, path: str) -> str:
        return element.findtext("/".join(f"p:{step}" for step in path.split("/")), "", space)

    def every(element: Any, path: str) -> list[Any]:
        return element.findall("/".join(f"p:{step}" for step in path.split("/")), space)

    made: list[Debit] = []
    head = every(root, "CstmrDrctDbtInitn/GrpHdr")[0]
    for group in every(root, "CstmrDrctDbtInitn/PmtInf"):
        mine = [
            Debit(
                message=said(head, "MsgId"),
                group=said(group, "PmtInfId"),
                end_to_end=said(one, "PmtId/EndToEndId"),
                amount=Decimal(said(one, "InstdAmt")),
                due=date.fromisoformat(said(group, "ReqdColltnDt")),
                scheme=said(group, "PmtTpInf/LclInstrm/Cd"),
                sequence=said(group, "PmtTpInf/SeqTp"),
                mandate=said(one, "DrctDbtTx/MndtRltdInf/MndtId"),
                signed=date.fromisoformat(said(one, "DrctDbtTx/MndtRltdInf/DtOfSgntr")),
                iban=said(one, "DbtrAcct/Id/IBAN"),
                name=said(one, "Dbtr/Nm"),
                text=said(one, "RmtInf/Ustrd"),
                amended=said(one, "DrctDbtTx/MndtRltdInf/AmdmntInd") == "true",
            )
            for one in every(group, "DrctDbtTxInf")
        ]
        assert (int(said(group, "NbOfTxs")), Decimal(said(group, "CtrlSum"))) == (len(mine), _sum(mine))
        made += mine
    assert (int(said(head, "NbOfTxs")), Decimal(said(head, "CtrlSum"))) == (len(made), _sum(made))
    assert len({one.end_to_end for one in made}) == len(made)
    return made


def _sum(debits: Sequence[Debit]) -> Decimal:
    return sum((one.amount for one in debits), Decimal(0))


def rejects(debits: Sequence[Debit], code: str, *, level: str = "transaction", version: str = "10") -> bytes:
    """A pain.002 that rejects collections of one file: each, their group, or the whole message."""
    one = debits[0]
    why = f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn><AddtlInf>as the bank says</AddtlInf></StsRsnInf>"
    group_status = f"<GrpSts>RJCT</GrpSts>{why}" if level == "message" else "<GrpSts>PART</GrpSts>"
    single = "".join(
        f"<TxInfAndSts><StsId>S{n}</StsId><OrgnlEndToEndId>{debit.end_to_end}</OrgnlEndToEndId>"
        f"<TxSts>RJCT</TxSts>{why}</TxInfAndSts>"
        for n, debit in enumerate(debits)
    )
    status = f"<PmtInfSts>RJCT</PmtInfSts>{why}" if level == "group" else f"<PmtInfSts>PART</PmtInfSts>{single}"
    groups = f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{one.group}</OrgnlPmtInfId>{status}</OrgnlPmtInfAndSts>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.{version}"><CstmrPmtStsRpt>'
        f"<GrpHdr><MsgId>R-{one.message[:20]}</MsgId><CreDtTm>2026-03-02T09:30:00</CreDtTm></GrpHdr>"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{one.message}</OrgnlMsgId><OrgnlMsgNmId>pain.008.001.08</OrgnlMsgNmId>"
        f"{group_status}</OrgnlGrpInfAndSts>{'' if level == 'message' else groups}</CstmrPmtStsRpt></Document>"
    ).encode()


def booked(account: str, day: date, *entries: str, version: str = "08") -> bytes:
    """A camt.054 of an account with some entries."""
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.{version}"><BkToCstmrDbtCdtNtfctn>'
        f"<GrpHdr><MsgId>N-{day}</MsgId><CreDtTm>{day}T18:00:00</CreDtTm></GrpHdr><Ntfctn><Id>{day}</Id>"
        f"<Acct><Id><IBAN>{account}</IBAN></Id><Ccy>EUR</Ccy></Acct>{''.join(entries)}</Ntfctn>"
        "</BkToCstmrDbtCdtNtfctn></Document>"
    ).encode()


def group_credit(debits: Sequence[Debit], day: date) -> str:
    """An entry that credits the sum of a group."""
    details = (
        f"<NtryDtls><Btch><PmtInfId>{debits[0].group}</PmtInfId><NbOfTxs>{len(debits)}</NbOfTxs></Btch></NtryDtls>"
    )
    return _entry("CRDT", _sum(debits), day, details)


def credit(debit: Debit, day: date) -> str:
    """An entry that credits one collection."""
    return _entry("CRDT", debit.amount, day, f"<NtryDtls><TxDtls>{_refs(debit)}</TxDtls></NtryDtls>")


def debit_back(
    debit: Debit, day: date, code: str, fee: Decimal = Decimal(0), *, part: Decimal | None = None, version: str = "08"
) -> str:
    """An entry that takes a collection back, or a part of it, with what the debtor's bank asks for it."""
    gone = (debit.amount if part is None else part) + fee
    amount = (
        f"<AmtDtls><InstdAmt><Amt Ccy='EUR'>{debit.amount}</Amt></InstdAmt>"
        f"<TxAmt><Amt Ccy='EUR'>{gone}</Amt></TxAmt></AmtDtls>"
    )
    charge = f"<Amt Ccy='EUR'>{fee}</Amt>"
    charges = f"<Chrgs>{charge if version == '02' else f'<Rcrd>{charge}</Rcrd>'}</Chrgs>" if fee else ""
    why = f"<RtrInf><Rsn><Cd>{code}</Cd></Rsn></RtrInf>"
    details = f"<NtryDtls><TxDtls>{_refs(debit)}{amount}{charges}{why}</TxDtls></NtryDtls>"
    return _entry("DBIT", gone, day, details)


def _refs(debit: Debit) -> str:
    return f"<Refs><EndToEndId>{debit.end_to_end}</EndToEndId><MndtId>{debit.mandate}</MndtId></Refs>"


def _entry(sign: str, amount: Decimal, day: date, details: str) -> str:
    return (
        f"<Ntry><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts>BOOK</Sts>"
        f"<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>{details}</Ntry>"
    )
