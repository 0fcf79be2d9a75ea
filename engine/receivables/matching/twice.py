"""Bank entries that are there twice, and entries that take back an earlier one."""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Final

from engine.model.matching import Incoming, Match
from engine.receivables.matching.looking import NOT_PROVIDED
from engine.receivables.matching.packed import Packed, View
from engine.receivables.matching.writing import alphanumeric, upper

LONGEST_RETURN: Final = 400
"""Days after which money is no longer taken for the return of a payment: 13 months for a debit nobody agreed to."""
_CODE: Final = re.compile(r"\b([A-Z]{2}[0-9]{2})\b")


def natural(text: str) -> str:
    """A key that sorts ids as people do where they have one stem: P2 before P10."""
    return f"{chr(len(text))}{text}"


class Entries:
    """Bank entries in the order of their days, those of a day by id, each once.

    An entry is there twice where its reference of the bank, day, money, payer and texts are those of another.  One that has
    the reference and the money of another but differs in the rest is asked about.

    Attributes:
        money: those above zero.
        back: those below zero.
        empty: those of zero.
        repeated: what becomes of the entries that are there twice.
    """

    def __init__(self, payments: Sequence[Incoming]) -> None:
        self.back: list[Incoming] = []
        self.empty: list[Incoming] = []
        self.repeated: list[Match] = []
        days: dict[date, array[int]] = {}
        marks, unlike = array("q"), dict[int, Incoming]()
        for at, one in enumerate(payments):
            mine = days.get(one.booked)
            if mine is None:
                mine = days[one.booked] = array("L")
            mine.append(at)
            marks.append(hash((one.bank_ref, one.amount, one.currency)))
            if one.amount <= 0:
                unlike[at] = one
        doubled = {mark for mark, following in pairwise(sorted(marks)) if mark == following}
        name = payments.id if isinstance(payments, Packed) else lambda at: payments[at].id
        self._seen: dict[tuple[str, Decimal, str], list[Incoming]] = {}
        order = array("L")
        for day in sorted(days):
            for at in sorted(days.pop(day), key=lambda each: natural(name(each))):
                if marks[at] in doubled and self._is_repeated(payments[at]):
                    continue
                if at in unlike:
                    (self.back if unlike[at].amount else self.empty).append(unlike[at])
                else:
                    order.append(at)
        self._seen.clear()
        self.money = View(payments, order)
        self._payments = payments

    def all(self) -> Iterator[Incoming]:
        """All entries, as they were handed in."""
        return iter(self._payments)

    def _is_repeated(self, one: Incoming) -> bool:
        """Whether an entry was there before."""
        if not one.bank_ref:
            return False
        like = self._seen.setdefault((one.bank_ref, one.amount, one.currency), [])
        like.append(one)
        if len(like) == 1:
            return False
        same = next((each for each in like[:-1] if _content(each) == _content(one)), None)
        if same is not None:
            self.repeated.append(Match(one.id, "duplicate", of=same.id, reason="same-bank-entry"))
            return True
        first, reason = like[0].id, "bank-reference-repeated"
        note = f"the bank's reference {one.bank_ref} and the money are those of {first}"
        self.repeated.append(Match(one.id, "suggest", of=first, reason=reason, trace=(note,), unapplied=one.amount))
        return True


def _content(payment: Incoming) -> tuple[date, str, str, str]:
    text = " ".join(upper(payment.remittance).split())
    return payment.booked, payment.payer_account, text, payment.end_to_end_id


def return_reason(payment: Incoming) -> str:
    """The reason code of a return, such as MS03; ``returned`` where the text has none."""
    found = _CODE.search(upper(payment.remittance))
    return found[1] if found else "returned"


class Originals:
    """Payments that others may take back."""

    def __init__(self, money: Iterable[Incoming]) -> None:
        self._of: Mapping[tuple[str, Decimal], list[Incoming]] = defaultdict(list)
        for one in money:
            self._of[one.currency, one.amount].append(one)

    @property
    def ids(self) -> Iterator[str]:
        """The ids of the payments."""
        return (one.id for some in self._of.values() for one in some)

    def of(self, back: Incoming, returned: Mapping[str, str]) -> tuple[list[Incoming], bool]:
        """The payments that an entry may take back, without those that were ``returned``, and whether it names them.

        It names them by end-to-end id, by the bank's reference, or by saying the same; otherwise they are of the same payer.
        """
        there = [
            one
            for one in self._of.get((back.currency, -back.amount), ())
            if one.booked <= back.booked
            and (back.booked - one.booked).days <= LONGEST_RETURN
            and one.id not in returned
        ]
        text, end = alphanumeric(back.remittance), back.end_to_end_id
        by_end = [one for one in there if one.end_to_end_id == end] if end.upper() not in NOT_PROVIDED else []
        by_text = [one for one in there if _in_text(one.bank_ref, text) or _in_text(one.remittance, text)]
        named = by_end or [one for one in by_text if _same_payer(one, back)] or by_text
        return (named, True) if named else ([one for one in there if _same_payer(one, back)], False)


def _in_text(part: str, text: str) -> bool:
    key = alphanumeric(part)
    return len(key) >= 6 and any(letter.isdigit() for letter in key) and key in text


def _same_payer(one: Incoming, other: Incoming) -> bool:
    if one.payer_account and other.payer_account:
        return one.payer_account == other.payer_account
    return bool(one.payer_name) and one.payer_name == other.payer_name
