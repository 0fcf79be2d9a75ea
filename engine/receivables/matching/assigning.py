"""All payments together: who gets a document that several claim, and what a return opens again.

Payments that name what they pay go first, in the order of the days on which they were booked, then those that fit by payer
and amount alone.  What several payments of one day claim beyond what is open is given to none of them.  The order in which
payments are handed in says nothing.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Protocol, TypeVar

import msgspec

from engine.base.money import ZERO
from engine.model.matching import Applied, Candidate, Incoming, Match, Status
from engine.receivables.matching.judging import Fit, Judge, Plain, Verdict, score_of
from engine.receivables.matching.left import AsOf, Left, Taken
from engine.receivables.matching.looking import Look
from engine.receivables.matching.packed import Memory, Packed, Rooms, View
from engine.receivables.matching.twice import Entries, Originals, natural, return_reason

Claims = Sequence[tuple[Incoming, Verdict]]
First = Plain | tuple[Verdict, Look, int] | None
"""What a payment is to itself: the one document that it pays plainly, or the verdict on it by what it names, what is seen of it,
and how often money had been taken by then; None where it names no document."""
Result = TypeVar("Result")


class Spread(Protocol):
    """How many payments are judged, each for itself: one after the other, or by several processes."""

    def __call__(self, judge: Callable[[Incoming], Result], payments: Sequence[Incoming]) -> Iterable[Result]: ...


def alone(judge: Callable[[Incoming], Result], payments: Sequence[Incoming]) -> Iterable[Result]:
    """Payments judged one after the other."""
    return map(judge, payments)


class Assigner:
    """Settles what payments claim."""

    def __init__(
        self,
        items: Sequence[Candidate],
        judge: Judge,
        spread: Spread = alone,
        watch: Collection[str] = (),
        room: Rooms = Memory,
    ) -> None:
        """``spread`` judges many payments, each for itself; of ``watch`` all fits are kept in ``watched``.

        ``room`` is where what was found is kept.
        """
        self.items, self.judge, self.spread, self.watch = items, judge, spread, watch
        self.left = Left(items, room)
        self.moves = 0
        self.matches: dict[str, Match] = {}
        self.watched: dict[str, list[Fit]] = {}
        self._filed, self._returnable = Packed(Match, room=room), dict[str, Match | None]()
        self._returned: dict[str, str] = {}
        self._waiting: dict[tuple[int, str, Decimal], str] = {}

    def assign(self, entries: Entries) -> Sequence[Match]:
        """What becomes of each payment, ordered by their ids."""
        money = entries.money
        amounts = {(one.currency, -one.amount) for one in entries.back}
        originals = (
            Originals(one for one in money if (one.currency, one.amount) in amounts) if amounts else Originals(())
        )
        self._returnable = dict.fromkeys(originals.ids)
        back, late, at = deque(entries.back), list[Incoming](), 0
        silent, open_yet = (
            array("L"),
            array("L"),
        )  # where payments are that name nothing, and others that are not applied
        for day, group in groupby(
            zip(money, self.spread(self._first, money), strict=True), key=lambda pair: pair[0].booked
        ):
            late += self._take_back_before(day, back, originals)
            of_day = list(group)
            self._of_day(of_day)
            for place, (one, first) in enumerate(of_day, at):
                if one.id not in self.matches:
                    (silent if first is None else open_yet).append(place)
            at += len(of_day)
            self._file()
        late += self._take_back_before(None, back, originals)
        self._by_amount(money, silent)
        open_yet.extend(place for place in silent if money[place].id not in self.matches)
        self._file()
        for match in self.spread(self._proposal, View(money, self._by_payers(money, open_yet))):
            self.matches[match.payment] = match
            self._file()
        for one in late:
            self._take_back(one, originals, last=True)
        self.matches.update((one.id, Match(one.id, "none", reason="no-money")) for one in entries.empty)
        self.matches.update((one.payment, one) for one in entries.repeated)
        self._file()
        names = [natural(each) for each in self._filed.ids()]
        return View(self._filed, array("L", sorted(range(len(names)), key=names.__getitem__)))

    def _file(self) -> None:
        """Put away what was found, but for what an entry may take back."""
        for match in self.matches.values():
            self._filed.append(match)
            if match.payment in self._returnable:
                self._returnable[match.payment] = match
        self.matches.clear()

    def _take_back_before(self, day: date | None, back: deque[Incoming], originals: Originals) -> Iterator[Incoming]:
        """Undo what the entries before a day take back, all of them where it is None; the entries that wait for the last."""
        while back and (day is None or back[0].booked < day):
            one = back.popleft()
            if not self._take_back(one, originals, last=False):
                yield one

    def _judged(self, one: Incoming, ask: Callable[[], Verdict]) -> Verdict:
        """A verdict; its fits are kept where the payment is watched."""
        if one.id not in self.watch:
            return ask()
        self.judge.keep = True
        verdict = ask()
        self.watched.setdefault(one.id, []).extend(self.judge.seen)
        self.judge.seen.clear()
        self.judge.keep = False
        return verdict

    @staticmethod
    def _by_payers(money: Sequence[Incoming], places: Iterable[int]) -> array[int]:
        """Places of payments, those of one payer side by side, so that his documents are looked through once."""
        payers = [(one.payer_account, one.payer_name, place) for place in places for one in [money[place]]]
        return array("L", (place for _, _, place in sorted(payers)))

    def _first(self, one: Incoming) -> First:
        """What is seen of a payment, and the verdict by what it names; None where it names no document."""
        judge, left = self.judge, self.left
        if one.id in self.watch:
            look = judge.looker.look(one)
            return (self._by_reference(one, look), look, self.moves) if look.options else None
        plain = judge.plain(one, left)
        if plain is not None:
            return plain
        look = judge.looker.look(one)
        if not look.options:
            return None
        return judge.plainly(one, look, left) or (judge.by_options(one, look, left), look, self.moves)

    def _by_reference(self, one: Incoming, look: Look) -> Verdict:
        return self._judged(one, lambda: self.judge.by_reference(one, look, self.left))

    def _of_day(self, payments: Iterable[tuple[Incoming, First]]) -> None:
        """Apply the payments of one day that name what they pay; what was seen of the others is kept."""
        claims, plain, wanted, contested = list[tuple[Incoming, Verdict]](), [], set[int](), set[int]()
        for one, first in payments:
            if isinstance(first, Plain) and not self.left.touched(first.place):
                (contested if first.place in wanted else wanted).add(first.place)
                plain.append((one, first))
            elif first is not None:
                claims.append((one, self._now(one, first)))
        contested.update(place for _, verdict in claims for place in verdict.places)
        for one, first in plain:
            if first.place in contested or (first.place, one.currency, one.amount) in self._waiting:
                claims.append((one, self.judge.verdict(one, first)))
            else:
                self._pay(one, first)
        self._settle([claim for claim in claims if claim[1].band == "auto" and not self._awaited(*claim)])
        for one, verdict in claims:
            for place in verdict.places if one.id not in self.matches else ():
                self._waiting.setdefault((place, one.currency, one.amount), one.id)

    def _now(self, one: Incoming, first: Plain | tuple[Verdict, Look, int]) -> Verdict:
        """The verdict on what is open now; ``first`` may have been found when more was."""
        if isinstance(first, Plain):
            return self._by_reference(one, self.judge.looker.look(one))
        verdict, look, moves = first
        if moves == self.moves:
            return verdict
        stale = verdict.band != "auto" or any(map(self.left.touched, verdict.places))
        return self._by_reference(one, look) if stale else verdict

    def _pay(self, one: Incoming, plain: Plain) -> None:
        """Apply a plain payment that nothing else of its day has to do with; what :meth:`_settle` does, in fewer steps."""
        decision, amount = plain.decision, one.amount
        applied, score = (Applied(plain.candidate, amount),), score_of(decision)
        self.matches[one.id] = Match(one.id, "auto", applied, decision.rule, score, (), (), decision.id, plain.account)
        self.left.close(plain.place, Taken(one.id, one.booked, amount, one.remittance))
        self.moves += 1

    def _awaited(self, one: Incoming, verdict: Verdict) -> bool:
        """Whether a person is asked about an earlier payment of the same money for a same document; then about this one, too."""
        if not self._waiting:
            return False
        rivals = {self._waiting.get((place, one.currency, one.amount)) for place in verdict.places} - {None}
        if not rivals:
            return False
        note = f"{', '.join(sorted(map(str, rivals)))} came before with the same money and waits for a person"
        self.matches[one.id] = self._match(one, verdict, "suggest", "contested", (note,))
        return True

    def _settle(self, claims: Claims) -> None:
        """Give documents to those who claim them, to none of them where they claim more than is open."""
        who: dict[int, list[tuple[str, Decimal]]] = {}
        for one, verdict in claims:
            for place, closes in self._closed(verdict):
                who.setdefault(place, []).append((one.id, closes))
        contested = {
            place: [name for name, _ in some]
            for place, some in who.items()
            if len(some) > 1 and abs(sum((amount for _, amount in some), ZERO)) > abs(self.left[place])
        }
        for one, verdict in claims:
            mine = [place for place in verdict.places if place in contested] if contested else []
            if mine:
                rivals = sorted({each for place in mine for each in contested[place]} - {one.id}, key=natural)
                note = f"{self.items[mine[0]].number} is claimed on the same day by {', '.join(rivals)}"
                self.matches[one.id] = self._match(one, verdict, "suggest", "contested", (note,))
            else:
                for place, closes in self._closed(verdict):
                    self._take(place, Taken(one.id, one.booked, closes, one.remittance))
                self.matches[one.id] = self._match(one, verdict, "auto")

    def _take(self, place: int, taken: Taken) -> None:
        self.left.take(place, taken)
        self.moves += 1

    def _closed(self, verdict: Verdict) -> Sequence[tuple[int, Decimal]]:
        """Documents that a verdict takes of, and by how much less is open of each."""
        if len(verdict.takes) == len(verdict.places) == 1:
            return ((verdict.places[0], verdict.takes[0].closes),)
        places = {self.items[place].id: place for place in verdict.places}
        return [(places[each.candidate], each.closes) for each in verdict.takes]

    def _place(self, candidate: str) -> int:
        """Where a document is among all, which are in the order of their ids."""
        return bisect_left(self.items, candidate, key=lambda item: item.id)

    def _by_amount(self, money: Sequence[Incoming], silent: Iterable[int]) -> None:
        """Apply payments that name nothing and fit one document alone of those that were open on their day."""
        order = self._by_payers(money, silent)
        found = zip(order, self.spread(self._by_payer, View(money, order)), strict=True)
        fitting = sorted(((place, verdict) for place, verdict in found if verdict is not None), key=itemgetter(0))
        claims = ((money[place], verdict) for place, verdict in fitting)
        for _, group in groupby(claims, key=lambda claim: claim[0].booked):
            self._settle([(one, verdict) for one, verdict in group if self._still(verdict)])

    def _by_payer(self, one: Incoming) -> Verdict | None:
        """The verdict on a payment by its payer and amount, on what was open on its day; None where a person is asked."""
        look, then = self.judge.looker.look(one), AsOf(self.left, one.booked)
        verdict = self._judged(one, lambda: self.judge.by_amount(one, look, then))
        return verdict if verdict.band == "auto" else None

    def _still(self, verdict: Verdict) -> bool:
        """Whether the documents can still take what they would."""
        return all(abs(self.left[place]) >= abs(closes) for place, closes in self._closed(verdict))

    def _proposal(self, one: Incoming) -> Match:
        """What fits best among what is left at the end."""
        look = self.judge.looker.look(one)
        best = named = Verdict("none")
        if look.options:
            best = named = self._judged(one, lambda: self.judge.by_reference(one, look, self.left))
        if (not named.places or named.payer == "other") and named.reason != "already-paid":
            fitting = self._judged(one, lambda: self.judge.by_amount(one, look, self.left))
            if fitting.places and fitting.score >= named.score:
                others = (*fitting.others, *((named.takes,) if named.places else ()))
                best = msgspec.structs.replace(fitting, others=others, reason=named.reason or fitting.reason)
            elif not named.places:
                best = msgspec.structs.replace(named, reason=named.reason or fitting.reason)
        notes = tuple(self._paid_by(look)) if best.reason in ("already-paid", "paid-already") else ()
        reason = best.reason or ("fits-now" if best.band == "auto" else "")
        return self._match(one, best, "suggest" if best.places else "none", reason, notes)

    def _paid_by(self, look: Look) -> Iterator[str]:
        for place in dict.fromkeys(place for option in look.options for place in option.places):
            for taken in self.left.taken(place):
                yield f"{self.items[place].number} was paid by {taken.payment} on {taken.day}: {taken.amount:f}"

    def _take_back(self, one: Incoming, originals: Originals, last: bool) -> bool:
        """Undo the payment that an entry takes back, and whether that is settled: what may be applied yet is waited for."""
        found, named = originals.of(one, self._returned)
        if len(found) != 1 or not named:
            if last or len(found) > 1:
                self.matches[one.id] = _unsure_return(one, found)
            return last or len(found) > 1
        original = found[0]
        match = self._returnable[original.id]
        if match is None and not last:
            return False
        self._returned[original.id] = one.id
        if match is None or match.status != "auto":
            note = f"{original.id}, which it takes back, was not applied"
            back = tuple(Applied(each.candidate, -each.amount) for each in (match.applications if match else ()))
            reason = "return-of-unapplied"
            self.matches[one.id] = Match(one.id, "suggest", back, of=original.id, reason=reason, trace=(note,))
            return True
        for each in match.applications:
            self._take(self._place(each.candidate), Taken(one.id, one.booked, -each.closes))
        back = tuple(Applied(each.candidate, -each.amount, -each.discount, -each.fee) for each in match.applications)
        self.matches[one.id] = msgspec.structs.replace(
            match,
            payment=one.id,
            status="return",
            applications=back,
            unapplied=-match.unapplied,
            of=original.id,
            reason=return_reason(one),
        )
        return True

    def _match(
        self, one: Incoming, verdict: Verdict, status: Status, reason: str = "", notes: tuple[str, ...] = ()
    ) -> Match:
        decision = verdict.decision
        if decision is None:
            return Match(one.id, status, reason=reason or verdict.reason, trace=notes, unapplied=one.amount)
        first = self.items[verdict.places[0]]
        if len(verdict.takes) == 1:
            applied = verdict.takes[0].amount
        else:
            applied = sum((each.amount for each in verdict.takes), ZERO)
        return Match(
            one.id,
            status,
            verdict.takes,
            decision.rule,
            verdict.score,
            verdict.others if status != "auto" else (),
            (*verdict.near, *notes),
            decision.id,
            first.account,
            one.amount - applied if one.currency == first.currency and one.amount != applied else ZERO,
            reason="" if status == "auto" else reason or verdict.reason,
        )


def _unsure_return(one: Incoming, found: Sequence[Incoming]) -> Match:
    if not found:
        return Match(one.id, "none", reason="return-without-payment", unapplied=one.amount)
    names = ", ".join(sorted((each.id for each in found), key=natural))
    note = f"it may take back {names}"
    return Match(
        one.id, "suggest", reason="ambiguous" if len(found) > 1 else "unsure", trace=(note,), unapplied=one.amount
    )
