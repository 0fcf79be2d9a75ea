"""What becomes of a collection that comes back: the reasons of ISO 20022, and what the scheme calls it.

A *reject* comes before settlement, from a bank or the clearing; a *refusal* is a reject that the debtor asked for.  After settlement
a *return* comes from the debtor's bank within five days of settlement (three under the B2B scheme), a *refund* is asked for by the
debtor: within eight weeks without a reason, within thirteen months where there is no valid mandate.  A *reversal* is ours.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final, Literal

import msgspec

from engine.base import target_days
from engine.base.period import add_months

Class = Literal["retry", "mandate_invalid", "account_closed", "dispute", "technical"]
"""What can be done about it: try it again; ask for a new mandate; ask for another account; talk to the customer; mend the file."""

Kind = Literal["reject", "refusal", "return", "refund", "reversal"]


class Reason(msgspec.Struct, frozen=True):
    """A reason: what can be done about it, and what it says."""

    kind: Class
    text: str


_WORDS: Final = (
    "AC01 account_closed the account number is wrong",
    "AC04 account_closed the account is closed",
    "AC06 account_closed the account is blocked",
    "AC13 mandate_invalid the debtor is a consumer, whom the B2B scheme is not for",
    "AG01 account_closed direct debits are not allowed on the account",
    "AG02 technical the sequence or the operation code is wrong",
    "AM04 retry there is not enough money on the account",
    "AM05 technical the bank has the same collection already",
    "BE05 technical the creditor identifier is wrong",
    "CNOR technical the creditor's bank is not registered under this BIC",
    "CURR technical the currency is not the euro",
    "CUST dispute the customer asked for it",
    "DNOR account_closed the debtor's bank is not registered under this BIC",
    "DT01 technical the collection date is not possible",
    "DUPL technical it was sent twice",
    "ED05 retry settlement between the banks failed",
    "FF01 technical the format of the file is wrong",
    "FF05 technical the debtor's bank does not take part in this scheme",
    "FRAD dispute fraud is suspected",
    "MD01 mandate_invalid there is no valid mandate",
    "MD02 mandate_invalid something of the mandate is missing or wrong",
    "MD06 dispute the debtor wants the money back",
    "MD07 account_closed the debtor has died",
    "MS02 dispute the debtor refuses, and does not say why",
    "MS03 retry the debtor's bank does not say why",
    "RC01 technical the BIC is wrong",
    "RR01 technical account or identification of the debtor is missing, as the law wants them",
    "RR02 technical name or address of the debtor is missing, as the law wants them",
    "RR03 technical name or address of the creditor is missing, as the law wants them",
    "RR04 dispute the law does not allow it",
    "SL01 mandate_invalid the debtor has told the bank not to let us debit",
    "TECH technical there was a technical problem",
    "TM01 retry it came after the bank's cut-off",
)
REASONS: Final[dict[str, Reason]] = {
    code: Reason(kind, text)  # type: ignore[arg-type]
    for code, kind, text in (line.split(" ", 2) for line in _WORDS)
}
"""Reasons by their ISO code."""

REFUSED: Final = frozenset({"MS02", "SL01", "CUST"})
"""Reasons that the debtor has given before settlement."""

RETURN_DAYS: Final = {"CORE": 5, "B2B": 3}
"""Days of settlement within which the debtor's bank may send a collection back."""

REFUND_WEEKS: Final = 8
UNAUTHORISED_MONTHS: Final = 13


def reason(code: str) -> Reason:
    """What a code means; one that is not known is to be looked at by somebody."""
    return REASONS.get(code, Reason("technical", "a reason that is not of the SEPA schemes"))


def kind_of(code: str, scheme: str, settled: date | None, on: date) -> Kind:
    """What the scheme calls a collection that comes back on a day, ``settled`` before or not."""
    if settled is None:
        return "refusal" if code in REFUSED else "reject"
    last = target_days.shifted(settled, RETURN_DAYS[scheme])
    return "refund" if code == "MD06" or (code == "MD01" and on > last) else "return"


def last_day(kind: Kind, code: str, scheme: str, settled: date) -> date | None:
    """The last day on which it may come back like this; None where the scheme does not know it."""
    if kind == "return":
        return target_days.shifted(settled, RETURN_DAYS[scheme])
    if kind != "refund" or scheme == "B2B":
        return None
    return add_months(settled, UNAUTHORISED_MONTHS) if code == "MD01" else settled + timedelta(weeks=REFUND_WEEKS)


def late(kind: Kind, code: str, scheme: str, settled: date, on: date) -> str:
    """Why a bank may not send it back like this on a day, in words; empty where it may.

    The debtor's bank has a few days for the way of a refund, so that five days of settlement are added to its term.
    """
    last = last_day(kind, code, scheme, settled)
    if last is None:
        return "" if kind in ("reject", "refusal", "reversal") else f"the {scheme} scheme knows no refunds"
    given = last if kind == "return" else target_days.shifted(last, RETURN_DAYS["CORE"])
    return "" if on <= given else f"it came on {on}, {kind}s of {code or 'no reason'} have to come by {last}"
