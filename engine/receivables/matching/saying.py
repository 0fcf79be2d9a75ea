"""What a text says beside the documents that it names: charges, tax withheld, deductions, what the money is for."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec

from engine.model.matching import Purpose
from engine.receivables.matching.purposes import purpose_of

_CHARGES: Final = re.compile(
    r"/?\bCHGS/?\s?([A-Z]{3})\s?([0-9][0-9.,]*)|\b(?:BANK\s?)?(?:FEE|CHARGES?|GEB[ÜU]HR(?:EN)?|SPESEN|FRAIS)\s?:?\s?([A-Z]{3})?\s?([0-9]+[.,][0-9]{2})\b"
)
_WITHHELD: Final = re.compile(
    r"\b(?:WHT|TDS|WITHH(?:OLDING|ELD)|QUELLENSTEUER|RETENCI[OÓ]N|RITENUTA|RETENUE|IRRF)\b[^0-9]{0,20}(?:([0-9]{1,2}(?:[.,][0-9]+)?)\s?%)?|源泉"
)
_DEDUCTED: Final = re.compile(
    r"\b(?:DEDUCT(?:ION|ED)?|ABZUG|ABZGL\.?|ABZ[ÜU]GLICH|LESS|MINUS|D[ÉE]DUCTION|DEDUCCI[OÓ]N|DEBIT NOTE|CLAIM|RABATT|DAMAGE)\b[^0-9%]{0,30}([0-9][0-9.,]*[0-9])(?!\s?%|[0-9])"
)
_OTHERS: Final = re.compile(
    r"\b(?:U\.\s?A\.|UND WEITERE|USW|ETC|ET AL|AND (?:OTHERS?|MORE)|[0-9] MORE|Y OTR[AO]S|ET AUTRES|E ALTR[EI]|DIVERSE|VARIOUS|"
    r"(?:SIEHE|LT|GEM|LAUT|SEE|AS PER|PER)\.? (?:AVIS|ADVICE|REMITTANCE|LIST))"
)
"""The payer means documents that he does not name."""


def amount_of(text: str) -> Decimal | None:
    """An amount as people write it: the last point or comma with one or two digits behind it is that of the decimals."""
    text = text.strip(".,' ")
    at = max(text.rfind("."), text.rfind(","))
    whole, cents = (text[:at], text[at + 1 :]) if at >= 0 and len(text) - at - 1 in (1, 2) else (text, "")
    try:
        return Decimal(f"{re.sub('[., ]', '', whole)}.{cents or '0'}")
    except InvalidOperation:
        return None


class Said(msgspec.Struct, frozen=True, gc=False):
    """What a text says beside what it names; it is read when somebody asks.

    Attributes:
        text: the text in capitals.
        left: the same with blanks where a number was read.
    """

    text: str = ""
    left: str = ""

    def fee(self) -> tuple[str, Decimal] | None:
        """Charges that the text states, with their currency, which may be empty; None where there are none."""
        match = _CHARGES.search(self.text)
        return (match[1] or match[3] or "", amount_of(match[2] or match[4]) or Decimal(0)) if match else None

    def withheld(self) -> Decimal | None:
        """Per cent of tax withheld that the text states; 0 where it speaks of it without a rate, None where it does not."""
        match = _WITHHELD.search(self.text)
        return (amount_of(match[1] or "0") or Decimal(0)) if match else None

    def deducted(self) -> tuple[Decimal, ...]:
        """Amounts that the text says are taken off."""
        found = (amount_of(match[1]) for match in _DEDUCTED.finditer(self.left))
        return tuple(each for each in found if each is not None)

    def unexplained(self) -> int:
        """How many reasons for another amount it gives, where none of them explained the money: charges, tax, deductions, others."""
        reasons = (
            self.fee() is not None,
            self.withheld() is not None,
            bool(self.deducted()),
            _OTHERS.search(self.text),
        )
        return sum(map(bool, reasons))

    def purpose(self) -> Purpose:
        """What it says the money is for."""
        return purpose_of(self.text)
