"""Import files of tax: certificates of exemption, evidence, and what tax codes are reported as."""

from __future__ import annotations

from typing import Final

from engine.model.tax_evidence import KINDS
from engine.runs.intake.shapes import ENTITY, Column, Format, key_column

TAXED: Final = (
    Format(
        "tax_codes",
        "tax code",
        "Tax codes of charges, and what they are reported as.",
        (
            key_column("key", "the tax code, as charges name it"),
            Column("name", "text", "what it is for", required=True),
            Column("reporting_code", "text", "what it is called in tax returns", required=True, high=50),
        ),
        ("key",),
        appended=True,
        correction="what was invoiced under it is reported under it: give charges another tax code",
    ),
    Format(
        "tax_evidence",
        "tax evidence",
        "Evidence of where customers are, and answers of authorities about their tax ids.",
        (
            ENTITY,
            key_column("account", "the customer", "accounts"),
            key_column("key", "identifies the piece of evidence"),
            Column("kind", "choice", "what it is; two of one kind count as one", required=True, choices=KINDS),
            Column("country", "text", "country that it places the customer in, ISO 3166-1 alpha-2", default="", high=2),
            Column("tax_id", "text", "tax_id only: the number that was asked about", default="", high=50),
            Column(
                "valid",
                "boolean",
                "tax_id: whether it was confirmed; others: whether it can be relied on",
                default="true",
            ),
            Column("checked_on", "date", "day of the answer", required=True),
            Column("reference", "text", "what finds it again, such as the request id of an answer", default=""),
            Column("source", "text", "who answered, such as VIES", default=""),
        ),
        ("entity", "account", "key"),
        appended=True,
        correction="import the newer answer under a key of its own: the newest of a kind counts",
    ),
    Format(
        "exemptions",
        "exemption",
        "Certificates that exempt customers from tax.",
        (
            ENTITY,
            key_column("account", "the customer", "accounts"),
            key_column("certificate", "number of the certificate"),
            Column("country", "country", "country in which it holds", required=True),
            Column(
                "region", "text", "state or province in which it holds, as NY; empty: all of them", default="", high=10
            ),
            Column("reason", "text", "why the customer is exempt, such as resale or government", required=True),
            Column(
                "tax_codes",
                "text",
                "tax codes that it holds for, with ';' between them; empty: all",
                default="",
                high=1000,
            ),
            Column("valid_from", "date", "first day on which it holds; empty: always"),
            Column("valid_to", "date", "day after the last; empty: no end"),
            Column("source", "text", "who keeps the certificate", default=""),
            Column("received_on", "date", "day on which it came", required=True),
        ),
        ("entity", "account", "certificate"),
    ),
)
