"""What becomes of one payment, given what is left of the documents: its fits, what the rules say of each, the best of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import ZERO
from engine.model.decision import Decision
from engine.model.matching import Applied, Candidate, Incoming, MatchingFacts, Payer
from engine.receivables.matching.fitting import Gap, Taking, facts_of, gap_of, over_tolerance, plain_facts
from engine.receivables.matching.keys import Rates, bare, key_of
from engine.receivables.matching.left import Amounts, Rest, Taken
from engine.receivables.matching.looking import Look, Looker, Option

Ask = Callable[[MatchingFacts, date], Decision]
"""How the rules are asked of one fit."""

_WEAKEST: Final[tuple[Payer, ...]] = ("other", "unknown", "similar", "parent", "name", "account")
MOST_SHOWN: Final = 5
"""Most alternatives that are named."""


class Fit(msgspec.Struct, frozen=True, gc=False):
    """A possible fit and what a rule says of it; ``near`` are the tolerances that it misses."""

    option: Option
    gap: Gap
    facts: MatchingFacts
    decision: Decision
    near: tuple[str, ...] = ()

    @property
    def band(self) -> str:
        """The band of the rule, suggest where a tolerance is missed."""
        band: str = self.decision.terms["band"]
        return "suggest" if self.near and band == "auto" else band

    @property
    def score(self) -> Decimal:
        """How sure the rule is."""
        return score_of(self.decision)


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What becomes of a payment.

    Attributes:
        band: of the best fit.
        places: its documents; empty where nothing fits.
        takes: what they take of the money.
        decision: of the rule that answered.
        payer: what the payer is to their customer.
        near: tolerances that it misses, in words.
        others: what documents of other fits would take.
        reason: a stable word for why it is not applied without a person.
    """

    band: str
    places: tuple[int, ...] = ()
    takes: tuple[Applied, ...] = ()
    decision: Decision | None = None
    payer: str = ""
    near: tuple[str, ...] = ()
    others: tuple[tuple[Applied, ...], ...] = ()
    reason: str = ""

    @property
    def score(self) -> Decimal:
        """How sure the rule is."""
        return score_of(self.decision) if self.decision is not None else ZERO


