"""What a configuration may want two persons for, and whether what it says of that can work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from engine.base.document import Document
from engine.base.errors import Code, Finding, did_you_mean
from engine.base.person import same_person

UNKNOWN_ACT = Code("config.unknown-act", "An act under approvals that does not exist.")
CANNOT_APPROVE = Code("config.cannot-approve", "A role under approvals that does not exist or may not approve.")
NO_SECOND = Code(
    "config.no-second-person", "An act that needs two persons, where no two of the configuration can be them."
)
NO_AMOUNT = Code("config.no-amount", "An amount under approvals_from for an act that has none, or needs one person.")


class Act(msgspec.Struct, frozen=True):
    """Something that may need two persons: the verb that its maker needs, what it does, whether it is about money."""

    verb: str
    meaning: str
    money: bool = False


ACTS: Final[Mapping[str, Act]] = {
    "soft-close-period": Act("close", "close an accounting period to all but adjustments"),
    "close-period": Act("close", "close an accounting period"),
    "open-period": Act("close", "open a closed accounting period again"),
    "waive-finding": Act("close", "let a finding of the close go; it always needs two persons"),
    "adjust-book": Act("adjust", "post an entry by hand in a further book; its amount is its debits", money=True),
    "rerate": Act("run", "rate billed periods again; its amount is the difference of all accounts", money=True),
    "tune": Act("run", "set a parameter of a rule set for the next release; always by two persons"),
    "abandon-run": Act("run", "give up an unfinished bill run; its amount is what it has invoiced", money=True),
    "waive-condition": Act("run", "let a bill run start though a condition of it does not hold"),
    "approve-draft": Act("run", "let a bill that is reviewed be issued; its amount is its net", money=True),
    "grant-credit": Act("credit", "grant credit in a wallet", money=True),
    "credit-memo": Act(
        "credit", "give back a part of an invoice; a rule of crediting may want two persons, too", money=True
    ),
    "debit-memo": Act("credit", "charge something by hand; a rule of crediting may want two persons, too", money=True),
    "account-credit": Act("credit", "give an account credit that nobody has paid", money=True),
    "pay-out": Act("credit", "refund a payment, or credit of an account", money=True),
    "payment-refund": Act("credit", "give a payment back through its provider", money=True),
    "write-off": Act("credit", "write off what an invoice has open", money=True),
    "apply-cash": Act(
        "credit",
        "apply money by hand; its amount is what is given up with it; a rule of writeoff may want two, too",
        money=True,
    ),
    "send-back": Act("credit", "send back money that came", money=True),
    "recognise-early": Act(
        "close", "let revenue be recognised before its criterion is met; it takes two persons in any case", money=True
    ),
    "approve-release": Act("release", "agree to a release of rules; always needs two, and rules of approval say who"),
    "schedule-release": Act("release", "put an approved release of rules in force from a day on"),
    "roll-back-release": Act("release", "put an earlier release of rules in the place of another one"),
    "give-up": Act("credit", "give up a debt; a rule of writeoff may want two persons, too", money=True),
}
"""Acts by name.  ``engine.runs.acts`` says how each is done."""

APPROVE: Final = "approve"
"""The verb of the second person."""


def eligible(person_roles: Mapping[str, Any], roles: Mapping[str, Any], wanted: Any) -> list[str]:
    """People with a role that may approve, and that is one of ``wanted`` where any is."""
    able = {role for role, verbs in roles.items() if APPROVE in verbs and (not wanted or role in wanted)}
    return [person for person, theirs in person_roles.items() if able.intersection(theirs)]


def check_acts(document: Document, values: Mapping[str, Any]) -> Iterator[Finding]:
    """Everything that is wrong with the sections ``approvals`` and ``approvals_from``."""
    sections = [values.get(name) for name in ("approvals", "approvals_from", "roles", "people")]
    if not all(isinstance(section, dict) for section in sections):
        return
    approvals, amounts, roles, people = sections
    roles = {role: verbs for role, verbs in (roles or {}).items() if isinstance(verbs, list)}
    people = {person: theirs for person, theirs in (people or {}).items() if isinstance(theirs, list)}
    for act, wanted in (approvals or {}).items():
        where = document.where_key(("approvals", act))
        if act not in ACTS:
            mend = did_you_mean(str(act), ACTS)
            yield Finding(UNKNOWN_ACT, where, f"{act!r} is no act that can need two persons", mend=mend)
        elif isinstance(wanted, list):
            wrong = list(_roles(document, act, wanted, roles))
            yield from wrong or _pair(document, act, wanted, roles, people)
    for act in amounts or {}:
        where = document.where_key(("approvals_from", act))
        if act not in ACTS:
            mend = did_you_mean(str(act), (name for name in ACTS if ACTS[name].money))
            yield Finding(UNKNOWN_ACT, where, f"{act!r} is no act that can need two persons", mend=mend)
        elif not ACTS[act].money:
            yield Finding(NO_AMOUNT, where, f"{act!r} has no amount", mend="remove it, or name an act that has one")
        elif act not in (approvals or {}):
            mend = f"add {act} under approvals"
            yield Finding(NO_AMOUNT, where, f"{act!r} has an amount, but needs one person only", mend=mend)


def _roles(document: Document, act: str, wanted: list[Any], roles: Mapping[str, Any]) -> Iterator[Finding]:
    able = [role for role, verbs in roles.items() if APPROVE in verbs]
    for number, role in enumerate(wanted):
        where = document.where(("approvals", act, number))
        if role not in roles:
            mend = did_you_mean(str(role), able) if able else "add one under roles"
            yield Finding(CANNOT_APPROVE, where, f"{act} wants the role {role!r}, which is not under roles", mend=mend)
        elif role not in able:
            mend = f"add {APPROVE} to it under roles, or name another role"
            yield Finding(CANNOT_APPROVE, where, f"{act} wants the role {role!r}, which may not approve", mend=mend)


def _pair(
    document: Document, act: str, wanted: list[Any], roles: Mapping[str, Any], people: Mapping[str, Any]
) -> Iterator[Finding]:
    """A finding where nobody could make the act and somebody else approve it."""
    verb = ACTS[act].verb
    makers = [p for p, theirs in people.items() if any(verb in roles.get(role, ()) for role in theirs)]
    checkers = eligible(people, roles, wanted)
    if any(not same_person(maker, checker) for maker in makers for checker in checkers):
        return
    what = f"{act} needs two persons, and no two of them are under people"
    why = f"may make it: {', '.join(makers) or 'nobody'}; may approve it: {', '.join(checkers) or 'nobody'}"
    mend = "give somebody else a role that may approve it, or remove it from approvals"
    yield Finding(NO_SECOND, document.where_key(("approvals", act)), what, why, mend)
