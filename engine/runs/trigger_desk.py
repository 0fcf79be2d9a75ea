"""The desk of triggers: what came is put into the books, what is new is looked at, what rules want at once is enqueued.

Nothing of this bills: it puts a request into the queue, limited to one account and with the moment by which its invoice is
to be out, and a worker bills it as it bills the nightly run.  What was looked at is marked in the transaction that
enqueues, so that a look that breaks off is simply made again, and two looks at once enqueue once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.base.money import ZERO
from engine.base.period import local_day, zone
from engine.billing.job import THRESHOLD
from engine.model.account import Account
from engine.model.decision import Decision
from engine.model.entity import LegalEntity
from engine.model.journal import Change
from engine.model.trigger import TriggerFacts
from engine.runs.billing import unbilled
from engine.runs.billing.read import scope_of, scope_parts
from engine.runs.billing.run import run_bill
from engine.runs.intake import acceptances
from engine.runs.intake.arrivals import Row
from engine.runs.intake.reading import Broken, json_cells, json_value
from engine.runs.intake.references import Known
from engine.runs.intake.rows import read_row, rules_of
from engine.runs.intake.session import Good, Session, Source, Tally
from engine.runs.run import Parts, PartsOn, silent
from engine.runs.subscriptions.payers import NOBODY, Apart, named_payers
from engine.runs.usage.ingest import Problem
from engine.store import tracing
from engine.store.books import Books
from engine.store.reader import Reader
from engine.store.reading.triggers import Came

NO_THRESHOLD = Code("trigger.no-threshold", "A threshold that has no amount in the currency of what is unbilled.")
LOOKED = Code("trigger.looked-meanwhile", "Two looks at what is new at once; the other one has enqueued it.")
UNKNOWN_PAYER = Code("trigger.unknown-payer", "Something happened for an account whose payer the books do not have.")

EVENTS: Final = "triggers"
USAGE: Final = "triggers-usage"
"""Names of the marks up to which subscription events and usage were looked at."""

AT_ONCE: Final[Mapping[str, frozenset[str]]] = {
    "nightly": frozenset(),
    "milestone": frozenset({"accept", "go_live", "revoke"}),
    "threshold": frozenset(),
    "at_once": frozenset({"accept", "go_live", "revoke", "usage"}),
}
"""What a rule's ``when`` has invoiced at once whatever it comes to."""

_SOURCE: Final = Source(acceptances.FORM, Path(), "", 0, "")


