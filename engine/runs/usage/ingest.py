"""The door of usage events that come in by themselves, while a server runs: judged as those of import files are.

:meth:`UsageDoor.judge` looks at events alone and needs no books; :meth:`UsageDoor.write` puts the events of several
requests of one client into the books, in one transaction.  What it returns is committed.

An event that is right by itself, but that the books cannot take (an unknown subscription or meter, a key that is there with
other values), is kept once, word by word, with a finding under the run ``ingest`` of its day.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.model.journal import Change
from engine.runs.intake import arrivals, usage
from engine.runs.intake.arrivals import TIME, Alike, Row, Sent
from engine.runs.intake.columns import Block, Good, Quick, block_of, joined
from engine.runs.intake.formats import FORMATS
from engine.runs.intake.masters import KEY_CONFLICT
from engine.runs.intake.reading import Broken
from engine.runs.intake.rows import Rules, read_row
from engine.runs.intake.session import Session, Source, Tally
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


Strange = tuple[dict[str, Any], Finding]
"""The values of an event that is refused, and why."""


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

    good: Block = Block()
    problems: list[Problem] = []
    unread: set[str] = set()


class Ingested(msgspec.Struct):
    """What became of the events of one request: ``taken`` are new in the books, ``known`` were there before."""

    taken: int = 0
    known: int = 0
    problems: list[Problem] = []
    warnings: list[Finding] = []


class _Placing(msgspec.Struct):
    """What goes into the books of some blocks: rows, what is told of each block if all are new, and to which event (block
    and place in it) each row belongs, which is asked for only where one is not new."""

    blocks: Sequence[Block]
    told: list[Ingested]
    rows: list[tuple[Any, ...]]
    owners: Callable[[], list[tuple[int, int]]]


class UsageDoor:
    """Where usage events come in.  Safe to share between threads."""

    def __init__(self, books: Books, tenant: str) -> None:
        self.books, self.tenant = books, tenant
        self._quick = (date.min, Quick(_FORM, date(2000, 1, 1)))
        self._told: set[tuple[date, str]] = set()
        self._until = 0.0
        self._seen: usage.Places

    def read(self, body: bytes, form: str, headers: Mapping[str, str]) -> Sent:
        """Events of a body in a form: ``json`` (one event or a list), ``cloudevents``, ``binary`` (with ``headers``)."""
        if form == "json" and (columns := arrivals.alike(body)) is not None:
            return columns
        text = body.decode("utf-8-sig", "surrogateescape")  # no value may hold what was not UTF-8
        if form == "binary":
            return arrivals.binary_cloudevent(headers, text)
        return arrivals.cloudevents(text) if form == "cloudevents" else arrivals.one(text)

    def lines(self, lines: Sequence[bytes]) -> Sent:
        """Events of the lines of a stream."""
        columns = arrivals.lines_alike(lines)
        if columns is not None:
            return columns
        return [arrivals.line(line.decode("utf-8-sig", "surrogateescape").strip()) for line in lines]

    def judge(self, sent: Sent, client: str, now: datetime, ahead: int, positions: Sequence[int] = ()) -> Judged:
        """Judge events by themselves; ``positions`` are theirs in their request, from 1 on where none are given.

        ``client`` is the source of events that name none; moments more than ``ahead`` seconds after ``now`` are refused.
        """
        quick, latest = self._quick_on(now.astimezone(UTC).date()), now + timedelta(seconds=ahead)
        lines = positions or range(1, len(sent) + 1)
        if isinstance(sent, Alike):
            columns = {"source": [client] * len(sent), **sent.columns}
            block = quick.read(columns, lines) if all(columns["source"]) else None
            if block is not None and max(block.values["at"]) <= latest:
                return Judged(block, [], set(sent.unread))
            sent = sent.rows()
        return self._one_by_one(quick.rules, sent, client, (now, latest), lines)

    def _one_by_one(
        self, rules: Rules, rows: Iterable[Row], client: str, bounds: tuple[datetime, datetime], lines: Sequence[int]
    ) -> Judged:
        judged, good, (now, latest) = Judged(), list[Good](), bounds
        for position, row in zip(lines, rows, strict=True):
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
                good.append(Good(values, where))
        judged.good = block_of(_FORM, good)
        return judged

    def write(
        self,
        client: str,
        blocks: Sequence[Block],
        now: datetime,
        *,
        change: Change | None = None,
        strange: Sequence[Strange] = (),
        also: Callable[[Writer], None] | None = None,
    ) -> list[Ingested]:
        """Put the events of several requests of one client into the books, in one transaction.

        ``change`` says who does it, where it is not the client.  ``strange`` are events that are wrong by themselves and
        are to be kept, as texts, with what is wrong with them; ``also`` is done in the same transaction.

        Raises:
            TollbookError: ``store.unavailable``, ``store.cannot-open``: nothing of it is in the books, or, where the
                connection was lost while it was committed, nobody knows; the same events again are safe.
        """
        change = change or Change(f"client/{client}", now, "usage events over HTTP")
        placing = self._at_once(blocks, change)
        if placing is None:
            placing = self._one_after_the_other(blocks, change)
        if placing.rows or strange or also or any(one.problems for one in placing.told):
            with self.books.writer(change, 0, self.tenant) as writer:
                self._put(writer, placing)
                self._keep(writer, client, blocks, placing.told, strange)
                if also is not None:
                    also(writer)
        return placing.told

    def _at_once(self, blocks: Sequence[Block], change: Change) -> _Placing | None:
        """All events, where nothing about any of them is unusual."""
        rows = usage.rows_at_once(joined(blocks), self._places(change))
        if rows is None:
            return None
        told = [Ingested(len(block)) for block in blocks]
        return _Placing(
            blocks, told, rows, lambda: [(n, at) for n, block in enumerate(blocks) for at in range(len(block))]
        )

    def _one_after_the_other(self, blocks: Sequence[Block], change: Change) -> _Placing:
        """The events that have their place, and what is told of the others.

        What was not there a moment ago is asked for again.
        """
        places = self._places(change, fresh=True)
        told, rows, owners = [], list[tuple[Any, ...]](), list[tuple[int, int]]()
        for number, block in enumerate(blocks):
            tally, early, unknown = Tally(_SOURCE), dict[usage.Key, usage.Early](), dict[str, usage.Undeclared]()
            good, made = usage.placed(block.rows(), places, tally, early, unknown)
            rows += made
            at = {line: place for place, line in enumerate(block.lines)}
            owners += [(number, at[row.where.line]) for row in good]
            keys = block.values.get("key", ())
            strange = [_problem(f.where.line, keys[at[f.where.line]], f, kept=True) for f in tally.findings]
            warnings = [usage.before_start(one) for one in early.values()]
            warnings += [usage.undeclared(one) for one in unknown.values()]
            told.append(Ingested(len(made), 0, strange, warnings))
        return _Placing(blocks, told, rows, lambda: owners)

    def _places(self, change: Change, *, fresh: bool = False) -> usage.Places:
        """Subscriptions and meters; those that were there a moment ago are taken to be there, unless asked for anew."""
        now = time.monotonic()
        if fresh or now >= self._until:
            session = Session(self.books, self.tenant, change, change.at.date(), "", silent)
            self._seen, self._until = usage.Places(session), now + REMEMBERED
        return self._seen

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

    def _quick_on(self, today: date) -> Quick:
        day, quick = self._quick
        if day != today:
            quick = Quick(_FORM, today)
            self._quick = today, quick
        return quick

    def _first(self, today: date, subject: str) -> bool:
        """Whether a subject is warned of for the first time on a day, as far as this process remembers."""
        new = (today, subject) not in self._told
        if len(self._told) >= TOLD:
            self._told.clear()
        self._told.add((today, subject))
        return new

    def _put(self, writer: Writer, placing: _Placing) -> None:
        outcome, told = writer.put_usage(placing.rows), placing.told
        if outcome.inserted == len(placing.rows):
            return
        owners = placing.owners()
        for position in outcome.repeats:
            one = told[owners[position][0]]
            one.taken, one.known = one.taken - 1, one.known + 1
        clashing = [
            (number, placing.blocks[number].row(at)) for number, at in map(owners.__getitem__, outcome.conflicts)
        ]
        found = usage.conflicts(writer.reader, self.tenant, [row for _, row in clashing]) if clashing else []
        for (number, row), finding in zip(clashing, found, strict=True):
            told[number].taken -= 1
            told[number].problems.append(_problem(row.where.line, row.values["key"], finding, kept=True))

    def _keep(
        self,
        writer: Writer,
        client: str,
        blocks: Sequence[Block],
        told: Sequence[Ingested],
        strange: Sequence[Strange],
    ) -> None:
        """Keep refused events, and findings of those that were not kept before."""
        refused: list[Strange] = list(strange)
        for block, one in zip(blocks, told, strict=True):
            at = {line: place for place, line in enumerate(block.lines)} if one.problems else {}
            refused += [(block.row(at[problem.position]).values, problem.finding) for problem in one.problems]
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
    given = {name: value for name, value in values.items() if value is not None}
    body = {name: value.isoformat() if isinstance(value, datetime) else str(value) for name, value in given.items()}
    digest = hashlib.sha256(msgspec.json.encode([*sorted(body.items()), str(finding.code)])).hexdigest()
    head = (tenant, *(str(values.get(name) or "?") for name in _FORM.key), digest, client, at)
    return (*head, str(finding.code), finding.what, body)
