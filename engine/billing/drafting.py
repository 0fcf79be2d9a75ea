"""Whether a payer's drafts become invoices now, or are kept until somebody has looked at them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import ZERO, round_to
from engine.model.draft import APPROVED, ISSUED, LAPSED, OPEN, REJECTED, Reviewed, Standing
from engine.model.invoice import InvoiceDraft, RatedCharge
from engine.model.lateness import Ended

UNDER_REVIEW = Code("draft.under-review", "A bill that is not issued, because a rule wants it reviewed first.")
DRAFT_REJECTED = Code("draft.rejected", "A bill that is not issued, because somebody has rejected it.")
DRAFT_CHANGED = Code("draft.changed", "A draft that has lapsed, because the bill is another one by now.")


class Verdict(msgspec.Struct, frozen=True):
    """Whether the drafts of a payer are ``issued`` now, and what becomes of the draft that is kept."""

    issued: bool
    reviewed: Reviewed | None = None
    findings: tuple[Finding, ...] = ()


def judge(
    payer: str, made: Sequence[InvoiceDraft], known: Standing | None, usage_seen: int, late: tuple[Ended, ...] = ()
) -> Verdict:
    """What becomes of the drafts of a payer, where ``known`` is the draft that the books have of it.

    What no rule wants reviewed is issued.  What was approved is issued if it is the same still; what was rejected, or is under
    review, waits as long as it is the same.  Anything else is a new draft, which knows the usage up to ``usage_seen``; ``late``
    is what of that came after the one before.
    """
    asked = next((one for one in made if one.review), None)
    if asked is None:
        return Verdict(True, Reviewed(payer, known, ISSUED) if known else None)
    content = content_of(made)
    sha256 = _digest(content)
    same = known is not None and known.sha256 == sha256
    if known is not None and same and known.state == APPROVED:
        return Verdict(True, Reviewed(payer, known, ISSUED))
    worth = _worth(made)
    if known is not None and same and known.state == OPEN:
        return Verdict(False, None, (_waits(payer, worth, asked.review, f"draft {known.id} is under review"),))
    if known is not None and same and known.state == REJECTED and not known.settled:
        return Verdict(False, None, (_rejected(payer, worth, known),))
    findings = [_waits(payer, worth, asked.review, "it is under review")]
    if known is not None and not same:
        findings.append(_changed(payer, known))
    new = Reviewed(
        payer, known, LAPSED if known else None, sha256, content, asked.review, asked.decision, usage_seen, late
    )
    return Verdict(False, new, tuple(findings))


def nothing_owed(payer: str, known: Standing | None) -> Verdict:
    """What becomes of a draft where nothing is owed any more."""
    if known is None:
        return Verdict(True)
    return Verdict(True, Reviewed(payer, known, LAPSED), (_changed(payer, known),))


def sha256_of(made: Sequence[InvoiceDraft]) -> str:
    """The SHA-256 of what somebody approves, in hexadecimal digits."""
    return _digest(content_of(made))


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def content_of(made: Sequence[InvoiceDraft]) -> str:
    """Documents with their lines as canonical JSON: what somebody approves.  Dates of the documents are not in it, nor ids."""
    return msgspec.json.encode([_document(one) for one in made], order="sorted").decode()


def _document(draft: InvoiceDraft) -> dict[str, Any]:
    return {
        "kind": draft.kind,
        "currency": draft.currency,
        "group": draft.group.partition("/for/")[0],
        "purchase_order": draft.purchase_order,
        "days": (draft.due_date - draft.invoice_date).days,
        "net": _text(sum((charge.amount for charge in draft.charges), ZERO)),
        "lines": [_line(charge) for charge in draft.charges],
    }


def _line(charge: RatedCharge) -> Mapping[str, Any]:
    return {
        "account": charge.account,
        "subscription": charge.subscription,
        "contract": charge.contract,
        "plan": charge.plan,
        "charge": charge.charge,
        "product": charge.product,
        "text": charge.text,
        "from": charge.service_from.isoformat(),
        "to": charge.service_to.isoformat(),
        "quantity": _text(charge.quantity),
        "share": charge.share,
        "amount": _text(charge.amount),
        "gives_back": bool(charge.credits),
    }


def _text(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _worth(made: Sequence[InvoiceDraft]) -> str:
    sums: dict[str, Decimal] = {}
    for draft in made:
        sums[draft.currency] = sums.get(draft.currency, ZERO) + sum((c.amount for c in draft.charges), ZERO)
    return ", ".join(f"{round_to(net, currency)} {currency}" for currency, net in sorted(sums.items()))


def _waits(payer: str, worth: str, why: str, how: str) -> Finding:
    mend = "`tollbook drafts list` shows it; what is owed stays owed until it is approved"
    what = f"{worth} of {payer} is not invoiced: {how}"
    return Finding(UNDER_REVIEW, Where(f"account/{payer}"), what, why, mend, "warning", f"account/{payer}")


def _rejected(payer: str, worth: str, known: Standing) -> Finding:
    what = f"{worth} of {payer} is not invoiced: draft {known.id} was rejected"
    mend = "mend what is wrong; or resolve its item of the worklist, and the next run makes a new draft of it"
    place = f"account/{payer}"
    return Finding(DRAFT_REJECTED, Where(place), what, "it is the same still", mend, "warning", place)


def _changed(payer: str, known: Standing) -> Finding:
    what = f"draft {known.id} of {payer} has lapsed: the bill is another one by now"
    why = f"it was {known.state}; what is issued is what was approved, or nothing"
    mend = "look at the new draft: `tollbook drafts list`"
    return Finding(DRAFT_CHANGED, Where(f"account/{payer}"), what, why, mend, "info", f"account/{payer}")
