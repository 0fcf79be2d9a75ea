"""Amending one subscription: a dated event, judged beside the others, by the version that its author has seen."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import msgspec

from engine.base.errors import Code, refuse
from engine.base.period import add_months
from engine.billing.rating import plan_of
from engine.billing.renewing import months_left
from engine.billing.timeline import stints
from engine.model.account import Account
from engine.model.journal import Change
from engine.model.subscription import EventKind, SubscriptionEvent
from engine.model.terms import Term
from engine.runs.intake.sequence import followed
from engine.runs.run import Parts
from engine.runs.subscriptions import versions
from engine.runs.subscriptions.renewals import Bound, bound_of
from engine.store import lookups
from engine.store.reader import Reader
from engine.store.writer import Writer
from engine.store.writing.events import event_row

NO_SUBSCRIPTION = Code("subscription.unknown", "A subscription that the books do not have, or of several entities.")
EARLY_CANCEL = Code("renewal.early-cancel", "A cancellation inside a term that the rules refuse.")
NO_PAYER = Code("subscription.unknown-payer", "A payer of a subscription that its legal entity has no account of.")
KEY_TAKEN = Code("subscription.key-taken", "A change of a subscription under the key of another one.")


class Amendment(msgspec.Struct, frozen=True):
    """What somebody wants to happen to a subscription.

    ``key`` identifies it within the subscription; without one it is made of what happens, so that the same amendment twice is
    one.  ``if_version`` is the version that its author has seen.  ``payer`` is whom one of kind ``payer`` names; none gives the
    subscription back to the payer of its account.
    """

    subscription: str
    kind: EventKind
    on: date
    plan: str | None = None
    quantity: Decimal | None = None
    anchor_day: int | None = None
    entity: str = ""
    key: str = ""
    if_version: int | None = None
    payer: str | None = None

    def named(self) -> str:
        """The key of the event."""
        number = None if self.quantity is None else f"{self.quantity.normalize():f}"
        parts = (self.kind, self.on.isoformat(), self.plan, number, self.anchor_day, self.payer)
        return self.key or "/".join(str(part) for part in parts if part is not None)


class Amended(msgspec.Struct, frozen=True):
    """What became of an amendment: the event that is written, why it is not quite what was wanted, and the version now.

    ``fee_months`` are those that a plan ``fee_plan`` charges for; ``repeated`` says that all of it was there.
    """

    subscription: str
    account: str
    event: SubscriptionEvent
    version: int
    note: str = ""
    fee_plan: str = ""
    fee_months: int = 0
    repeated: bool = False


def found(parts: Parts, reader: Reader, key: str, entity: str = "") -> Bound:
    """The subscription of that key.

    Raises:
        TollbookError: ``subscription.unknown``.
    """
    names = [entity] if entity else sorted(reader.entities(parts.tenant))
    there = [bound for name in names for bound in bound_of(parts, reader, name, [key])]
    if len(there) != 1:
        what = (
            f"{len(there)} legal entities have a subscription {key!r}" if there else f"there is no subscription {key!r}"
        )
        raise refuse(NO_SUBSCRIPTION, what, mend="name the entity" if there else "look at its key")
    return there[0]


def payer_of(parts: Parts, reader: Reader, entity: str, key: str) -> Account:
    """The account of that key, which is to pay.

    Raises:
        TollbookError: ``subscription.unknown-payer``.
    """
    found = reader.accounts(parts.tenant, entity, [key]).get(key)
    if found is None:
        mend = "import the account first, or correct its key"
        raise refuse(NO_PAYER, f"{entity} has no account {key!r} that could pay", mend=mend)
    return found


def judged(parts: Parts, reader: Reader, wanted: Amendment, today: date) -> tuple[Bound, Amended]:
    """What an amendment comes to, by the rules of the subscription's term, with nothing written.

    Raises:
        TollbookError: ``subscription.unknown``, ``subscription.version-conflict``, ``subscription.key-taken``,
            ``subscription.out-of-order``, ``subscription.unknown-plan``, ``subscription.unknown-payer``,
            ``renewal.early-cancel``.
    """
    bound = found(parts, reader, wanted.subscription, wanted.entity)
    known = next((event for event in bound.events if event.key == wanted.named()), None)
    event = SubscriptionEvent(
        0,
        wanted.named(),
        wanted.kind,
        wanted.on,
        wanted.plan,
        wanted.quantity,
        anchor_day=wanted.anchor_day,
        payer=wanted.payer,
    )
    if known is not None:
        _refuse_other(bound, known, event)
        return bound, Amended(bound.key, bound.account.key, known, len(bound.events), repeated=True)
    if wanted.if_version not in (None, len(bound.events)):
        raise versions.conflict(reader, parts.tenant, bound.key, bound.events, wanted.if_version or 0)
    if wanted.plan:
        plan_of(wanted.plan, reader.catalogue(parts.tenant), f"subscription/{bound.key}")
    if wanted.payer:
        payer_of(parts, reader, bound.entity.key, wanted.payer)
    made = Amended(bound.key, bound.account.key, event, len(bound.events))
    if wanted.kind == "cancel":
        made = _cancelled(parts, bound, made, today)
    stints(followed(bound.events, [made.event]), f"subscription/{bound.key}")
    return bound, made


def amend(parts: Parts, wanted: Amendment, change: Change) -> Amended:
    """Write an amendment, unless somebody else has amended the subscription meanwhile.

    Raises:
        TollbookError: as :func:`judged`.
    """
    with parts.books.writer(change, tenant=parts.tenant) as writer:
        bound, made = judged(parts, writer.reader, wanted, change.at.date())
        if made.repeated:
            return made
        writer.put_subscription_events([event_row(parts.tenant, bound.entity.key, bound.id, made.event)])
        events = lookups.events_of(writer.reader, [bound.id])[
            bound.id
        ]  # ids are taken under a lock: nobody comes between
        others = [event for event in events if event.key != made.event.key]
        if wanted.if_version is not None and len(others) != wanted.if_version:
            raise versions.conflict(writer.reader, parts.tenant, bound.key, others, wanted.if_version)
        stints(events, f"subscription/{bound.key}")
        if made.fee_plan:
            _charge(writer, parts.tenant, bound, made)
    return msgspec.structs.replace(made, version=len(events))


def _refuse_other(bound: Bound, known: SubscriptionEvent, event: SubscriptionEvent) -> None:
    same = (known.kind, known.plan, known.quantity, known.anchor_day, known.payer)
    if same == (event.kind, event.plan, event.quantity, event.anchor_day, event.payer):
        return
    what = f"subscription {bound.key} has an event {known.key!r}: {versions.told(known)}"
    raise refuse(KEY_TAKEN, what, why="an event is never edited", mend="give --key, another one")


def _term(bound: Bound, day: date) -> Term | None:
    """The term that a day is in, the day after its last one included."""
    return next((term for term in bound.terms if term.starts <= day <= term.ends), None)


def _cancelled(parts: Parts, bound: Bound, made: Amended, today: date) -> Amended:
    """A cancellation by the rules of the term that it falls into."""
    day = made.event.on
    term = _term(bound, day)
    if term is None:
        return made
    in_time = today <= term.notice_by
    if day == term.ends and in_time:
        return made
    decision = parts.rules.decide("renewal", bound.facts(term, "cancel", day, in_time), day)
    rule, early = f"rule {decision.rule} of {decision.ruleset}", decision.terms["early"]
    if early == "refused":
        raise refuse(
            EARLY_CANCEL,
            f"subscription {bound.key} is bound until {term.ends}, notice was possible until {term.notice_by}",
            why=f"{rule} refuses a cancellation on {day}",
            mend=f"cancel it on {term.ends}" if in_time else "wait for the next term",
            where=decision.where,
            subject=f"subscription/{bound.key}",
        )
    if early == "end_of_term":
        end = term.ends if in_time or not term.renews else add_months(term.ends, term.renewal_months)
        event = msgspec.structs.replace(made.event, on=end)
        return msgspec.structs.replace(made, event=event, note=f"it takes effect on {end}, as {rule} says")
    if early == "fee" and day < term.ends:
        months, plan = months_left(day, term.ends), decision.terms["fee_plan"]
        note = f"{months} months of the term are charged by plan {plan}, as {rule} says"
        return msgspec.structs.replace(made, fee_plan=plan, fee_months=months, note=note)
    return made


def _charge(writer: Writer, tenant: str, bound: Bound, made: Amended) -> None:
    """The fee: a subscription of its own, to a plan with a one-time charge, for one day."""
    plan_of(made.fee_plan, writer.reader.catalogue(tenant), f"subscription/{bound.key}")
    entity, key, day = bound.entity.key, f"{bound.key}/fee", made.event.on
    fields = {"entity": entity, "key": key, "account": bound.account.key, "contract": None, "anchor_day": 1}
    writer.put("subscriptions", [{**fields, "anchor_time": None, "anchor_slips": False}], tenant=tenant)
    ident = writer.reader.subscription_ids(tenant, entity, [key])[key][0]
    start = SubscriptionEvent(0, f"fee/{day}", "start", day, made.fee_plan, Decimal(made.fee_months))
    end = SubscriptionEvent(0, f"end/{day}", "cancel", day + timedelta(days=1))
    writer.put_subscription_events([event_row(tenant, entity, ident, one) for one in (start, end)])