class Plain(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A payment that names one document alone, which is open by exactly the money, and is applied: most are like that."""

    place: int
    candidate: str
    account: str
    decision: Decision
    payer: Payer


def score_of(decision: Decision) -> Decimal:
    """The score of a rule."""
    score: Decimal = decision.terms["score"]
    return score


class Judge:
    """Asks the rules of the fits of payments; ``seen`` keeps all fits where ``keep`` says so."""

    def __init__(self, looker: Looker, rates: Rates, ask: Ask) -> None:
        self.looker, self.rates, self.ask = looker, rates, ask
        self.items, self.numbers = looker.items, looker.keys.numbers
        self.keep = False
        self.seen: list[Fit] = []

    def plain(self, payment: Incoming, left: Amounts) -> Plain | None:
        """What :meth:`by_reference` would find of a payment whose text is a number alone, in fewer steps; None otherwise."""
        text, amount = payment.remittance, payment.amount
        place = -1 if payment.structured_reference or not text.isascii() else self.numbers.alone(key_of(text))
        if place < 0:
            return None
        item = self.items[place]
        if item.number != text or item.open != amount or left[place] != amount or item.currency != payment.currency:
            return None
        if bare(text):
            return None
        who = self.looker.payers.who(payment.payer_name, payment.payer_account)
        payer = self.looker.payers.relation(who, item.account)
        facts = plain_facts(payment, item, payer)
        decision = self.ask(facts, payment.booked)
        terms = decision.terms
        if terms["band"] != "auto" or over_tolerance(terms, facts):
            return None
        return Plain(place, item.id, item.account, decision, payer)

    def verdict(self, payment: Incoming, plain: Plain) -> Verdict:
        """A plain payment as a verdict."""
        applied = Applied(plain.candidate, payment.amount)
        return Verdict("auto", (plain.place,), (applied,), plain.decision, plain.payer)

    def by_reference(self, payment: Incoming, look: Look, left: Rest) -> Verdict:
        """What becomes of a payment by what it names; of band none where it names nothing that is open."""
        plain = self.plainly(payment, look, left)
        return self.verdict(payment, plain) if plain is not None else self.by_options(payment, look, left)

    def by_options(self, payment: Incoming, look: Look, left: Rest) -> Verdict:
        """:meth:`by_reference` of a payment that is not paid plainly."""
        options = tuple(one for each in look.options if (one := self._open(each, left)) is not None)
        if not options:
            paid = look.options and any(not left[place] for one in look.options for place in one.places)
            return Verdict("none", reason="already-paid" if paid else "")
        return self._best(payment, look, options, left)

    def plainly(self, payment: Incoming, look: Look, left: Amounts) -> Plain | None:
        """The one document that is named alone and open by exactly the money, where it is applied; else None.

        It is what :meth:`by_options` would find; most payments are like that, and this is the quicker way.
        """
        if len(look.options) != 1 or len(look.options[0].places) != 1:
            return None
        option = look.options[0]
        place = option.places[0]
        item = self.items[place]
        if left[place] != payment.amount or item.open != payment.amount or item.currency != payment.currency:
            return None
        payer = self.looker.payers.relation(look.who, item.account)
        gap = Gap("exact", ZERO, payment.amount)
        facts = facts_of(payment, (item,), gap, option.reference, payer, look.text, _more(option, look))
        decision = self.ask(facts, payment.booked)
        if decision.terms["band"] != "auto" or over_tolerance(decision.terms, facts):
            return None
        self._keep((Fit(option, gap, facts, decision),) if self.keep else ())
        return Plain(place, item.id, item.account, decision, payer)

    def by_amount(self, payment: Incoming, look: Look, left: Rest) -> Verdict:
        """What becomes of a payment by its payer and amount alone."""
        options = list(self.looker.by_amount(payment, look, left))
        if options:
            return self._best(payment, look, options, left)
        options, complete = self.looker.by_sum(payment, look, left)
        if not options:
            return Verdict("none", reason="" if complete else "search-given-up")
        found = self._best(payment, look, options, left)
        if complete or found.band == "none":
            return found
        return msgspec.structs.replace(found, band="suggest", reason="search-given-up")

    def _open(self, option: Option, left: Amounts) -> Option | None:
        """An option without the documents that are settled; None where none is left."""
        rest = tuple(place for place in option.places if left[place])
        if len(rest) == len(option.places):
            return option
        gone = len(option.places) - len(rest)
        return msgspec.structs.replace(option, places=rest, unread=option.unread + gone) if rest else None

    def _best(self, payment: Incoming, look: Look, options: Iterable[Option], left: Rest) -> Verdict:
        fits = dict[tuple[int, ...], Fit]()
        for option in options:
            fit = self._fit(payment, look, option, left)
            if fit is not None:
                key = tuple(sorted(option.places))
                if key not in fits or fit.score > fits[key].score:
                    fits[key] = fit
        self._keep(fits.values())
        good = [fit for fit in fits.values() if fit.band != "none"]
        if not good:
            return Verdict("none")
        good.sort(key=lambda fit: (-fit.score, self._names(fit)))
        best, rivals = good[0], sum(fit.score == good[0].score for fit in good) - 1
        if rivals:
            best = self._fit(payment, look, best.option, left, 1 + rivals) or best
        band, others = "suggest" if rivals else best.band, good[1:MOST_SHOWN] if rivals or best.band != "auto" else []
        return Verdict(
            band,
            best.option.places,
            self.takes(best, left),
            best.decision,
            best.facts.payer,
            best.near,
            tuple(self.takes(fit, left) for fit in others),
            "ambiguous" if rivals else _reason(best),
        )

    def _keep(self, fits: Iterable[Fit]) -> None:
        if self.keep:
            self.seen += fits

    def _names(self, fit: Fit) -> tuple[str, ...]:
        return tuple(self.items[place].id for place in fit.option.places)

    def _fit(self, payment: Incoming, look: Look, option: Option, left: Rest, fits: int = 1) -> Fit | None:
        items: list[Candidate] = [self.items[place] for place in option.places]
        currency = items[0].currency
        if len(items) > 1 and any(item.currency != currency for item in items):
            return None
        rest = [left[place] for place in option.places]
        gap = gap_of(payment, items, rest, look.text, self.rates)
        if gap is None or gap.open <= ZERO:
            return None
        relation = self.looker.payers.relation
        if len(items) == 1:
            payer = relation(look.who, items[0].account)
        else:
            relations = {relation(look.who, account) for account in {item.account for item in items}}
            payer = next(each for each in _WEAKEST if each in relations)
        more = dict(_more(option, look))
        if fits > 1:
            more["fits"] = fits
        if any(one != item.open for one, item in zip(rest, items, strict=True)):
            more["paid_already"] = True
            more["repeated"] = any(
                self._repeats(payment, each) for place in option.places for each in left.taken(place)
            )
        weak = gap.remainder == "discount" and option.reference in ("garbled", "short")
        if weak or (gap.remainder in ("short", "over") and option.reference != "none"):
            more["elsewhere"] = self.looker.elsewhere(payment, look, option.places, gap.difference, left)
            unread = max(option.unread, look.unread) + self.looker.hinted(look, option.places, left)
            more["unread"] = unread + (0 if weak else look.text.unexplained())
        facts = facts_of(payment, items, gap, option.reference, payer, look.text, more)
        decision = self.ask(facts, payment.booked)
        return Fit(option, gap, facts, decision, over_tolerance(decision.terms, facts))

    @staticmethod
    def _repeats(payment: Incoming, before: Taken) -> bool:
        """Whether a payment is as much as an earlier one, and says what that said."""
        return payment.amount == before.amount and key_of(payment.remittance) == key_of(before.text)

    def takes(self, fit: Fit, left: Amounts) -> tuple[Applied, ...]:
        """What the documents of a fit take of the money."""
        places = fit.option.places
        if fit.gap.remainder == "exact":
            return tuple(Applied(self.items[place].id, left[place]) for place in places)
        taking = Taking([self.items[place] for place in places], [left[place] for place in places], fit.gap)
        method = fit.decision.method
        assert method is not None
        taken: tuple[Applied, ...] = method(fit.decision.terms, taking)
        return taken


def _more(option: Option, look: Look) -> Mapping[str, Any]:
    """Facts of an option that are not the same for most."""
    if not (option.distance or option.unread or option.by_end_to_end or look.unread):
        return {}
    unread = max(option.unread, look.unread)
    return {"distance": option.distance, "unread": unread, "by_end_to_end": option.by_end_to_end}


def _reason(fit: Fit) -> str:
    """A stable word for why a person is asked."""
    facts = fit.facts
    if fit.band == "auto":
        return ""
    if facts.payer == "other":
        return "payer-conflict"
    if facts.remainder == "rate":
        return "other-currency"
    if facts.purpose == "against":
        return "other-purpose"
    if fit.near:
        return "over-tolerance"
    if facts.paid_already:
        return "paid-already"
    if facts.elsewhere:
        return "fits-elsewhere"
    if facts.reference == "none":
        return "no-reference"
    return "unsure"
