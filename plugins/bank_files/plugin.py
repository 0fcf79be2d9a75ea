"""The kinds of files that are read, by name."""

from __future__ import annotations

from functools import partial

from engine.ports.hookspecs import Context, hookimpl
from engine.ports.hookspecs.bank import Kind

from . import bai2, camt, lockbox, mt940, nacha, ofx, stripe_payouts, x12_823


class BankFiles:
    """Provides the readers; they have no settings and no state."""

    def __init__(self, context: Context) -> None:
        pass

    @hookimpl
    def bank_kinds(self) -> dict[str, Kind]:
        """camt, MT940, MT942, BAI2, NACHA, OFX, lockboxes and payouts of Stripe."""
        return {
            "camt.052": Kind(_camt("052"), camt.read, "ISO 20022 account report of the day so far", "informs"),
            "camt.053": Kind(_camt("053"), camt.read, "ISO 20022 account statement"),
            "camt.054": Kind(_camt("054"), camt.read, "ISO 20022 debit and credit notification", "details"),
            "mt940": Kind(partial(mt940.recognises, interim=False), mt940.read, "SWIFT customer statement"),
            "mt942": Kind(partial(mt940.recognises, interim=True), mt940.read, "SWIFT interim report", "informs"),
            "bai2": Kind(bai2.recognises, bai2.read, "BAI2 cash management report"),
            "nacha": Kind(
                nacha.recognises, nacha.read, "NACHA (ACH) file, returns and notifications of change too", "details"
            ),
            "ofx": Kind(ofx.recognises, ofx.read, "OFX statement of a bank account or a card"),
            "lockbox.bai": Kind(lockbox.recognises, lockbox.read, "lockbox file of the BAI layout", "details"),
            "lockbox.x12-823": Kind(x12_823.recognises, x12_823.read, "lockbox as ANSI X12 823", "details"),
            "stripe.payouts": Kind(
                stripe_payouts.recognises,
                stripe_payouts.read,
                "Stripe payout reconciliation report, itemized",
                "details",
            ),
        }


def _camt(message: str) -> partial[bool]:
    return partial(_is_camt, message)


def _is_camt(message: str, data: bytes) -> bool:
    return camt.message(data) == message
