"""Last legal numbers: series that go on here without a gap."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from engine.base.errors import Code, Finding
from engine.runs.intake.cutting import Once, put, rows_of
from engine.runs.intake.formats import Format
from engine.runs.intake.rows import subject_of
from engine.runs.intake.session import Good, Session, Source
from engine.store import lookups
from engine.store.writer import Writer
from engine.store.writing.openings import Put

BEGUN = Code("cutover.series-begun", "A last legal number for a series that has documents here already.")


def load(session: Session, form: Format, sources: Sequence[Source]) -> None:
    """Load all files of last numbers."""
    once = Once(form)
    for source in sources:
        tally = session.tally(source)
        for chunk in rows_of(session, form, source, tally, "last_date"):
            rows = once.fresh(chunk, tally)
            keys = [(row.values["entity"], row.values["series"]) for row in rows]
            with session.books.reader() as reader:
                begun = lookups.series_begun(reader, session.tenant, keys)
            good = []
            for row, key in zip(rows, keys, strict=True):
                if key in begun:
                    tally.refuse_row(_begun(form, row, begun[key]))
                else:
                    good.append(row)
            if good:
                put(session, form, good, tally, partial(_put, session, form, good))


def _begun(form: Format, row: Good, following: int) -> Finding:
    values = row.values
    return Finding(
        BEGUN,
        row.where,
        f"series {values['series']} of {values['entity']} goes on with {following} here already",
        "numbers that were given cannot follow others afterwards",
        "import last numbers before the first bill run",
        subject=subject_of(form, values),
    )


def _put(session: Session, form: Format, rows: Sequence[Good], writer: Writer) -> Put:
    table = [{**row.values, "tenant": session.tenant} for row in rows]
    made = writer.put_openings(form.kind, table, form.names - set(form.key))
    for place, _ in made.fresh:
        values = table[place]
        writer.go_on_numbering(
            session.tenant, values["entity"], values["series"], values["last_number"], values["last_date"]
        )
    return made
