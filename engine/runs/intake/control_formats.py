"""The import files of who delivers usage, and of what they say they have counted."""

from __future__ import annotations

from typing import Final

from engine.runs.intake.shapes import ENTITY, Column, Format, key_column

USAGE_CONTROL: Final = (
    Format(
        "usage_sources",
        "usage source",
        "Systems that deliver usage, and when; a bill run notices what did not come.",
        (
            ENTITY,
            key_column("key", "identifies the source, as in the column source of usage"),
            Column(
                "meters", "text", "keys of the meters that it counts, with ';' between them; empty: any", default=""
            ),
            Column("every", "choice", "how often it delivers", required=True, choices=("day", "week", "month")),
            Column(
                "due_days",
                "integer",
                "days after the end of such a period within which the delivery is there",
                default="0",
                low=0,
                high=366,
            ),
            Column("first_day", "date", "first day of its first period; the others follow from it", required=True),
            Column("last_day", "date", "last day on which a period may begin; empty: no end"),
            Column(
                "totals",
                "boolean",
                "whether it sends control totals, which then have to be there; otherwise any event is a delivery",
                default="true",
            ),
        ),
        ("entity", "key"),
    ),
    Format(
        "usage_totals",
        "usage control total",
        "What sources say they have counted; compared with what arrived before a bill run. A total that comes again replaces"
        " the one before.",
        (
            ENTITY,
            key_column("source", "the system that counted"),
            key_column("meter", "what was used", "meters"),
            Column("day", "date", "first day of the total, where the customers are", required=True),
            Column("until", "date", "the day after its last day; empty: it is of one day"),
            Column("events", "integer", "how many events; empty: not compared", low=0, high=10**15),
            Column(
                "quantity",
                "decimal",
                "how much, less what was taken back; of meters that count by weighted_sum it may be below zero; empty: not"
                " compared",
            ),
        ),
        ("entity", "source", "meter", "day"),
    ),
)
