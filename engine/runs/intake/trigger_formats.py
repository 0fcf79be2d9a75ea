"""Import files of what charges wait for: planned milestones, and what was accepted."""

from __future__ import annotations

from typing import Final

from engine.runs.intake.shapes import ENTITY, Column, Format, key_column

KINDS: Final = ("accept", "go_live", "revoke")

STARTS_ON: Final = Column(
    "starts_on",
    "choice",
    "what it waits for: subscription, nothing else; go_live, until the service goes live; milestone, its price is billed in"
    " parts as milestones are accepted (one_time only)",
    default="subscription",
    choices=("subscription", "go_live", "milestone"),
)
"""The column of ``charges``."""

TRIGGERED: Final = (
    Format(
        "milestones",
        "milestone",
        "Planned parts of fixed prices; when they are reached, acceptances say.",
        (
            ENTITY,
            key_column("subscription", "the subscription", "subscriptions"),
            key_column("key", "identifies the milestone within the subscription"),
            Column(
                "charge",
                "key",
                "the charge of its plan that it is a part of, or whose go-live it expects",
                required=True,
            ),
            Column("name", "text", "text on invoices", required=True),
            Column("amount", "decimal", "what it is worth before tax; empty where a share says it", low=0, after=4),
            Column("share", "decimal", "its share of the whole price, such as 0.3", low=0, high=1, after=12),
            Column("expected", "date", "day on which it is expected"),
        ),
        ("entity", "subscription", "key"),
    ),
    Format(
        "acceptances",
        "acceptance",
        "What was accepted, went live, or was revoked: each bills what waited for it, or gives it back.",
        (
            ENTITY,
            key_column("subscription", "the subscription", "subscriptions"),
            key_column("key", "identifies it within the events of the subscription; sent twice, it counts once"),
            Column("kind", "choice", "what happened", required=True, choices=KINDS),
            Column(
                "about",
                "key",
                "accept: the milestone; go_live: the charge, empty for all that wait for it; revoke: the key of what is"
                " taken back",
            ),
            Column("on", "date", "the day from which it counts", required=True),
            Column("accepted_by", "text", "who accepted it", default="", high=200),
            Column("evidence", "text", "where that can be seen, such as the name of a protocol", default="", high=200),
        ),
        ("entity", "subscription", "key"),
        appended=True,
        correction="revoke it, and import another one with a key of its own",
    ),
)
