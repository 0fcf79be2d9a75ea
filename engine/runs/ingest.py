"""The door of usage events that come in by themselves, while a server runs: judged as those of import files are.

:meth:`UsageDoor.judge` looks at events alone and needs no books; :meth:`UsageDoor.write` puts the events of several
requests of one client into the books, in one transaction.  What it returns is committed.

An event that is right by itself, but that the books cannot take (an unknown subscription or meter, a key that is there with
other values), is kept once, word by word, with a finding under the run ``ingest`` of its day.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.model.journal import Change
from engine.runs.intake import arrivals, usage
from engine.runs.intake.arrivals import TIME, Row
from engine.runs.intake.formats import FORMATS
from engine.runs.intake.masters import KEY_CONFLICT
from engine.runs.intake.reading import Broken
from engine.runs.intake.references import Known
from engine.runs.intake.rows import Rules, read_row, rules_of
from engine.runs.intake.session import Good, Session, Source, Tally
from engine.runs.run import silent
from engine.store.books import Books
from engine.store.writer import Writer

FUTURE = Code("ingest.future", "A usage event of a moment that has not come yet.")

RUN: Final = "ingest"
"""Kind of the run that findings of a day are kept under."""
_FORM: Final = FORMATS["usage"]
_SOURCE: Final = Source(_FORM, Path(), "", 0, "")
_CONFLICTS: Final = frozenset({str(KEY_CONFLICT)})
REMEMBERED: Final = 5
"""Seconds for which subscriptions, their zones and meters are remembered."""
TOLD: Final = 10_000
"""Subscriptions of which one warning a day is kept, at most."""


class Problem(msgspec.Struct, frozen=True):
    """Why one event was refused: its position in the request from 1, its key if it can be told, the field, the finding.

    ``kept`` says that the event is in the books among the refused ones.
    """

    position: int
    key: str
    field: str
    finding: Finding
    kept: bool = False

    @property
    def conflict(self) -> bool:
        """Whether the books have the key with other values."""
        return self.finding.code in _CONFLICTS


class Judged(msgspec.Struct):
    """What a look at events alone tells: those that are right by themselves, what is wrong with the others, names of
    fields that are not read."""

    good: list[Good] = []
    problems: list[Problem] = []
    unread: set[str] = set()


class Ingested(msgspec.Struct):
    """What became of the events of one request: ``taken`` are new in the books, ``known`` were there before."""

    taken: int = 0
    known: int = 0
    problems: list[Problem] = []
    warnings: list[Finding] = []


class UsageDoor:
    """Where usage events come in.  Safe to share between threads."""

    def __init__(self, books: Books, tenant: str) -> None:
        self.books, self.tenant = books, tenant
        self._rules: tuple[date, Rules] = (date.min, rules_of(_FORM, date(2000, 1, 1)))
        self._told: set[tuple[date, str]] = set()
        self._until = 0.0
        self._seen: Any = None

    def rows(self, text: str, form: str, headers: Mapping[str, str]) -> list[Row]:
        """Rows of a body in a form: ``json`` (one event or a list), ``cloudevents``, ``binary`` (with ``headers``)."""
        if form == "binary":
            return arrivals.binary_cloudevent(headers, text)
        return arrivals.cloudevents(text) if form == "cloudevents" else arrivals.one(text)

    def lines(self, texts: Iterable[str]) -> list[Row]:
        """Rows of the lines of a stream."""
        return [arrivals.line(text) for text in texts]

    def judge(
        self, rows: Iterable[Row], client: str, now: datetime, ahead: int, positions: Sequence[int] = ()
    ) -> Judged:
        """Judge events by themselves; ``positions`` are theirs in their request, from 1 on where none are given.

        ``client`` is the source of events that name none; moments more than ``ahead`` seconds after ``now`` are refused.
        """
        rules, latest, judged = self._rules_on(now.astimezone(UTC).date()), now + timedelta(seconds=ahead), Judged()
        for position, row in zip(positions or count(1), rows, strict=False):
            where = Where("", position)
            if isinstance(row, Broken):
                finding = Finding(row.code, where, row.what, row.why, row.mend)
                judged.problems.append(Problem(position, "", "", finding))
                continue
            if not row.keys() <= _FORM.names:
                judged.unread |= arrivals.unread(row)
            if not row.get("source"):
                row["source"] = client
            values, findings = read_row(rules, row, where)
            if values is not None and values["at"] > latest:
                what = f"at {values['at'].isoformat()} is later than now, {now.isoformat(timespec='seconds')}"
                why, mend = "what was used has been used", "look at the clock and the offset of the sender"
                findings = [Finding(FUTURE, where, what, why, mend)]
            if findings or values is None:
                judged.problems += [_problem(position, row.get("key", ""), finding) for finding in findings]
            else:
                judged.good.append(Good(values, where))
        return judged

    def write(self, client: str, batches: Sequence[Sequence[Good]], now: datetime) -> list[Ingested]:
        """Put the events of several requests of one client into the books, in one transaction.

        Raises:
            TollbookError: ``store.unavailable``, ``store.cannot-open``: nothing of it is in the books, or, where the
                connection was lost while it was committed, nobody knows; the same events again are safe.
        """
        change = Change(f"client/{client}", now, "usage events over HTTP")
        told, rows, owners = self._placed(batches, change)
        if rows or any(one.problems for one in told):
            with self.books.writer(change, 0, self.tenant) as writer:
                self._put(writer, rows, owners, told)
                self._keep(writer, client, batches, told)
        return told

    def _placed(
        self, batches: Sequence[Sequence[Good]], change: Change
    ) -> tuple[list[Ingested], list[tuple[Any, ...]], list[tuple[int, Good]]]:
        """Rows for the books, the batch and event of each, and what is told of each batch so far.

        Subscriptions and meters that were there a moment ago are taken to be there; what is not is asked for again.
        """
        now = time.monotonic()
        fresh = now >= self._until
        while True:
            if fresh:
                session = Session(self.books, self.tenant, change, change.at.date(), "", silent)
                self._seen, self._until = (Known(session), usage.Subscriptions(session)), now + REMEMBERED
            known, subscriptions = self._seen
            told, rows, owners = [], list[tuple[Any, ...]](), list[tuple[int, Good]]()
            for number, batch in enumerate(batches):
                tally, early = Tally(_SOURCE), dict[usage.Key, usage.Early]()
                good, made = usage.placed(self.tenant, batch, subscriptions, known, tally, early)
                rows += made
                owners += [(number, row) for row in good]
                at = {row.where.line: row for row in batch} if tally.findings else {}
                strange = [_problem(f.where.line, at[f.where.line].values["key"], f, kept=True) for f in tally.findings]
                told.append(Ingested(0, 0, strange, [usage.before_start(one) for one in early.values()]))
            if fresh or not any(one.problems or one.warnings for one in told):
                return told, rows, owners
            fresh = True

    def refused(self, limit: int) -> list[dict[str, Any]]:
        """Events that clients sent and the books did not take, by column name, the newest first."""
        with self.books.reader() as reader:
            return reader.refused_usage(self.tenant, limit)

    def ready(self) -> None:
        """Nothing, where the books can be read.

        Raises:
            TollbookError: ``store.unavailable``, ``store.cannot-open``.
        """
        with self.books.reader() as reader:
            reader.runs(self.tenant, 1)

    def _rules_on(self, today: date) -> Rules:
        day, rules = self._rules
        if day != today:
            rules = rules_of(_FORM, today)
            self._rules = today, rules
        return rules

    def _first(self, today: date, subject: str) -> bool:
        """Whether a subject is warned of for the first time on a day, as far as this process remembers."""
        new = (today, subject) not in self._told
        if len(self._told) >= TOLD:
            self._told.clear()
        self._told.add((today, subject))
        return new

    def _put(
        self, writer: Writer, rows: list[tuple[Any, ...]], owners: list[tuple[int, Good]], told: list[Ingested]
    ) -> None:
        outcome = writer.put_usage(rows)
        for number, _ in owners:
            told[number].taken += 1
        for position in outcome.repeats:
            told[owners[position][0]].taken -= 1
            told[owners[position][0]].known += 1
        clashing = [owners[position] for position in outcome.conflicts]
        found = usage.conflicts(writer.reader, self.tenant, [row for _, row in clashing]) if clashing else []
        for (number, row), finding in zip(clashing, found, strict=True):
            told[number].taken -= 1
            told[number].problems.append(_problem(row.where.line, row.values["key"], finding, kept=True))

    def _keep(self, writer: Writer, client: str, batches: Sequence[Sequence[Good]], told: Sequence[Ingested]) -> None:
        """Keep refused events, and findings of those that were not kept before."""
        refused = []
        for batch, one in zip(batches, told, strict=True):
            at = {row.where.line: row.values for row in batch} if one.problems else {}
            refused += [(at[problem.position], problem.finding) for problem in one.problems]
        kept = [_kept(self.tenant, client, values, finding, writer.change.at) for values, finding in refused]
        new = writer.put_refused_usage(kept)
        findings = [_about(client, refused[position][1]) for position in new]
        today = writer.change.at.date()
        for warning in (warning for one in told for warning in one.warnings):
            if self._first(today, warning.subject):
                findings.append(_about(client, warning))
        if findings:
            run = writer.start_run(self.tenant, RUN, today.isoformat(), "http", "")
            if run.new:
                writer.finish_run(run.id, {"counts": {}})
            writer.add_findings(self.tenant, findings, run.id)


def _problem(position: int, key: str, finding: Finding, *, kept: bool = False) -> Problem:
    """A problem in the words of the sender: the column ``at`` is the field ``time``."""
    first, blank, rest = finding.what.partition(" ")
    if first not in _FORM.names:
        return Problem(position, key, "key" if finding.code in _CONFLICTS else "", finding, kept)
    field = TIME if first == "at" else first
    return Problem(position, key, field, msgspec.structs.replace(finding, what=f"{field}{blank}{rest}"), kept)


def _about(client: str, finding: Finding) -> Finding:
    return finding.at(Where(f"client/{client}"))


def _kept(tenant: str, client: str, values: dict[str, Any], finding: Finding, at: datetime) -> tuple[Any, ...]:
    """A refused event as the books keep it."""
    body = {name: value.isoformat() if name == "at" else str(value) for name, value in values.items()}
    digest = hashlib.sha256(msgspec.json.encode([*sorted(body.items()), str(finding.code)])).hexdigest()
    head = (tenant, values["entity"], values["source"], values["key"], digest, client, at)
    return (*head, str(finding.code), finding.what, body)
