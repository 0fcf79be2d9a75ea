"""Money of bank entries is put to use, through a given writer: each use once, under the lock of the entry and of the items.

An application is an act of kind ``payment``, keyed by the bank entry and how often it was applied; what is given up beside the
money is an act of kind ``write_off`` below that key.  What is taken back is the opposite of each of its acts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, round_to
from engine.ledger.cash import Ground, Part, cash_entry, exchanged, worth_of
from engine.model.cash import CLEARED, Application, OpenEntry, Pay, Use
from engine.model.decision import Decision
from engine.model.journal import JournalEntry
from engine.model.settlement import CREDIT, Leg, OpenItem
from engine.runs.accounts.settlement_moves import keep_acts
from engine.runs.cash.clearing import turned
from engine.runs.cash.giving_up import CREDITED, grounded, parts_of, taxes_of
from engine.runs.cash.outgoing import MORE_THAN_LEFT, Outgoing
from engine.runs.cash.till import Used, fits
from engine.store.tables import BANK_USE
from engine.store.writing.settlements import Act, as_digest

MORE_THAN_OPEN = Code("cash.more-than-open", "An application of more than is open of a document.")
CURRENCIES = Code(
    "cash.currencies", "An application to documents of several currencies, or of a currency with no rate."
)
NOT_SETTLED = Code("cash.not-applied", "A bank entry to be unapplied that is not applied to anything.")
PART_BACK = Code("cash.partly-taken-back", "An application of which a part was refunded or taken back by hand.")
UNFIT = Code("cash.unfit", "A use of money whose values cannot be meant.")

UNDONE: Final = ("applied", "transfer", CLEARED)
"""Kinds of uses that are taken back as somebody asks for it, or as a bank takes the whole entry back."""

Judged = Sequence[tuple[Pay, str, Decimal, Decision]]
"""(what it is beside, reason, amount, decision) of what is given up."""


class Asked(NamedTuple):
    """An application of money of a bank entry that is under lock, with what is given up beside it."""

    open: OpenEntry
    wanted: Application
    judged: Judged = ()


class _Act(NamedTuple):
    """An act that is to be kept, its journal entry, and the tax that it says was withheld: (document, amount, worth)."""

    act: Act
    entry: JournalEntry | None
    withheld: tuple[OpenItem, Decimal, Decimal] | None = None


class _Planned(NamedTuple):
    """What is to be written for an application: the act of the payment first, then what is given up."""

    open: OpenEntry
    wanted: Application
    customer: str
    total: Decimal
    acts: Sequence[_Act]
    used: Used


def meant(amount: Decimal, *currencies: str) -> None:
    """Refuse an amount that none of some currencies can have.

    Raises:
        TollbookError: ``cash.unfit``.
    """
    if all(amount != round_to(amount, currency) for currency in currencies):
        raise refuse(UNFIT, f"an amount of {amount:f}", mend="write no more digits than the currency has")


class Cashier(Outgoing):
    """Applies money, gives up what is not paid, and takes both back."""

    def apply(self, wanted: Application, judged: Judged = ()) -> Used:
        """Put money of a bank entry to use.

        Raises:
            TollbookError: the codes of this module, ``settlement.over-settled``, ``ledger.period-closed``.
        """
        open_ = self.writer.lock_entry(self.tenant, wanted.entry)
        (used,) = self.apply_all([Asked(open_, wanted, judged)])
        return used

    def apply_all(self, asked: Sequence[Asked]) -> list[Used]:
        """Put money of several bank entries to use, each of them under lock; all of it or nothing.

        Raises:
            TollbookError: as :meth:`apply`.
        """
        for one in asked:
            self._check(one.open, one.wanted)
        places = self._places(pay.item for one in asked for pay in one.wanted.pays)
        kept = [(one.wanted.customer, one.open.entry.currency) for one in asked if one.wanted.keep]
        self.sheets([*places.values(), *kept])
        customers = [one.wanted.customer or places[one.wanted.pays[0].item][0] for one in asked]
        countries = self._countries(customers)
        times = self.reader.times_applied(self.tenant, {one.open.entry.id for one in asked})
        planned = [
            self._planned(one, customer, countries[customer], 1 + times.get(one.open.entry.id, 0), places)
            for one, customer in zip(asked, customers, strict=True)
        ]
        self._keep_planned(planned)
        return [one.used for one in planned]

    def _check(self, open_: OpenEntry, wanted: Application) -> None:
        entry, total = open_.entry, wanted.used + wanted.keep
        if wanted.keep and not wanted.customer:
            raise refuse(UNFIT, "money that is to be kept as credit of nobody", mend="name the account")
        for amount in (total, wanted.keep, *(pay.amount for pay in wanted.pays)):
            meant(amount, entry.currency, self.entity.functional_currency)
        if not ZERO < total <= open_.left:
            what = f"{total:f} {entry.currency} of {entry.text}, of which {open_.left:f} is left"
            raise refuse(MORE_THAN_LEFT, what, mend="use no more than that", subject=entry.subject)

    def _planned(
        self, asked: Asked, customer: str, country: str, number: int, places: Mapping[int, tuple[str, str]]
    ) -> _Planned:
        """What is to be written for an application; the sheets are as it leaves them."""
        open_, wanted, judged = asked
        entry, total = open_.entry, wanted.used + wanted.keep
        items = {pay.item: self._item_of(pay.item, places[pay.item]) for pay in wanted.pays}
        legs = self._legs(wanted, items, open_, judged)
        key = f"bank/{entry.account}/{entry.key}:{number}"
        ground = self.ground(country, f"payment of {customer}, {entry.text}")
        acts = [
            self._act(ground, key, legs, self._paid(open_, wanted, legs, total), wanted),
            *(self._given(ground, f"{key}/{r}", items[pay.item], r, a, decision) for pay, r, a, decision in judged),
        ]
        told = tuple((one.item.number, one.amount, one.item.left + one.amount) for one in legs)
        used = Used(entry.id, "applied", key, entry.currency, told, open_.left - total)
        return _Planned(open_, wanted, customer, total, acts, used)

    def _keep_planned(self, planned: Sequence[_Planned]) -> None:
        acts = [act for one in planned for act in one.acts]
        documents = iter(keep_acts(self.writer, self.tenant, [(one.act, one.entry) for one in acts]))
        ident, uses = self.writer.take_ids(BANK_USE.name, len(planned)), list[Use]()
        for number, one in enumerate(planned, ident):
            document, *_ = [self._noted(act, next(documents)) for act in one.acts]
            worth, told = worth_of(one.open, one.total), one.wanted.told or {}
            head = (number, self.tenant, self.entity.key, one.open.entry.id, "applied", one.total, worth, self.on)
            rest = (one.customer, one.used.key, "", document, 0, told, one.wanted.decision, self.writer.run_id)
            uses.append(Use(*head, *rest))
        self.writer.use_entries(uses)

    def _noted(self, made: _Act, document: int) -> int:
        if made.withheld is not None:
            item, amount, worth = made.withheld
            self._withhold(item, amount, worth, document)
        return document

    def _places(self, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
        """(account, currency) of documents, by id.

        Raises:
            TollbookError: ``cash.no-item``.
        """
        wanted = set(ids)
        places = self.reader.places_of(self.tenant, self.entity.key, wanted)
        for ident in sorted(wanted - places.keys()):
            self.item(ident)
        return places

    def _item_of(self, ident: int, place: tuple[str, str]) -> OpenItem:
        return self._sheets[place].items.get(ident) or self.item(ident)

    def _legs(self, wanted: Application, items: dict[int, OpenItem], open_: OpenEntry, judged: Judged) -> list[Leg]:
        entry, currencies = open_.entry, {item.currency for item in items.values()}
        paid = sum((pay.amount for pay in wanted.pays), ZERO)
        if len(currencies) > 1 or (currencies == {entry.currency} and paid != wanted.used):
            what = f"documents in {', '.join(sorted(currencies))} are paid {paid:f} by {wanted.used:f} {entry.currency}"
            raise refuse(
                CURRENCIES, what, mend="apply it to documents of one currency at a time", subject=entry.subject
            )
        given = {pay.item: sum((a for p, _, a, _ in judged if p.item == pay.item), ZERO) for pay in wanted.pays}
        legs = []
        for pay in wanted.pays:
            item = items[pay.item]
            there = self._sheets[item.account, item.currency]
            left = there.items[item.id].left if item.id in there.items else ZERO
            if not fits(pay.amount + given[pay.item], left):
                raise self._over(item, pay.amount + given[pay.item], left)
            legs.append(there.take(item.id, -pay.amount))
        if wanted.keep:
            legs.append(self._keep(wanted.customer, open_, wanted.keep))
        return legs

    def _keep(self, customer: str, open_: OpenEntry, amount: Decimal) -> Leg:
        there = self._sheets[customer, open_.entry.currency]
        return there.take(CREDIT, -amount, -worth_of(open_, amount))

    def _over(self, item: OpenItem, amount: Decimal, left: Decimal) -> Exception:
        why = ""
        if not left:
            given = self.reader.settlements(self.tenant, self.entity.key, item=item.id)
            kinds = sorted({row["kind"].replace("_", " ") for row in given})
            why = f"it is settled already, by {', '.join(kinds) or 'a credit note'}"
        what = f"{amount:f} {item.currency} to {item.number}, of which {left:f} is open"
        return refuse(MORE_THAN_OPEN, what, why=why, mend="apply no more than that", subject=f"item/{item.number}")

    def _paid(self, open_: OpenEntry, wanted: Application, legs: Sequence[Leg], total: Decimal) -> list[Part]:
        """What the legs are booked against: clearing, and where the documents are in another currency, the exchange."""
        entry = open_.entry
        clearing = Part("bank_clearing", entry.currency, total, worth_of(open_, total), product=entry.account)
        others = [one for one in legs if one.item.currency != entry.currency]
        if not others:
            return [clearing]
        worth = worth_of(open_, total) - worth_of(open_, wanted.keep) if wanted.keep else worth_of(open_, total)
        settled = -sum((one.amount for one in others), ZERO)
        swap = exchanged((entry.currency, wanted.used, worth), (others[0].item.currency, settled))
        return [clearing, *swap]

    def give_up(self, ident: int, reason: str, amount: Decimal, decision: Decision, key: str) -> Used:
        """Give up a part of a document that no money came for.

        Raises:
            TollbookError: ``cash.no-item``, ``cash.more-than-open``, ``ledger.period-closed``.
        """
        item = self.item(ident)
        self.sheets([(item.account, item.currency)])
        there = self._sheets[item.account, item.currency]
        left = there.items[ident].left if ident in there.items else ZERO
        if not fits(amount, left):
            raise self._over(item, amount, left)
        made = self._given(self.ground(self._country(item.account), ""), key, item, reason, amount, decision)
        self._noted(made, self._keep_act(made.act, made.entry))
        return Used(0, reason, made.act.key, item.currency, ((item.number, -amount, left - amount),), ZERO)

    def _given(
        self, ground: Ground, under: str, item: OpenItem, reason: str, amount: Decimal, decision: Decision
    ) -> _Act:
        """What gives a part of a document up."""
        there = self._sheets[item.account, item.currency]
        made = there.take(item.id, -amount)
        key = f"{under}/{item.number}"
        digest = as_digest({"key": key, "amount": amount.normalize()})
        act = Act(self.entity.key, key, "write_off", self.on, (made,), digest, note=reason, decision=decision.id)
        parts = parts_of(decision.terms, made, taxes_of(self.reader, item, amount))
        withheld = decision.terms["role"] == "withholding_receivable"
        entry = cash_entry(grounded(ground, reason, item), [made], parts)
        return _Act(act, entry, (item, amount, -made.functional) if withheld else None)

    def take_back(self, open_: OpenEntry, kinds: Sequence[str] = UNDONE) -> list[Used]:
        """Take back all that a bank entry was used for, of some ``kinds``: each of its acts is turned round, the newest first.

        Raises:
            TollbookError: ``cash.not-applied``, ``cash.partly-taken-back``, ``settlement.over-settled``,
                ``ledger.period-closed``.
        """
        entry = open_.entry
        live = self.live(self.reader.uses(self.tenant, entry_id=entry.id), kinds)
        if not live:
            mend = f"`tollbook cash show {entry.id}` says what became of it"
            raise refuse(NOT_SETTLED, f"{entry.text} is not applied to anything", mend=mend, subject=entry.subject)
        made = []
        for use in reversed(live):
            if use.kind != "applied":
                made.append(self.unclear(self.writer.lock_entry(self.tenant, entry.id), use))
                continue
            legs: list[Leg] = []
            document = 0
            for key in reversed(self.reader.settled_under(self.tenant, self.entity.key, use.key)):
                opened, document = self.turn_round(key)
                legs += opened
            self._use(
                *(open_, "applied", -use.amount, -use.functional),
                customer=use.customer,
                key=use.key,
                document=document,
                source=use.id,
            )
            told = tuple((one.item.number, one.amount, one.item.left + one.amount) for one in legs)
            left = self.writer.lock_entry(self.tenant, entry.id).left
            made.append(Used(entry.id, "unapplied", use.key, entry.currency, told, left))
        return made

    @staticmethod
    def live(uses: Sequence[Use], kinds: Sequence[str]) -> list[Use]:
        """Those of the uses of an entry, of some kinds, that were not taken back."""
        gone = {use.source for use in uses}
        return [use for use in uses if use.kind in kinds and not use.source and use.id not in gone]

    def turn_round(self, key: str) -> tuple[list[Leg], int]:
        """The opposite of an act, on the day: what it settled is open again, what it was booked against is booked back.

        Raises:
            TollbookError: ``cash.partly-taken-back`` where something of it was given back already.
        """
        rows = self.reader.settlements(self.tenant, self.entity.key, key=key)
        later = [row["key"] for row in self.reader.settlements(self.tenant, self.entity.key, source=key)]
        if not rows or any(not one.startswith(CREDITED) for one in later):
            what = f"{key} was given back, in part or whole" if rows else f"there is no settlement {key!r}"
            raise refuse(PART_BACK, what, mend="`tollbook account show` says what there is")
        if key.startswith(CREDITED):  # the document that took it back is settled, and the invoice is open again
            (given, *_) = self.reader.settlements(self.tenant, self.entity.key, key=rows[0]["source"])
            rows = [{**row, "account": given["account"], "item": given["item"]} for row in rows]
        self.sheets((row["account"], row["currency"]) for row in rows)
        legs = []
        for row in rows:
            there = self._sheets[row["account"], row["currency"]]
            if row["item"] not in there.items:
                there.items[row["item"]] = self.item(row["item"])
            if row["item"] == CREDIT and -row["amount"] > -there.credit.left:
                what = f"{-row['amount']:f} {row['currency']} of the credit of {row['account']}, which is {-there.credit.left:f}"
                raise refuse(PART_BACK, what, why="later invoices have used it", mend="unapply what used it first")
            legs.append(there.take(row["item"], -row["amount"]))
        postings = self.reader.entry_of(self.tenant, rows[0]["document"], "settlement")[len(rows) :]
        parts = [turned(one) for one in postings if one["amount"]]
        country = self._country(rows[0]["account"])
        ground = self.ground(country, f"taken back: {rows[0]['kind'].replace('_', ' ')} of {rows[0]['account']}")
        for withheld in self.reader.withheld(self.tenant, self.entity.key, rows[0]["account"]):
            if withheld.document == rows[0]["document"]:
                self._withhold(self.item(withheld.item), -withheld.amount, -withheld.functional, rows[0]["document"])
        act = Act(
            *(self.entity.key, f"undo/{key}", rows[0]["kind"], self.on, tuple(legs), ""),
            *(key, rows[0]["note"], rows[0]["decision"]),
        )
        document = self._keep_act(act, cash_entry(ground, legs, parts))
        for other in later:  # what a credit of the invoice has taken back of it
            if not self.reader.settlements(self.tenant, self.entity.key, source=other):
                legs += self.turn_round(other)[0]
        return legs, document

    def _act(self, ground: Ground, key: str, legs: Sequence[Leg], parts: Sequence[Part], wanted: Application) -> _Act:
        asked = {"entry": wanted.entry, "pays": wanted.pays, "used": wanted.used, "keep": wanted.keep}
        act = Act(self.entity.key, key, "payment", self.on, tuple(legs), as_digest(asked), note=wanted.note)
        return _Act(act, cash_entry(ground, legs, parts))
