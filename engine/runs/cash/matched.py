"""The open bank entries of a legal entity, matched with what is open, and what is done with each: what is sure is applied, all else
becomes an exception."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Finding
from engine.base.money import ZERO, round_to
from engine.model.account import Account
from engine.model.cash import Application, OpenEntry, Pay
from engine.model.decision import Decision
from engine.model.entity import LegalEntity
from engine.model.matching import Applied, Match
from engine.receivables.matching.matching import match
from engine.receivables.matching.twice import Originals
from engine.runs.cash import exceptions as exc
from engine.runs.cash.allocating import allocated
from engine.runs.cash.by_hand import booked_by_hand
from engine.runs.cash.clearing import Cleared, is_cleared, recognised
from engine.runs.cash.exceptions import Exceptional
from engine.runs.cash.facts import World, advised, already_settled, incoming, numbered, tokens, world
from engine.runs.cash.giving_up import Asker, Judge
from engine.runs.cash.moves import Asked, Cashier
from engine.runs.cash.outgoing import sent_back
from engine.runs.cash.returning import give_back, original_of
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.writer import Writer

AT_ONCE: Final = 50
"""Payments that are written in one transaction."""

REASONS: Final[Mapping[str, str]] = {
    "withholding_tax": "withholding",
    "bank_fee": "fee",
    "small_difference": "difference",
}
"""What a difference is called in the rules of write-offs, where matching calls it otherwise."""
WORDLESS: Final = frozenset({"return-without-payment", "no-money"})
"""Reasons of matching that say nothing that is not said anyway."""
PLAIN: Final = frozenset({"short_payment", "difference", "short"})
"""Differences that just stay open: nobody has to look at them."""


class Done(msgspec.Struct, frozen=True):
    """What became of a bank entry in a run: ``applied``, ``returned``, ``cleared``, or the kind of exception that it is."""

    entry: int
    booked: date
    amount: Decimal
    currency: str
    state: str
    rule: str
    pays: tuple[tuple[str, Decimal], ...]
    text: str


class Matching:
    """The open bank entries of one legal entity, matched, and what is done with each."""

    def __init__(self, parts: Parts, reader: Reader, entity: LegalEntity, on: date) -> None:
        self.parts, self.entity, self.on = parts, entity, on
        entries = [one for one in reader.open_entries(parts.tenant, entity.key) if one.entry.booked <= on]
        entries = advised(reader, entries)
        self.open = {str(one.entry.id): one for one in entries}
        self.world: World = world(parts, reader, entity.key, on, entries) if entries else World({}, [], [], {}, {}, {})
        self.cleared = recognised(parts, reader, entity, entries)
        others = [one for one in entries if str(one.entry.id) not in self.cleared]
        known = booked_by_hand(parts, reader, entity, others, self.world)
        self.cleared, self.suspected = {**self.cleared, **known.sure}, known.suspected
        free = [one for one in entries if str(one.entry.id) not in self.cleared]
        money = [incoming(one) for one in free]
        facts = (self.world.candidates, self.world.parties, self.world.rates)
        self.matches = {one.payment: one for one in match(money, *facts, parts.rules.decide)} if free else {}
        sure = [one.entry for one in free if self.matches[str(one.entry.id)].status == "auto" and one.entry.bank_ref]
        self._first_alike = reader.first_entries(parts.tenant, entity.key, {(one.bank_ref, one.amount) for one in sure})
        for one in free:
            self.matches[str(one.entry.id)] = self._with_history(reader, one, self.matches[str(one.entry.id)])
        self.matches |= {payment: Match(payment, "none") for payment in self.cleared}
        for payment in self.suspected:
            self.matches[payment] = msgspec.structs.replace(self.matches[payment], status="duplicate", of="")
        unsure = (one for one in entries if self.matches[str(one.entry.id)].status != "auto")
        self.numbered = numbered(parts, reader, entity.key, unsure)
        customers = {m.account for m in self.matches.values() if m.account}
        customers |= {item.account for item in self.world.items.values()}
        customers |= {self._payer(one) for one in entries} - {""}
        self.accounts: dict[str, Account] = reader.accounts(parts.tenant, entity.key, sorted(customers))

    def _with_history(self, reader: Reader, one: OpenEntry, found: Match) -> Match:
        """What entries that are used already say of one: the payment that it takes back, or that it is there twice."""
        entry, tenant = one.entry, self.parts.tenant
        if entry.amount < ZERO and not found.of:
            same = reader.entries_with(tenant, self.entity.key, amount=-entry.amount, currency=entry.currency)
            gone = {str(each.entry.id): "" for each in same if self._returned(reader, each.entry.id)}
            before = Originals([msgspec.structs.replace(incoming(x), amount=x.entry.amount) for x in same])
            originals, named = before.of(msgspec.structs.replace(incoming(one), amount=entry.amount), gone)
            if len(originals) == 1 and (named or entry.reversal):
                return msgspec.structs.replace(found, status="return", of=originals[0].id, reason="returned")
            part = None if originals else original_of(reader, tenant, one)
            if part is not None:
                return msgspec.structs.replace(found, status="return", of=str(part.entry.id), reason="returned")
            if originals:
                numbers = ", ".join(each.id for each in originals)
                return msgspec.structs.replace(found, reason=f"it could take back the bank entries {numbers}")
        if entry.amount > ZERO and entry.bank_ref and found.status == "auto":
            first = self._first_alike.get((entry.bank_ref, entry.amount), entry.id)
            if first < entry.id:
                return msgspec.structs.replace(found, status="duplicate", of=str(first), reason="same-bank-entry")
        return found

    def _returned(self, reader: Reader, entry: int) -> bool:
        return any(use.kind == "returned" for use in reader.uses(self.parts.tenant, entry_id=entry))

    def portions(self) -> Iterator[list[Match]]:
        """The matches in the order of the entries, a few at a time: what is sure before what a rule puts to use, and what is taken back
        after what it takes back."""
        ordered = sorted(
            self.matches.values(),
            key=lambda one: (one.status == "return", not self._is_sure(one), int(one.payment)),
        )
        for first in range(0, len(ordered), AT_ONCE):
            yield ordered[first : first + AT_ONCE]

    def _is_sure(self, found: Match) -> bool:
        return found.status == "auto" and found.payment not in self.cleared

    def foreseen(self, reader: Reader) -> Iterator[Done]:
        """What would be done, as far as that can be told without doing it."""
        for some in self.portions():
            for found in some:
                open_ = self.open[found.payment]
                against = self.cleared.get(found.payment)
                if against is not None and against.parts:
                    yield self._done(open_, found, "cleared", f"it is the {against.name}")
                elif found.status == "auto":
                    yield self._done(open_, found, "applied")
                elif found.status == "return":
                    yield self._done(open_, found, "returned", f"takes back bank entry {found.of}")
                elif found.payment not in self.cleared and (use := sent_back(reader, open_)) is not None:
                    yield self._done(open_, found, "netted", f"{use.kind} of bank entry {use.entry_id}")
                else:
                    one = self._exception(reader, open_, found)
                    yield self._done(open_, found, one.kind, one.text)

    def write(self, writer: Writer, some: Sequence[Match]) -> list[Done]:
        """Do with entries what was found, if they are still as they were then; what is sure is applied together."""
        locked = writer.lock_entries(self.parts.tenant, [int(one.payment) for one in some])
        found = [(locked[int(one.payment)], one) for one in some]
        as_it_was = [(open_, one) for open_, one in found if open_.left == self.open[one.payment].left]
        sure = self._apply(writer, [(open_, one) for open_, one in as_it_was if self._is_sure(one)])
        return [sure.get(open_.entry.id) or self._write_one(writer, open_, one) for open_, one in found]

    def _write_one(self, writer: Writer, open_: OpenEntry, found: Match) -> Done:
        if open_.left != self.open[found.payment].left:
            return self._done(open_, found, "changed", "somebody has used it meanwhile")
        done: Done | None = None
        if found.payment in self.cleared:
            done = self._clear(writer, open_, found, self.cleared[found.payment])
        elif found.status == "return":
            done = self._give_back(writer, open_, found)
        elif open_.left < ZERO:
            done = self._went_back(writer, open_, found)
        return done or self._left(writer, self._exception(writer.reader, open_, found), found)

    def refused(self, writer: Writer, found: Match, why: Sequence[Finding]) -> Done:
        """What was found cannot be done: an exception with the reason."""
        open_ = writer.lock_entry(self.parts.tenant, int(found.payment))
        texts = exc.words([one.what + (f" ({one.why})" if one.why else "") for one in why])
        return self._left(writer, Exceptional("refused", open_, texts, found.account, (), found.trace), found)

    def _left(self, writer: Writer, one: Exceptional, found: Match) -> Done:
        """An exception: what a rule says of it, and the item of the worklist where somebody has to look."""
        account = self.accounts.get(one.customer) or None
        decision = exc.judged(self.parts, self.entity, account, one, self.on)
        how = decision.terms["resolution"]
        if how != "wait" and account is not None and one.open.left > ZERO and one.kind not in ("duplicate", "refused"):
            wanted = self._kept(writer, one.open, account, how)
            told = {"rule": decision.rule, "exception": one.kind}
            wanted = msgspec.structs.replace(wanted, told=told, decision=decision.id)
            Cashier(self.parts, writer, self.entity, self.on).apply(wanted)
            exc.close(writer, self.parts.tenant, one.open.entry.id, "corrected", f"{how}: rule {decision.rule}")
            return self._done(one.open, found, "kept" if how == "keep" else "allocated", one.text)
        writer.open_item(self.parts.tenant, exc.difference(one, decision))
        return self._done(one.open, found, one.kind, one.text)

    def _kept(self, writer: Writer, open_: OpenEntry, account: Account, how: str) -> Application:
        """What is left as credit of an account, or put to its documents as the rules of allocation say."""
        pays: Sequence[Pay] = ()
        if how == "allocate":
            pays = allocated(self.parts, writer.reader, self.entity, account, open_, self.on)
        used = sum((pay.amount for pay in pays), ZERO)
        return Application(open_.entry.id, tuple(pays), used, account.key, open_.left - used)

    def _apply(self, writer: Writer, sure: Sequence[tuple[OpenEntry, Match]]) -> dict[int, Done]:
        """Apply what is sure, all of it together; what became of each entry, by id."""
        if not sure:
            return {}
        judge = Judge(self.parts, writer.reader, self.entity, Asker("run"), self.on)
        asked, odds = [], list[str]()
        for open_, found in sure:
            one, odd = self._asked(judge, open_, found)
            asked.append(one)
            odds.append(odd)
        Cashier(self.parts, writer, self.entity, self.on).apply_all(asked)
        whole: dict[int, str] = {}
        for (open_, found), one, odd in zip(sure, asked, odds, strict=True):
            rest = exc.refreshed(open_, one.wanted.used)
            customer = one.wanted.customer
            if rest.left:
                self._left(writer, Exceptional("overpaid", rest, _more(rest), customer), found)
            elif odd:
                self._left(writer, Exceptional("residual", rest, odd, customer, (), found.trace), found)
            else:
                whole[open_.entry.id] = f"applied by rule {found.rule}"
        exc.close_all(writer, self.parts.tenant, whole)
        told = zip(sure, odds, strict=True)
        return {open_.entry.id: self._done(open_, found, "applied", odd) for (open_, found), odd in told}

    def _asked(self, judge: Judge, open_: OpenEntry, found: Match) -> tuple[Asked, str]:
        """The application that a match is, with what a rule gives up beside it; and in words what it does not give up."""
        pays, judged, odd = [], [], list[str]()
        for each in found.applications:
            item = self.world.items[int(each.candidate)]
            pay = Pay(item.id, each.amount)
            pays.append(pay)
            for reason, amount in differences(each):
                decision: Decision = judge.decide(self.accounts[item.account], item, reason, amount)
                if decision.terms["decision"] == "allow":
                    judged.append((pay, reason, amount, decision))
                elif reason not in PLAIN:
                    odd.append(f"{reason.replace('_', ' ')} of {amount:f} {item.currency} of {item.number} stays open")
        told = {"rule": found.rule, "score": f"{found.score:f}", "trace": list(found.trace), "by": "run"}
        used = open_.left - found.unapplied
        customer = found.account or self.world.items[pays[0].item].account
        wanted = Application(open_.entry.id, tuple(pays), used, customer, told=told, decision=found.decision)
        return Asked(open_, wanted, judged), exc.words(odd)

    def _give_back(self, writer: Writer, open_: OpenEntry, found: Match) -> Done:
        """A return: what its payment has paid is open again, and neither entry is left."""
        tenant = self.parts.tenant
        original = writer.lock_entry(tenant, int(found.of))
        till = Cashier(self.parts, writer, self.entity, self.on)
        if original.entry.amount != -open_.entry.amount:
            named = [self.numbered[token][0] for token in tokens(open_) if token in self.numbered]
            give_back(self.parts, writer, self.entity, self.on, original, open_, named)
        else:
            if original.left != original.entry.amount:
                till.take_back(original)
                original = writer.lock_entry(tenant, int(found.of))
            till.net(original, open_, "returned")
        for entry in (original, open_):
            exc.close(writer, tenant, entry.entry.id, "corrected", f"bank entry {open_.entry.id} has taken it back")
        return self._done(open_, found, "returned", f"bank entry {found.of} was taken back")

    def _clear(self, writer: Writer, open_: OpenEntry, found: Match, against: Cleared) -> Done | None:
        """An entry that a provider has caused, where the books have it and no other entry was that meanwhile."""
        if not against.parts or is_cleared(writer.reader, self.parts.tenant, self.entity.key, against.name):
            return None
        Cashier(self.parts, writer, self.entity, self.on).clear(open_, against)
        exc.close(writer, self.parts.tenant, open_.entry.id, "corrected", f"it is the {against.name}")
        return self._done(open_, found, "cleared", f"it is the {against.name}")

    def _went_back(self, writer: Writer, open_: OpenEntry, found: Match) -> Done | None:
        """Money that went out, where it is a refund that was owed."""
        use = sent_back(writer.reader, open_)
        if use is None:
            return None
        Cashier(self.parts, writer, self.entity, self.on).sent(open_, use)
        exc.close(
            writer, self.parts.tenant, open_.entry.id, "corrected", f"it is the {use.kind} of bank entry {use.entry_id}"
        )
        return self._done(open_, found, "netted", f"{use.kind} of bank entry {use.entry_id}")

    def _exception(self, reader: Reader, open_: OpenEntry, found: Match) -> Exceptional:
        proposals = tuple(self._proposal(each) for each in (found.applications, *found.alternatives) if each)
        against = self.cleared.get(found.payment)
        settled = (
            ()
            if against
            else already_settled(self.parts, reader, self.entity.key, open_, self.world.items, self.numbered)
        )
        reason = "" if found.reason in WORDLESS else found.reason.replace("-", " ")
        text = exc.words([against.why if against else "", *settled, reason, *found.trace[:2]])
        customer = "" if against else found.account or self._payer(open_)
        head = (text, customer, proposals, found.trace)
        if found.status == "duplicate":
            twin = self.suspected.get(found.payment) or f"bank entry {found.of} is the same"
            return Exceptional("duplicate", open_, twin, *head[1:])
        if open_.left < ZERO:
            took_back = (
                found.status == "return" or against is not None or open_.entry.reversal or "back" in found.reason
            )
            kind: exc.Kind = "return" if took_back else "outgoing"
            return Exceptional(kind, open_, text or "nothing says what it is for", *head[1:])
        if found.status == "suggest" and proposals:
            return Exceptional("suggested", open_, *head)
        if open_.left != open_.entry.amount:
            return Exceptional("overpaid", open_, _more(open_), *head[1:])
        kind = "unapplied" if customer else "unidentified"
        return Exceptional(kind, open_, text or "nothing that is open fits", *head[1:])

    def _payer(self, open_: OpenEntry) -> str:
        """Who has paid, by a bank account that was learnt or by the whole name, if that is one account alone."""
        entry = open_.entry
        found = (self.world.learnt.get(entry.payer_account), self.world.named.get(entry.payer.strip().casefold()))
        return next((accounts[0] for accounts in found if accounts and len(accounts) == 1), "")

    def _proposal(self, applications: Sequence[Applied]) -> dict[str, Any]:
        named = [(self.world.items[int(each.candidate)], each.amount) for each in applications]
        return {
            "documents": [{"number": item.number, "account": item.account, "amount": f"{a:f}"} for item, a in named]
        }

    def _done(self, open_: OpenEntry, found: Match, state: str, text: str = "") -> Done:
        applied = state == "applied"
        pays = (
            tuple((self.world.items[int(x.candidate)].number, x.amount) for x in found.applications) if applied else ()
        )
        entry = open_.entry
        return Done(entry.id, entry.booked, entry.amount, entry.currency, state, found.rule, pays, text)


def _more(rest: OpenEntry) -> str:
    return f"{round_to(rest.left, rest.entry.currency):f} {rest.entry.currency} more than was open"


def differences(each: Applied) -> Iterator[tuple[str, Decimal]]:
    """What is not money of a document's part: (reason, amount), in the words of the rules of write-offs."""
    told = [("discount", each.discount), ("fee", each.fee), *((one.kind, one.amount) for one in each.residuals)]
    for reason, amount in told:
        if amount > ZERO:
            yield REASONS.get(reason, reason), amount
