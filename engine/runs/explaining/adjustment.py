"""Where a posting of a further book comes from, and what further books make of an entry of the leading one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.model.decision import Trace
from engine.model.journal import JournalEntry, Posting
from engine.runs.explaining.words import (
    Explanation,
    RulesOf,
    Step,
    TracingRules,
    at_position,
    first,
    listed,
    rate_of,
    rule_of,
    side,
    tried,
)
from engine.runs.further_books.adjusting import facts_of
from engine.store import tracing, tracing_back
from engine.store.reader import Reader

Row = Mapping[str, Any]


def explain_adjustment(
    reader: Reader, tenant: str, rules_of: RulesOf, ident: int, position: int, everything: bool
) -> Explanation | None:
    """Explain posting ``position`` of an entry of a further book by its id; None where no further book has that entry.

    Raises:
        TollbookError: ``explain.no-such-posting``.
    """
    entry = next(iter(tracing_back.book_entries(reader, tenant, ident=ident)), None)
    if entry is None:
        return None
    rows = tracing_back.book_postings(reader, ident)
    mine, book = at_position(rows, position, str(ident)), entry["book"]
    text = f"{entry['kind']} entry {ident} of {entry['posting_date']} in book {book}: {entry['text']}"
    steps = [Step("entry", text, first(listed(rows), everything))]
    release = ""
    if entry["of_entry"]:
        of = tracing_back.entry(reader, tenant, entry["of_entry"])
        assert of is not None  # entries are never removed
        text = f"adjusts {of['kind']} entry {of['id']} of {of['posting_date']} in the leading book: {of['text']}"
        sides = tracing_back.postings(reader, of["id"])
        steps.append(Step("document", text, first(listed(sides), everything)))
        decision = tracing.decisions(reader, [mine["decision"]])[mine["decision"]]
        release = str(decision["release"])
        trace = _trace(reader, rules_of(release), book, of, sides, mine)
        steps.append(Step("rule", rule_of(decision), tried(trace) if trace else ()))
    else:
        steps.append(Step("document", f"a person has posted it in this book alone, under key {entry['key']}"))
    steps.append(rate_of(mine))
    return Explanation(
        f"posting:{ident}/{position}", f"{entry['kind']} in book {book}", side(mine), release, tuple(steps)
    )


def adjustments(reader: Reader, tenant: str, entry: Row, everything: bool) -> tuple[Step, ...]:
    """What further books make of an entry of the leading one; nothing where none adjusts it."""
    details = tuple(
        (label, f"{one['book']} on {one['posting_date']}: {text}")
        for one in tracing_back.book_entries(reader, tenant, of_entry=entry["id"])
        for label, text in listed(tracing_back.book_postings(reader, one["id"]))
    )
    return (Step("further books", f"{len(details)} postings", first(details, everything)),) if details else ()


def _trace(
    reader: Reader, rules: TracingRules, book: str, of: Row, sides: list[dict[str, Any]], mine: Row
) -> Trace | None:
    """How the rule was found that wants an adjustment: its facts are those of a posting for which it answers, of the same line if
    it can be."""
    known = Posting.__struct_fields__[:-2]
    postings = tuple(
        Posting(**{name: one[name] for name in known}, line=one["line_id"], decision=one["decision"]) for one in sides
    )
    entry = JournalEntry(of["tenant"], of["entity"], of["kind"], of["posting_date"], of["text"], postings)
    asked = list(zip(postings, facts_of(book, entry, reader.behind_postings([of["id"]])[of["id"]]), strict=True))
    for _, facts in sorted(
        asked, key=lambda pair: (pair[0].line != mine["line_id"], pair[0].currency != mine["currency"])
    ):
        trace = rules.trace("books", facts, entry.posting_date)
        if trace.decision is not None and trace.decision.id == mine["decision"]:
            return trace
    return None
