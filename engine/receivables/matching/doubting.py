"""Whether digits that are the number of a document may stand in a text for something else.

A number of digits alone is written as a customer's number, a postcode or a day is.  The word before it says which, and a day
can be seen from its form.
"""

from __future__ import annotations

import re
from typing import Final

_NUMBER_WORD: Final = r"[\s.:#/-]*(?:NR|NO|N|NUMMER|NUMBER|NUM|ID|CODE)?[\s.:#/-]*$"
_ANOTHER: Final = re.compile(
    r"\b(?:KD|KUNDEN?|CUST(?:OMER)?|CLIENTE?|DEBITOR(?:EN)?|MITGLIEDS?|MEMBER(?:SHIP)?|USER|VERTRAGS?|CONTRACT|CONTRATT?O|CONTRAT|"
    r"POLICY|POLICEN?|OBJEKT|WOHNUNGS?|UNIT|PLZ|ZIP|CAP|TEL(?:EFON)?|PHONE|FON|FAX|MOBILE?|HANDY|ANGEBOTS?|OFFER|QUOT(?:E|ATION)|"
    r"LIEFERSCHEIN|LS|DELIVERY(?:\s?NOTE)?|TICKET|CASE|AUFTRAGS?|BESTELL(?:UNGS?)?|ORDER|ACC(?:OUN)?T|KONTO|KTO|BLZ|IBAN|MANDATS?|MREF|"
    r"UST|VAT|STEUER)" + _NUMBER_WORD
)
_CALLED: Final = re.compile(
    r"\b(?:TEL(?:EFON)?|PHONE|FON|FAX|MOBILE?|HANDY|IBAN\W*(?:[A-Z]{2})?)(?![A-Z])[\s.:#/()+0-9-]*$"
)
"""Numbers of several groups of digits: none of them is that of a document."""
_DOCUMENT: Final = re.compile(
    r"(?:\bINV(?:OICE)?|\bRE|RECHNUNGS?|RECHNUNGEN|\bRG|\bRNR|\bFACT(?:URA|URE)?|\bFATTURA|\bFAKTURA|\bFA|\bBILL|\bBELEG)"
    + _NUMBER_WORD
)
_DAY: Final = re.compile(
    r"20[0-9]{2}(?P<a>[-./ ]?)(?:0[1-9]|1[0-2])(?P=a)(?:0[1-9]|[12][0-9]|3[01])|"
    r"(?:0[1-9]|[12][0-9]|3[01])(?:(?P<b>[-./ ])(?:0[1-9]|1[0-2])(?P=b)(?:20)?|(?:0[1-9]|1[0-2])20)[0-9]{2}"
)
_WORD: Final = re.compile(r"[^\W\d_]{2,}[^\w]*$")
LONGEST_WORD: Final = 40
"""How many characters before a number are looked at."""


def of_another(text: str, start: int) -> bool:
    """Whether what begins at a place of a text, which is in capitals, follows a word for something else than a document."""
    before = text[max(0, start - LONGEST_WORD) : start]
    return _ANOTHER.search(before) is not None or _CALLED.search(before) is not None


def is_doubtful(text: str, start: int, end: int) -> bool:
    """Whether the digits at a place of a text, which is in capitals, follow a word for something else or are a day.

    A word for a document before them says that they are none of both.  Eight digits without anything between them are taken
    for a day only behind a word.
    """
    if of_another(text, start):
        return True
    before = text[max(0, start - LONGEST_WORD) : start]
    if _DAY.fullmatch(text, start, end) is None or _DOCUMENT.search(before):
        return False
    return not text[start:end].isdigit() or _WORD.search(before) is not None
