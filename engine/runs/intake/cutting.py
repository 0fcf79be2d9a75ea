"""What all files of a cut-over share: its day, and rows that are put in once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from engine.base.errors import Code, Finding
from engine.runs.intake.formats import Format
from engine.runs.intake.masters import DOUBLE_KEY, conflict
from engine.runs.intake.references import Key, Known, resolve
from engine.runs.intake.rows import rules_of, subject_of
from engine.runs.intake.session import CHUNK, Good, Refused, Session, Source, Tally, chunks, good_rows, refused
from engine.store.records import Outcome
from engine.store.writer import Writer
from engine.store.writing.openings import Put

AFTER_CUTOVER = Code("cutover.dated-after", "A record of the old system that is dated on or after the cut-over.")

Judge = Callable[[Good], Finding | None]
"""What is wrong with a row beside the books; None where nothing is."""


def rows_of(
    session: Session,
    form: Format,
    source: Source,
    tally: Tally,
    dated: str = "",
    wanted: Callable[[Any], bool] | None = None,
) -> Iterator[list[Good]]:
    """Rows of a file, in chunks, that are right by themselves, name what is there and are dated before the cut-over.

    ``dated`` is the column of the date.  Each row gets ``first_day`` of its cut-over and ``functional_currency`` of its
    legal entity among its values.
    """
    rules, known = rules_of(form, session.today), Known(session)
    try:
        for chunk in chunks(good_rows(source, rules, tally, wanted), CHUNK):
            good = []
            for row in resolve(known, form, chunk, tally):
                entity, values = row.values["entity"], row.values
                key = (entity, values["cutover"])
                values["first_day"] = known.find("cutovers", [key])[key]["first_day"]
                there = known.find("entities", [(entity,)])[entity,]
                values["functional_currency"] = there["functional_currency"]
                if dated and values[dated] >= values["first_day"]:
                    tally.refuse_row(_after(form, row, dated))
                else:
                    good.append(row)
            yield good
            session.show(tally)
    except Refused as error:
        if not tally.refused:
            refused(tally, error)


def _after(form: Format, row: Good, dated: str) -> Finding:
    day, first = row.values[dated], row.values["first_day"]
    return Finding(
        AFTER_CUTOVER,
        row.where,
        f"{dated} {day} is not before the cut-over of {first}",
        "what happens from that day on is billed and booked here",
        "take the row out, or correct the date",
        subject=subject_of(form, row.values),
    )


def judged(rows: Sequence[Good], judge: Judge, tally: Tally) -> list[Good]:
    """The rows with which nothing is wrong; the others are quarantined."""
    good = []
    for row in rows:
        flaw = judge(row)
        if flaw is None:
            good.append(row)
        else:
            tally.refuse_row(flaw)
    return good


class Once(msgspec.Struct):
    """Rows by natural key within one import, so that a key that comes twice is judged as one that the books have."""

    form: Format
    seen: dict[Key, Mapping[str, Any]] = {}

    def fresh(self, rows: Sequence[Good], tally: Tally) -> list[Good]:
        """The rows whose key comes for the first time."""
        first = []
        for row in rows:
            key = tuple(row.values[name] for name in self.form.key)
            body = {name: row.values[name] for name in self.form.names}
            there = self.seen.setdefault(key, body)
            if there is body:
                first.append(row)
            elif there == body:
                tally.same += 1
            else:
                what = f"{self.form.noun} {'/'.join(map(str, key))} is there before with other values"
                why, mend = "nobody knows which one counts", "keep one of the rows"
                subject = subject_of(self.form, row.values)
                tally.refuse_row(Finding(DOUBLE_KEY, row.where, what, why, mend, subject=subject))
        return first


def put(session: Session, form: Format, rows: Sequence[Good], tally: Tally, work: Callable[[Writer], Put]) -> Put:
    """Write rows in one transaction, count them, and quarantine those that contradict the books."""
    made: list[Put] = []

    def write(writer: Writer) -> Outcome:
        made.append(work(writer))
        return made[-1].outcome

    tally.add(session.write(write))
    for position, there in made[-1].conflicts:
        tally.refuse_row(conflict(form, rows[position], there))
    return made[-1]


def eve(row: Good) -> date:
    """The day of opening entries: the last one before the cut-over."""
    first: date = row.values["first_day"]
    return date.fromordinal(first.toordinal() - 1)
