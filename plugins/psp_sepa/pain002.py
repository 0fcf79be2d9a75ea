"""What a bank says of a file of ours before settlement: pain.002, all versions from 03 on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from .xml import Element, every, first, text

REJECTED: Final = "RJCT"
_SENT: Final = "pain.008"


class Verdict(msgspec.Struct, frozen=True):
    """That something is rejected: all of a message, all of a group, or one collection; what it is not about is empty."""

    message: str
    group: str
    end_to_end: str
    code: str
    text: str


def verdicts(root: Element) -> Iterator[Verdict]:
    """What the report rejects, in its order.  What it accepts, or only acknowledges, is left out.

    Raises:
        ValueError: it is about no file of collections, or lacks what it has to have.
    """
    report = first(root, "CstmrPmtStsRpt")
    whole = first(report, "OrgnlGrpInfAndSts") if report is not None else None
    if report is None or whole is None:
        raise ValueError("it has no OrgnlGrpInfAndSts, which says what it is about")
    message, about = text(whole, "OrgnlMsgId"), text(whole, "OrgnlMsgNmId")
    if not about.startswith(_SENT):
        raise ValueError(f"it is about {about or 'nothing'}, not about a file of direct debits")
    if text(whole, "GrpSts") == REJECTED and not list(every(report, "OrgnlPmtInfAndSts/TxInfAndSts")):
        yield _verdict(whole, message, "", "")
        return
    for group in every(report, "OrgnlPmtInfAndSts"):
        name = text(group, "OrgnlPmtInfId")
        single = list(every(group, "TxInfAndSts"))
        if text(group, "PmtInfSts") == REJECTED and not single:
            yield _verdict(group, message, name, "")
        for one in single:
            if text(one, "TxSts") == REJECTED:
                yield _verdict(one, message, name, text(one, "OrgnlEndToEndId"))


def _verdict(element: Element, message: str, group: str, end_to_end: str) -> Verdict:
    why = first(element, "StsRsnInf")
    if why is None:
        return Verdict(message, group, end_to_end, "", "")
    said = " ".join(one.text.strip() for one in every(why, "AddtlInf") if one.text)
    return Verdict(message, group, end_to_end, text(why, "Rsn/Cd", "Rsn/Prtry"), said)
