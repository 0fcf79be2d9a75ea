"""What one payment names, and which documents it may pay: all of its possible fits, before a rule is asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.money import ZERO
from engine.model.matching import Candidate, Incoming, Reference
from engine.receivables.matching.fitting import granted_by
from engine.receivables.matching.keys import RUN, Account, Keys, bare, folded, squeezed
from engine.receivables.matching.left import Amounts
from engine.receivables.matching.payers import Accounts, Payers, Who
from engine.receivables.matching.reading import Reader, Reading, Short, shorts_of, unread_of
from engine.receivables.matching.saying import Said
from engine.receivables.matching.sums import MOST_ITEMS, sums_to, two_make
from engine.receivables.matching.writing import distance

NOT_PROVIDED: Final = frozenset(("", "NOTPROVIDED", "NONREF", "NOTPROVIDED."))
MOST_ACCOUNTS: Final = 20
"""A payer that may be more accounts than this is taken for unknown where their documents would have to be searched."""
MOST_CHILDREN: Final = 500
MOST_REMEMBERED: Final = 2_000
"""Most payers whose accounts are kept looked through."""
MOST_PLACES: Final = 3_000
"""More open documents are not looked through: those of an account for numbers that are written wrongly, those of a payer for sums and
for what else explains money."""
_DIGIT: Final = re.compile("[0-9]")
MOST_OPTIONS: Final = 60
MOST_WRONG: Final = 2
"""Most characters of a number that may be wrong."""
SILENT: Final = Said()


class Option(msgspec.Struct, frozen=True, gc=False):
    """Documents that a payment may pay, and how it names them."""

    places: tuple[int, ...]
    reference: Reference
    distance: int = 0
    unread: int = 0
    by_end_to_end: bool = False


class Look(msgspec.Struct, frozen=True, gc=False):
    """What is seen of one payment, whatever other payments do: who pays, what the text says, what it names."""

    who: Who
    text: Said
    options: tuple[Option, ...]
    unread: int = 0
    notes: tuple[str, ...] = ()


class Looker:
    """Looks at payments, one at a time."""

    def __init__(self, items: Sequence[Candidate], keys: Keys, payers: Payers) -> None:
        self.items, self.keys, self.payers = items, keys, payers
        self.reader = Reader(keys)
        self._accounts: dict[Accounts, list[Account]] = {}

    def look(self, payment: Incoming) -> Look:
        """What a payment names; fits by amount alone are not among the options."""
        who = self.payers.who(payment.payer_name, payment.payer_account)
        structured, unread = self._structured(payment)
        if structured and not payment.remittance:
            return Look(who, SILENT, structured, unread)
        if not structured and not unread:
            place = self.reader.plain(payment.remittance)
            if place >= 0 and not self._bare(place):
                return Look(who, SILENT, (Option((place,), "number"),))
        text = self.reader.read(payment.remittance)
        if structured:
            rivals = self._rivals(payment, structured, (*text.named, *text.ordered))
            return Look(who, Said(text.text, text.left), structured + rivals, unread)
        return self._in_text(payment, who, text, unread)

    def _structured(self, payment: Incoming) -> tuple[tuple[Option, ...], int]:
        if not payment.structured_reference:
            return (), 0
        places, sure = self.reader.structured(payment.structured_reference)
        return tuple(Option((place,), "structured" if sure else "number") for place in places), int(not places)

    def _bare(self, place: int) -> bool:
        return bare(self.items[place].number)

    def _in_text(self, payment: Incoming, who: Who, text: Reading, unread: int) -> Look:
        unread += len(text.unknown) + text.doubtful
        options = [Option(places, "structured") for each in text.structured for places in self._one(each, who)]
        if not options:
            options, foreign = self._named(text, who)
            unread += foreign
            if options and not text.unknown:
                options += self._completed(payment, options[0], text, who)
            options += self._some(payment, options)
            options += self._rivals(payment, options, text.ordered)
        if not options and text.ordered:
            options = list(self._ordered(text, who))
            unread += 0 if options else len(text.ordered)
        if not options and payment.end_to_end_id.upper() not in NOT_PROVIDED:
            place = self.reader.plain(payment.end_to_end_id)
            if place >= 0 and not self._bare(place):
                options = [Option((place,), "number", by_end_to_end=True)]
        if not options:
            shorts = tuple(shorts_of(text.left, self.keys)) if _DIGIT.search(text.left) else ()
            options = self._misread(payment, who, text, shorts)
            unread += unread_of(text.left, payment.amount) if not options else 0
        return Look(who, Said(text.text, text.left), tuple(options[:MOST_OPTIONS]), unread)

    def _rivals(
        self, payment: Incoming, options: Sequence[Option], others: Iterable[tuple[int, ...]]
    ) -> tuple[Option, ...]:
        """Documents of exactly the money that a text names by another number or order than those that it or a reference names
        first: they are meant as much."""
        these = {place for option in options for place in option.places}
        apart = (place for places in others if these.isdisjoint(places) for place in places)
        return tuple(
            Option((place,), options[0].reference)
            for place in dict.fromkeys(apart if options else ())
            if self.items[place].open == payment.amount and self.items[place].currency == payment.currency
        )

    def _mine(self, place: int, who: Who) -> bool:
        return self.payers.relation(who, self.items[place].account) not in ("other", "unknown")

    def _one(self, places: Sequence[int], who: Who) -> Iterator[tuple[int, ...]]:
        """The documents of one number: those of the payer where there are any, else all."""
        mine = [place for place in places if self._mine(place, who)] if len(places) > 1 else places
        return ((place,) for place in (mine or places))

    def _named(self, text: Reading, who: Who) -> tuple[list[Option], int]:
        """Options by whole numbers, and how many numbers are those of other customers while some are the payer's."""
        if not text.named:
            return [], 0
        each = [tuple(place for (place,) in self._one(places, who)) for places in text.named]
        listed = [tuple(place for (place,) in self._one(places, who)) for places in text.listed]
        own = [places for places in each if self._mine(places[0], who)]
        foreign = [places for places in each if places not in own]
        foreign_bare: list[tuple[int, ...]] = []
        if who.known:
            foreign_bare = [places for places in foreign if all(self._bare(place) for place in places)]
            foreign = [places for places in foreign if places not in foreign_bare]
            each = [places for places in each if places not in foreign_bare]
        if not each:
            return [], len(foreign_bare)
        if text.torn:
            single = [places[0] for places in (*each, *listed) if len(places) == 1]
            sure = len(single) == len(each) + len(listed) > 1
            together = [Option(tuple(dict.fromkeys(single)), "garbled")] if sure else []
            return together + [
                Option((place,), "garbled", unread=len(each) + len(listed) - 1) for places in each for place in places
            ], 0
        options = list[Option]()
        if len(each) == 1 and not listed:
            options += [Option((place,), "number") for place in each[0]]
        elif all(len(places) == 1 for places in (*each, *listed)):
            whole = dict.fromkeys(places[0] for places in (*each, *listed))
            options.append(Option(tuple(whole), "list" if listed else "number"))
        if text.ranged:
            whole = dict.fromkeys((*(places[0] for places in each), *text.ranged))
            options.append(Option(tuple(whole), "list"))
        if own and foreign:
            options.append(Option(tuple(dict.fromkeys(places[0] for places in own)), "number", unread=len(foreign)))
        if len(each) > 1:
            options += [Option((place,), "number", unread=len(each) - 1) for places in each for place in places]
        if listed:
            options += [Option((place,), "number", unread=len(listed)) for place in each[0]]
        return options, 0

    def _ordered(self, text: Reading, who: Who) -> Iterator[Option]:
        """Options by purchase order: each of its documents, and all of them."""
        for places in text.ordered:
            mine = [place for place in places if self._mine(place, who)] or list(places)
            if len(mine) > 1:
                yield Option(tuple(mine), "purchase_order")
            for place in mine[:MOST_OPTIONS]:
                yield Option((place,), "purchase_order", unread=len(text.ordered) - 1)

    def accounts(self, who: Who) -> list[Account]:
        """The accounts whose documents a payer may pay, children included; none where they are too many to say."""
        known = who.known
        if not known or len(known) > MOST_ACCOUNTS:
            return []
        found = self._accounts.get(known)
        if found is None:
            family = self.payers.family(known)
            few = sorted(family) if len(family) <= MOST_CHILDREN else []
            if len(self._accounts) >= MOST_REMEMBERED:
                self._accounts.clear()
            found = self._accounts[known] = [self.keys.account(each) for each in few if self.keys.any(each)]
        return found

    def _misread(self, payment: Incoming, who: Who, text: Reading, shorts: Sequence[Short]) -> list[Option]:
        """Options among the payer's documents by numbers that are written wrongly or cut short."""
        if not text.unknown and not _DIGIT.search(text.text):
            return []
        accounts = [each for each in self.accounts(who) if len(each.places) <= MOST_PLACES]
        runs = RUN.findall(text.text)
        wrong = dict.fromkeys(place for each in accounts for place in _lookalikes(runs, each, self.keys.longest))
        if wrong:
            together = [Option(tuple(wrong), "garbled")] if len(wrong) > 1 else []
            if not text.unknown:
                together += self._completed(payment, Option(tuple(wrong), "garbled"), text, who)
            return together + [
                Option((place,), "garbled", unread=len(text.unknown) + len(wrong) - 1) for place in wrong
            ]
        found = list(self._shorts(shorts, accounts, len(text.unknown)))
        return found or list(self._near(payment, text.unknown, accounts))

    def _completed(self, payment: Incoming, named: Option, text: Reading, who: Who) -> Iterator[Option]:
        """Documents that are named by their numbers, and those of the payer whose last digits stand beside, where the money is
        exactly that of all of them: ``RE26/0000050, RE26/51 and 52``."""
        if not _DIGIT.search(text.left) or self._opened(named.places) == payment.amount:
            return
        accounts = [each for each in self.accounts(who) if len(each.places) <= MOST_PLACES]
        places = tuple(dict.fromkeys((*named.places, *self._meant(shorts_of(text.left, self.keys), accounts))))
        if len(places) > len(named.places) and self._opened(places) == payment.amount:
            yield Option(places, "short")

    def _some(self, payment: Incoming, named: Iterable[Option]) -> list[Option]:
        """Two or more of the documents that are named, not all of them, where the money is exactly that of these."""
        places = tuple(dict.fromkeys(place for option in named for place in option.places))
        if len(places) < 3 or self._opened(places) == payment.amount:
            return []
        found = sums_to(payment.amount, [self.items[place].open for place in places]).found
        return [Option(tuple(places[at] for at in some), "list", unread=len(places) - len(some)) for some in found]

    def _opened(self, places: Iterable[int]) -> Decimal:
        """What documents came with, added up."""
        return sum((self.items[place].open for place in places), ZERO)

    def _meant(self, shorts: Iterable[Short], accounts: Sequence[Account]) -> Iterator[int]:
        """Documents whose number ends with short digits."""
        for short in shorts:
            for account in accounts:
                for place in account.by_serial.get(short.of[-1], ()):
                    if _ends(self.items[place].number, short):
                        yield place

    def _shorts(self, shorts: Sequence[Short], accounts: Sequence[Account], unknown: int) -> Iterator[Option]:
        for short in shorts:
            for account in accounts if len(short.of) > 1 else ():
                yield from self._several(short, account, unknown)
        places = tuple(dict.fromkeys(self._meant(shorts, accounts)))
        if len(places) > 1:
            yield Option(places, "short", unread=unknown)
        for place in places[:MOST_OPTIONS]:
            yield Option((place,), "short", unread=unknown)

    def _several(self, short: Short, account: Account, unknown: int) -> Iterator[Option]:
        """Digits such as 50-53 or 50/52 as a range, and as a list of short numbers."""
        first, last = short.of[0], short.of[-1]
        ranges = [range(first, last + 1)] if len(short.of) == 2 and "-" in short.text and 0 < last - first < 100 else []
        for serials in (short.of, *ranges):
            found = [account.by_serial.get(serial, ()) for serial in serials]
            places = dict.fromkeys(place for each in found for place in each)
            if all(len(each) == 1 for each in found if each) and found[0] and found[-1] and len(places) > 1:
                yield Option(tuple(places), "short", unread=unknown)

    def _near(self, payment: Incoming, unknown: Iterable[str], accounts: Sequence[Account]) -> Iterator[Option]:
        """Documents of exactly the money whose number is nearly one that no open document has."""
        for key in unknown:
            for account in accounts:
                for place in account.by_amount.get((payment.currency, payment.amount), ()):
                    number = "".join(RUN.findall(self.items[place].number.upper()))
                    wrong = distance(key, number, MOST_WRONG)
                    if wrong <= MOST_WRONG:
                        yield Option((place,), "garbled", wrong)

    def by_amount(self, payment: Incoming, look: Look, left: Amounts) -> Iterator[Option]:
        """Documents of the payer that are open by exactly the money, and were issued by then."""
        for account in self.accounts(look.who):
            for place in account.by_amount.get((payment.currency, payment.amount), ()):
                if left[place] == payment.amount and self.items[place].issued <= payment.booked:
                    yield Option((place,), "none", unread=look.unread + bool(look.options))

    def by_sum(self, payment: Incoming, look: Look, left: Amounts) -> tuple[list[Option], bool]:
        """Documents of one account that make up the money exactly, and whether all sums were looked at."""
        options, complete = list[Option](), True
        accounts = self.accounts(look.who)
        if not _few(accounts):
            return [], False
        for account in accounts:
            if len(account.places) > 10 * MOST_ITEMS:
                complete = False
                continue
            mine = [
                place
                for place in account.places
                if left[place]
                and self.items[place].currency == payment.currency
                and self.items[place].issued <= payment.booked
            ]
            sums = sums_to(payment.amount, [left[place] for place in mine]) if len(mine) > 1 else None
            if sums is not None:
                complete = complete and sums.complete
                options += [Option(tuple(mine[at] for at in each), "none", unread=look.unread) for each in sums.found]
        return options, complete

    def hinted(self, look: Look, places: Iterable[int], left: Amounts) -> int:
        """Other open documents of the payer whose last digits stand in the text, too."""
        if not _DIGIT.search(look.text.left):
            return 0
        these, found = set(places), set[int]()
        shorts = tuple(shorts_of(look.text.left, self.keys))
        for account in self.accounts(look.who):
            for short in shorts:
                for serial in short.of:
                    found.update(
                        place for place in account.by_serial.get(serial, ()) if place not in these and left[place]
                    )
        return len(found)

    def elsewhere(self, payment: Incoming, look: Look, places: Iterable[int], gap: Decimal, left: Amounts) -> int:
        """Other documents of the payer that explain the money, or what is between it and these documents: one of them exactly
        or less the discount of its terms, or two together."""
        these, wanted, accounts = set(places), (payment.amount, -gap), self.accounts(look.who)
        few = _few(accounts)
        others = [
            [
                place
                for place in (account.places if few else account.of_amounts(payment.currency, wanted))
                if place not in these
                and left[place]
                and self.items[place].currency == payment.currency
                and self.items[place].issued <= payment.booked
            ]
            for account in accounts
        ]
        found = sum(
            left[place] in wanted or left[place] - granted_by(self.items[place], left[place]) == payment.amount
            for some in others
            for place in some
        )
        return found or sum(two_make([left[place] for place in some], amount) for some in others for amount in wanted)


def _few(accounts: Iterable[Account]) -> bool:
    """Whether the documents of some accounts can be looked through."""
    return sum(len(account.places) for account in accounts) <= MOST_PLACES


def _lookalikes(runs: Sequence[str], account: Account, longest: int) -> Iterator[int]:
    """Documents of an account whose number stands in a text but for letters that look alike, or lost zeros."""
    for at in range(len(runs)):
        for behind in range(at + 1, min(at + 13, len(runs) + 1)):
            part = runs[at:behind]
            key = "".join(part)
            if len(key) > longest:
                break
            if len(part) == 1 and not (key.isdigit() and len(key) >= 8):
                continue
            yield from account.by_folded.get(folded(key), ())
            if any(run.isalpha() for run in part) and part[-1].isdigit():
                yield from account.by_squeezed.get(squeezed(part), ())


def _ends(number: str, short: Short) -> bool:
    """Whether a number ends with short digits, and has the letters before them where these are letters of ours."""
    runs = RUN.findall(number.upper())
    digits = [int(run) for run in runs if run.isdigit()]
    if short.letters and short.letters not in runs:
        return False
    return len(short.of) == 1 or digits[-len(short.of) :] == list(short.of)
