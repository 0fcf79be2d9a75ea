"""The import file of mandates to collect from bank accounts."""

from __future__ import annotations

from typing import Final

from engine.runs.intake.shapes import ENTITY, Column, Format, key_column

MANDATES: Final = Format(
    "mandates",
    "mandate",
    "SEPA mandates of customers: leave to collect what they owe from a bank account.",
    (
        ENTITY,
        Column("reference", "text", "the mandate's reference, unique for the creditor", required=True, high=35),
        key_column("account", "the customer who pays", "accounts"),
        Column("scheme", "choice", "scheme that it was signed for", default="CORE", choices=("CORE", "B2B")),
        Column(
            "kind",
            "choice",
            "for as many collections as come, or one",
            default="recurrent",
            choices=("recurrent", "one_off"),
        ),
        Column("debtor_name", "text", "who has signed it", required=True, high=70),
        Column("iban", "text", "account that is collected from", required=True, high=42),
        Column("bic", "text", "its bank's BIC; needed outside of the European Economic Area", default="", high=11),
        Column(
            "creditor_id",
            "text",
            "our creditor identifier that it names; empty: that of the adapter",
            default="",
            high=35,
        ),
        Column("signed_on", "date", "the day of signature", required=True),
        Column("replaces", "text", "reference that it had before, in another system for instance", default="", high=35),
        Column("last_collected", "date", "the last day on which another system collected under it; empty: never"),
        Column("final", "boolean", "whether the next collection is the last", default="false"),
        Column("cancelled_on", "date", "the day from which nothing is collected; empty: it stands"),
        Column(
            "confirmed_on", "date", "the day on which somebody last saw that it is good, after a return for instance"
        ),
    ),
    ("entity", "reference"),
    fixed=("account", "scheme", "kind", "signed_on"),
    correction="cancel the mandate, and have another one signed under a reference of its own",
)
