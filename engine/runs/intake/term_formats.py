"""Import files of what subscriptions and accounts are told by beside their own: terms, and values of attributes."""

from __future__ import annotations

from typing import Final

from engine.model.attribute import OBJECTS
from engine.runs.intake.shapes import ENTITY, Column, Format, key_column

TERMED: Final = (
    Format(
        "subscription_terms",
        "subscription term",
        "How long subscriptions are bound; what follows a term, the rules of the family renewal say.",
        (
            ENTITY,
            key_column("subscription", "the subscription", "subscriptions"),
            Column("starts", "date", "first day of the term", required=True),
            Column("ends", "date", "the day after its last day", required=True),
            Column("renews", "boolean", "whether it goes on by itself", default="true"),
            Column("renewal_months", "integer", "length of the next term in months", default="12", low=1, high=240),
            Column("notice_days", "integer", "days of notice before its end", default="0", low=0, high=3660),
        ),
        ("entity", "subscription", "starts"),
    ),
    Format(
        "attribute_values",
        "attribute value",
        "What attributes.yaml in a folder of rules declares of accounts, subscriptions, charges and contracts, as it is from a day on.",
        (
            ENTITY,
            Column("object", "choice", "what has the attribute", required=True, choices=OBJECTS),
            key_column("record", "the account, subscription or contract, or PLAN/CHARGE"),
            key_column("attribute", "the attribute, as attributes.yaml declares it"),
            Column("valid_from", "date", "first day of the value; empty: always was"),
            Column("value", "text", "the value, of the declared type; empty: none, or the declared default"),
        ),
        ("entity", "object", "record", "attribute", "valid_from"),
    ),
)
