"""Bank entries whose money somebody has booked by hand before: `tollbook account pay`, `refund` and `chargeback` move cash at once, and
a statement that shows the same money would move it again.

What is sure is cleared against the act, and pays no document: the entry names the act's key, or a document that the act has
settled, or it names no document and is of the act's customer.  What is as likely something else is held as a suspected duplicate, and
somebody says (:func:`against`, or an application by hand).  Each act clears one entry.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, round_to
from engine.ledger.posting import determine
from engine.ledger.settlements import KIND as SETTLEMENT
from engine.model.cash import ByHand, OpenEntry
from engine.model.entity import LegalEntity
from engine.runs.cash.clearing import NEAR, Cleared, is_cleared, turned
from engine.runs.cash.facts import Numbered, World, numbered, tokens
from engine.runs.run import Parts
from engine.store.reader import Reader

NOT_THE_SAME = Code("cash.not-the-same", "A bank entry to be cleared against money booked by hand that it cannot be.")
BANKED = Code("account.at-the-bank", "Money to be booked by hand that a bank entry has brought already.")

FAR: Final = timedelta(days=31)
"""How far apart an act and a bank entry may be that names it, or a document that it has settled."""
_LEAST: Final = 4
"""Letters and digits that a key needs to be found in a text."""
_PLAIN: Final = re.compile(r"[^0-9A-Z]+")

NAMED, DOCUMENT, PAYER, MAYBE = 3, 2, 1, 0
"""How sure it is that an entry is of an act."""


class Known(msgspec.Struct, frozen=True):
    """What is known of some entries: ``sure`` are cleared, by id; the others are ``suspected``, with the reason in words."""

    sure: Mapping[str, Cleared]
    suspected: Mapping[str, str]


def booked_by_hand(
    parts: Parts, reader: Reader, entity: LegalEntity, money: Sequence[OpenEntry], there: World
) -> Known:
    """The entries whose money was booked by hand, or may have been; an entry of which a part is used is none."""
    whole = [one for one in money if one.left == one.entry.amount]
    if not whole:
        return Known({}, {})
    days = [one.entry.booked for one in whole]
    amounts = {(one.entry.amount, one.entry.currency) for one in whole}
    acts = [
        act
        for act in reader.acts_by_hand(parts.tenant, entity.key, min(days) - FAR, max(days) + FAR)
        if (act.amount, act.currency) in amounts and not is_cleared(reader, parts.tenant, entity.key, act.name)
    ]
    if not acts:
        return Known({}, {})
    return _Claims(parts, reader, entity, whole, there, acts).settled()


def against(parts: Parts, reader: Reader, entity: LegalEntity, open_: OpenEntry, key: str) -> Cleared:
    """What clears an entry against an act that somebody names.

    Raises:
        TollbookError: ``cash.not-the-same``.
    """
    entry = open_.entry
    acts = reader.acts_by_hand(parts.tenant, entity.key, entry.booked - 12 * FAR, entry.booked + FAR)
    found = next((one for one in acts if one.key == key), None)
    why = ""
    if found is None:
        why = f"there is no payment, refund or chargeback {key!r} that was booked by hand"
    elif (found.amount, found.currency) != (open_.left, entry.currency):
        why = (
            f"{found.name} is {_coins(found.amount, found.currency)}, and {_coins(open_.left, entry.currency)} is left"
        )
    elif is_cleared(reader, parts.tenant, entity.key, found.name):
        why = f"another bank entry is {found.name}"
    else:
        cleared = _cleared(parts, reader, entity, found)
        if cleared.parts:
            return cleared
        why = f"{found.name} is not on the account of cash"
    mend = "`tollbook account show` lists what was booked by hand; `tollbook cash apply` uses money that is none of it"
    raise refuse(NOT_THE_SAME, f"{entry.text}: {why}", mend=mend, subject=entry.subject)


def not_at_the_bank(parts: Parts, reader: Reader, act: ByHand, entity: LegalEntity) -> None:
    """Refuse to book money by hand that a bank entry of that amount, of that customer, has brought in the same days.

    Raises:
        TollbookError: ``account.at-the-bank``.
    """
    same = reader.entries_with(parts.tenant, entity.key, amount=act.amount, currency=act.currency)
    near = [one for one in same if abs(one.entry.booked - act.day) <= NEAR]
    if not near:
        return
    name = reader.accounts(parts.tenant, entity.key, [act.account])[act.account].name.strip().casefold()
    learnt = reader.learnt_accounts(parts.tenant, entity.key).get(act.account, ())
    for one in near:
        entry, uses = one.entry, reader.uses(parts.tenant, entry_id=one.entry.id, kind="applied")
        applied = sum((use.amount for use in uses if use.customer == act.account), ZERO)
        theirs = entry.payer.strip().casefold() == name or (entry.payer_account and entry.payer_account in learnt)
        if applied or (one.left and theirs):
            what = f"{entry.text} is {_coins(entry.amount, entry.currency)} of {act.account}"
            done = "it was applied to its documents" if applied else "it waits to be put to use"
            mend = f"see `tollbook cash show {entry.id}`; if this is other money, add --other-money"
            raise refuse(BANKED, what, why=done, mend=mend, subject=entry.subject)


class _Claims:
    """Which entries are of which acts, and how sure that is."""

    def __init__(
        self, parts: Parts, reader: Reader, entity: LegalEntity, money: Sequence[OpenEntry], there: World,
        acts: Sequence[ByHand],
    ) -> None:  # fmt: skip
        self.parts, self.reader, self.entity, self.there = parts, reader, entity, there
        places = {(act.amount, act.currency) for act in acts}
        self.money = [one for one in money if (one.entry.amount, one.entry.currency) in places]
        self.acts: dict[tuple[Decimal, str], list[ByHand]] = defaultdict(list)
        for act in acts:
            self.acts[act.amount, act.currency].append(act)
        self.named: Numbered = numbered(parts, reader, entity.key, self.money)

    def settled(self) -> Known:
        """What is cleared, and what is suspected.  An entry is of the act that it fits best, an act of the entry that fits it
        best; where two are as good, a person says."""
        rated = {str(one.entry.id): self._rated(one) for one in self.money}
        best: dict[str, int] = {}
        for found in rated.values():
            for act, how in found:
                best[act.key] = max(best.get(act.key, MAYBE), how)
        wanted: dict[str, list[ByHand]] = {}
        for ident, found in rated.items():
            open_ = [(act, how) for act, how in found if how == best[act.key]]
            top = max((how for _, how in open_), default=MAYBE)
            wanted[ident] = [act for act, how in open_ if how == top]
        claims: dict[str, int] = defaultdict(int)
        for acts in wanted.values():
            for act in acts:
                claims[act.key] += 1
        sure: dict[str, Cleared] = {}
        suspected: dict[str, str] = {}
        for ident, acts in wanted.items():
            alone = len(acts) == 1 and claims[acts[0].key] == 1 and best[acts[0].key] > MAYBE
            cleared = _cleared(self.parts, self.reader, self.entity, acts[0]) if alone else None
            if cleared is not None and cleared.parts:
                sure[ident] = cleared
            elif acts and any(_cleared(self.parts, self.reader, self.entity, act).parts for act in acts):
                suspected[ident] = _doubt(acts, claims)
        return Known(sure, suspected)

    def _rated(self, one: OpenEntry) -> list[tuple[ByHand, int]]:
        acts = self.acts[one.entry.amount, one.entry.currency]
        rated = ((act, self._rate(one, act)) for act in acts)
        return [(act, how) for act, how in rated if how is not None]

    def _rate(self, one: OpenEntry, act: ByHand) -> int | None:
        """How sure it is that an entry is of an act; None where it is of another one."""
        entry, apart = one.entry, abs(one.entry.booked - act.day)
        if apart > FAR:
            return None
        texts, payers = (entry.remittance, entry.end_to_end_id, entry.structured, entry.bank_ref), self._payers(one)
        if _stands(act.key, texts):
            return NAMED if not payers or act.account in payers else MAYBE
        documents = [self.named[token][0] for token in tokens(one) if token in self.named]
        if set(documents) & set(act.items):
            return DOCUMENT
        if apart > NEAR:
            return None
        if documents:
            owners = {item.account for ident in documents if (item := self.there.items.get(ident)) is not None}
            return MAYBE if not owners or act.account in owners else None
        if not payers:
            return MAYBE
        if act.account not in payers:
            return None
        return PAYER if len(payers) == 1 else MAYBE

    def _payers(self, one: OpenEntry) -> Sequence[str]:
        """The accounts that an entry may be of, by its bank account or else by its name."""
        entry, there = one.entry, self.there
        return there.learnt.get(entry.payer_account) or there.named.get(entry.payer.strip().casefold()) or ()


def _stands(word: str, texts: Iterable[str]) -> bool:
    """Whether a key stands in one of some texts, however it is separated, and not as a part of a longer word."""
    plain = _PLAIN.sub("", word.upper())
    if len(plain) < _LEAST or not any(letter.isdigit() for letter in plain):
        return False
    pattern = re.compile(r"(?<![0-9A-Z])" + "[^0-9A-Z]*".join(map(re.escape, plain)) + r"(?![0-9A-Z])")
    return any(pattern.search(text.upper()) for text in texts)


def _cleared(parts: Parts, reader: Reader, entity: LegalEntity, act: ByHand) -> Cleared:
    """What clears an entry against an act: its posting on the account of cash, turned round; nothing where it has none."""
    accounts = reader.accounts(parts.tenant, entity.key, [act.account])
    country = accounts[act.account].country if act.account in accounts else entity.country
    cash, _ = determine(parts.rules.decide, entity.key, act.currency, act.day)("cash", country, "")
    rows = reader.entry_of(parts.tenant, act.document, SETTLEMENT)
    found = [row for row in rows if row["account"] == cash and row["amount"] == act.amount]
    return Cleared(act.name, tuple(turned(row) for row in found[:1]))


def _doubt(acts: Sequence[ByHand], claims: Mapping[str, int]) -> str:
    names = " or ".join(f"{act.name} of {act.account} on {act.day}" for act in acts)
    more = ", as another entry could" if len(acts) == 1 and claims[acts[0].key] > 1 else ""
    return f"it could be {names}, which was booked by hand{more}"


def _coins(amount: Decimal, currency: str) -> str:
    return f"{round_to(amount, currency):f} {currency}"
