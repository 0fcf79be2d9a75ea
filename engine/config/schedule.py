"""What runs by itself: the section ``schedule``, and whether it can be meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from engine.base.cron import Cron, read_cron
from engine.base.document import Document
from engine.base.errors import Code, Finding, TollbookError, Where

DOUBLE_SCHEDULE = Code("config.double-schedule", "Two schedules of one name.")
NOT_THEIRS = Code("config.not-theirs", "A schedule in the name of a person who may not do what it runs.")

VERB_OF: Final[Mapping[str, str]] = {
    "bill": "run",
    "deliver": "deliver",
    "verify": "",
    "triggers": "run",
    "renewals": "run",
    "wallet-expire": "run",
    "cash-match": "run",
    "rates": "import",
    "dunning": "run",
    "collect": "run",
    "revenue": "run",
    "accrual": "run",
    "direct-debits": "run",
    "cash-send": "credit",
    "disputes": "credit",
    "erp": "run",
    "close": "close",
}
"""What a schedule may run -> the verb that its person needs; looking needs none."""


class Schedule(msgspec.Struct, frozen=True):
    """One of ``schedule``: what it runs, when, as whom and why."""

    name: str
    run: str
    cron: Cron
    person: str
    reason: str


class Scheduler(msgspec.Struct, frozen=True):
    """Section ``scheduler``: seconds a scheduler or worker may be silent, seconds between two looks at the queue."""

    lease: int
    poll: int


def made(values: Mapping[str, Any]) -> Schedule:
    """A schedule of checked values."""
    cron = read_cron(values["cron"], values["zone"])
    return Schedule(values["name"], values["run"], cron, values["as"], values["reason"])


def check_schedule(document: Document, values: Mapping[str, Any]) -> Iterator[Finding]:
    """Everything that is wrong with the section ``schedule``."""
    places: dict[str, Where] = {}
    items = values.get("schedule")
    for number, item in enumerate(items if isinstance(items, list) else ()):
        given = item if isinstance(item, dict) else {}
        name, where = given.get("name"), document.where(("schedule", number, "name"))
        if isinstance(name, str) and name in places:
            why = f"the other stands on line {places[name].line}"
            yield Finding(DOUBLE_SCHEDULE, where, f"there are two schedules of the name {name!r}", why, "rename one")
        elif isinstance(name, str):
            places[name] = where
        cron, zone = given.get("cron"), given.get("zone")
        if isinstance(cron, str) and isinstance(zone, str):
            yield from _times(document, number, cron, zone)
        yield from _person(document, number, given, values)


def _times(document: Document, number: int, cron: str, zone: str) -> Iterator[Finding]:
    try:
        read_cron(cron, zone)
    except TollbookError as error:
        for finding in error.findings:
            key = "zone" if finding.code.startswith("period.") else "cron"
            yield finding.at(document.where(("schedule", number, key)))


def _person(document: Document, number: int, given: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[Finding]:
    people, roles = values.get("people"), values.get("roles")
    person, verb = given.get("as"), VERB_OF.get(str(given.get("run")))
    if not (isinstance(people, dict) and isinstance(roles, dict) and isinstance(person, str) and verb is not None):
        return
    where = document.where(("schedule", number, "as"))
    if person not in people:
        yield Finding(NOT_THEIRS, where, f"{person!r} is not under people", mend="add them, or name somebody who is")
    elif verb and not any(verb in (roles.get(role) or ()) for role in people[person] or ()):
        what = f"{person!r} may not {verb}, which {given.get('run')} needs"
        mend = "give them a role that may, or name somebody who has one"
        yield Finding(NOT_THEIRS, where, what, mend=mend)