class Recorded(msgspec.Struct, frozen=True):
    """What became of triggers that came in: ``taken`` are new, ``known`` were there before."""

    taken: int
    known: int
    problems: tuple[Problem, ...] = ()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the others."""
        return tuple(problem.finding for problem in self.problems)


class Wanted(msgspec.Struct, frozen=True):
    """An invoice that a rule wants now: for which payer, why, since when, and until when it is to be out."""

    entity: str
    payer: str
    kind: str
    at: datetime
    deadline: datetime | None
    reason: str


class Scanned(msgspec.Struct, frozen=True):
    """What a look has brought: triggers and accounts with new usage that were looked at, and what was enqueued."""

    triggers: int = 0
    used: int = 0
    rated: int = 0
    enqueued: tuple[Wanted, ...] = ()
    findings: tuple[Finding, ...] = ()


class _Happened(msgspec.Struct, frozen=True):
    """Something that happened, of which a rule decides."""

    entity: LegalEntity
    payer: Account
    facts: TriggerFacts
    at: datetime
    words: str


class TriggerDesk:
    """What people and other systems tell of triggers, and ask of what waits."""

    def __init__(self, books: Books, tenant: str, parts: PartsOn, seen: PartsOn) -> None:
        """``parts`` are asked for only by what needs the rules, ``seen`` by what only looks and may do so before any are in force."""
        self._books, self._tenant, self._parts, self._seen = books, tenant, parts, seen

    def rows(self, text: str) -> list[Row]:
        """Rows of a body in JSON: one trigger, or a list of them."""
        value = json_value(text, "body")
        if isinstance(value, Broken):
            return [value]
        found = value if isinstance(value, list) else [value]
        return [json_cells(one, "" if isinstance(one, dict) else str(one), "trigger") for one in found]

    def record(self, rows: Iterable[Row], change: Change, sender: str = "") -> Recorded:
        """Put triggers into the books; rows are as those of the import file ``acceptances``.

        One without ``on`` counts from the day of the change at its legal entity.  The same trigger again is known.
        """
        session = Session(self._books, self._tenant, change, change.at.date(), "", silent)
        tally, known, rules = Tally(_SOURCE), Known(session), rules_of(acceptances.FORM, change.at.date())
        good = []
        keys: dict[int, str] = {}
        for number, row in enumerate(rows, 1):
            if isinstance(row, Broken):
                tally.note([Finding(row.code, Where("", number), row.what, row.why, row.mend)])
                continue
            values, findings = read_row(rules, self._dated(row, change.at), Where("", number))
            tally.note(findings)
            keys[number] = str(row.get("key", ""))
            if values is not None:
                good.append(Good(values, Where("", number)))
        placed = acceptances.place(session, known, good, tally, sender or change.who)
        taken = 0
        if placed.events:
            with self._books.writer(change, 0, self._tenant) as writer:
                taken = acceptances.write(placed, writer).inserted
        problems = (Problem(f.where.line, keys.get(f.where.line, ""), "", f) for f in tally.findings)
        return Recorded(taken, tally.same + len(placed.events) - taken, tuple(problems))

    def _dated(self, row: dict[str, str], at: datetime) -> dict[str, str]:
        if row.get("on"):
            return row
        with self._books.reader() as reader:
            entity = reader.entities(self._tenant).get(row.get("entity", ""))
        return {**row, "on": (local_day(at, entity.zone) if entity else at.date()).isoformat()}

    # What is new since the last look

    def scan(self, change: Change) -> Scanned:
        """Look at what became known since the last look, and enqueue what the rules of the family ``triggers`` want at once,
        in the name of who makes the change."""
        with self._books.reader() as reader:
            usage_to, events_to = reader.high_marks()
            events_from, usage_from = reader.mark(self._tenant, EVENTS), reader.mark(self._tenant, USAGE)
            if (events_from, usage_from) == (events_to, usage_to):
                return Scanned()
            came = reader.triggers_since(self._tenant, events_from, events_to)
            used = reader.used_since(self._tenant, usage_from, usage_to)
            findings: list[Finding] = []
            happened = list(self._happened(reader, came, used, change.at, findings))
        wanted, rated = self._wanted(happened, change, findings)
        with self._books.writer(change, 0, self._tenant) as writer:
            moved = writer.move_mark(self._tenant, EVENTS, events_from, events_to)
            if not (moved and writer.move_mark(self._tenant, USAGE, usage_from, usage_to)):
                raise TollbookError(
                    Finding(LOOKED, Where("triggers"), "somebody else has looked meanwhile", mend="nothing: look again")
                )
            waiting = {_without_moment(scope) for scope in writer.reader.queued_scopes(self._tenant)}
            entities = writer.reader.entities(self._tenant)
            made = []
            for one in wanted:
                scope = scope_of(one.payer, f"{one.kind} {one.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}")
                if _without_moment(scope) in waiting:
                    continue
                waiting.add(_without_moment(scope))
                on = local_day(one.at, entities[one.entity].zone)
                name = f"{one.kind}/{one.entity}/{one.payer}"
                if writer.enqueue(self._tenant, name, "bill", one.at, on, change.who, one.reason, scope, one.deadline):
                    made.append(one)
            writer.add_findings(self._tenant, findings)
        return Scanned(len(came), len(used), rated, tuple(made), tuple(findings))

    def _happened(
        self,
        reader: Reader,
        came: Sequence[Came],
        used: Sequence[tuple[str, str]],
        now: datetime,
        findings: list[Finding],
    ) -> Iterable[_Happened]:
        """What is new with the payer whom it concerns: each trigger, and once each payer with new usage."""
        entities = reader.entities(self._tenant)
        payers: dict[tuple[str, str], Account] = {}
        apart: dict[tuple[str, str], Apart] = {}
        for key in entities:
            mine = sorted({one.account for one in came if one.entity == key} | {a for e, a in used if e == key})
            accounts = reader.accounts(self._tenant, key, mine) if mine else {}
            heads = reader.accounts(self._tenant, key, sorted({one.payer for one in accounts.values()})) if mine else {}
            for name, account in accounts.items():
                if account.payer in heads:
                    payers[key, name] = heads[account.payer]
                else:
                    findings.append(_no_payer(account))
            apart |= named_payers(reader, self._tenant, entities[key], mine, now)
        for one in came:
            own = apart.get((one.entity, one.account), NOBODY)
            payer = own.subscriptions.get(one.subscription) or payers.get((one.entity, one.account))
            if payer is not None:
                at = one.noted_at or now
                facts = _facts(entities[one.entity], payer, one.kind, at, one.contract, one.about or None)
                words = f"{one.kind.replace('_', '-')} {one.about} ({one.key}) of {one.subscription}".replace("  ", " ")
                yield _Happened(entities[one.entity], payer, facts, at, words)
        seen = set[tuple[str, str]]()
        for entity, payer in self._using(used, payers, apart):
            if (entity, payer.key) not in seen:
                seen.add((entity, payer.key))
                facts = _facts(entities[entity], payer, "usage", now, None, None)
                yield _Happened(entities[entity], payer, facts, now, "usage")

    @staticmethod
    def _using(
        used: Sequence[tuple[str, str]],
        payers: Mapping[tuple[str, str], Account],
        apart: Mapping[tuple[str, str], Apart],
    ) -> Iterable[tuple[str, Account]]:
        """Who may have to pay for new usage of accounts: their payers, and those whom events of their subscriptions name."""
        for entity, name in used:
            if (entity, name) in payers:
                yield entity, payers[entity, name]
            yield from ((entity, payer) for payer in apart.get((entity, name), NOBODY).subscriptions.values())

    def _wanted(
        self, happened: Sequence[_Happened], change: Change, findings: list[Finding]
    ) -> tuple[list[Wanted], int]:
        """The invoices that rules want at once, the most urgent reason of each payer first, and how many payers were rated
        for it."""
        parts = self._parts() if happened else None
        wanted: list[Wanted] = []
        sums: dict[tuple[str, str], Mapping[str, Decimal]] = {}
        for one in happened:
            assert parts is not None
            decision = parts.rules.decide("triggers", one.facts, one.facts.day)
            terms = decision.terms
            if one.facts.kind in AT_ONCE[terms["when"]]:
                kind = THRESHOLD if one.facts.kind == "usage" else "trigger"
                wanted.append(_want(one, kind, one.words, decision))
            elif terms["when"] == "threshold":
                key = (one.entity.key, one.payer.key)
                if key not in sums:
                    sums[key] = self._unbilled(parts, one, change)
                reached = _reached(one, sums[key], terms["threshold"], findings)
                if reached:
                    wanted.append(_want(one, THRESHOLD, f"{reached} unbilled, {one.words}", decision))
        return sorted(wanted, key=lambda one: (one.deadline or datetime.max.replace(tzinfo=UTC), one.at)), len(sums)

    def _unbilled(self, parts: Parts, one: _Happened, change: Change) -> Mapping[str, Decimal]:
        """What a payer has not been billed, by currency: what the real run would bill now."""
        with self._books.reader() as reader:
            later = tracing.documents_after(reader, self._tenant, one.facts.day)
        on = later[1] if later else one.facts.day
        report = run_bill(parts, on, change, account=one.payer.key, dry_run=True, occasion=unbilled.PREVIEW)
        sums: dict[str, Decimal] = {}
        for invoice in report.details:
            if (invoice["entity"], invoice["payer"]) == (one.entity.key, one.payer.key):
                sums[invoice["currency"]] = sums.get(invoice["currency"], ZERO) + Decimal(invoice["net"])
        return sums

    def unbilled(self, on: Any, account: str | None, change: Change) -> unbilled.Unbilled:
        """What waits and what is unbilled on a day; see :func:`engine.runs.billing.unbilled.look`."""
        return unbilled.look(self._seen(on=on), on, account, change)


def _facts(
    entity: LegalEntity, payer: Account, kind: Any, at: datetime, contract: str | None, about: str | None
) -> TriggerFacts:
    there = at.astimezone(zone(entity.zone))
    return TriggerFacts(entity, payer, kind, contract, about, there.hour, there.date())


def _want(one: _Happened, kind: str, words: str, decision: Decision) -> Wanted:
    within = decision.terms["within"]
    deadline = one.at + timedelta(minutes=within) if within is not None else None
    promise = f", within {within} minutes" if within is not None else ""
    reason = f"{words}; {decision.ruleset}#{decision.rule} ({decision.where}){promise}"
    return Wanted(one.entity.key, one.payer.key, kind, one.at, deadline, reason)


def _reached(
    one: _Happened, sums: Mapping[str, Decimal], threshold: Mapping[str, Decimal], findings: list[Finding]
) -> str:
    """What has reached its threshold, in words; empty where nothing has."""
    for currency, amount in sorted(sums.items()):
        if currency in threshold:
            if amount and amount >= threshold[currency]:
                return f"{amount} {currency}"
            continue
        subject = f"account/{one.payer.key}"
        what = f"{amount} {currency} are unbilled, and the threshold is in {', '.join(threshold)}"
        mend = f"add an amount in {currency} to the rule"
        findings.append(Finding(NO_THRESHOLD, Where(subject), what, "", mend, "warning", subject))
    return ""


def _without_moment(scope: str) -> str:
    """What a request is limited to, and what kind of thing it is for."""
    occasion, account = scope_parts(scope)
    return f"{occasion.split(' ')[0]} {account}"


def _no_payer(account: Account) -> Finding:
    subject = f"account/{account.key}"
    what = f"the payer {account.payer} of {account.key} does not exist"
    mend = "import the payer; what is owed stays owed"
    return Finding(UNKNOWN_PAYER, Where(subject), what, "", mend, "warning", subject)
