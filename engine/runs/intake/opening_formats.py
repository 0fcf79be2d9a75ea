"""Files of a cut-over: what the system that billed before has billed, is owed, holds and has numbered."""

from __future__ import annotations

from typing import Final

from engine.runs.intake.shapes import ENTITY, Column, Format, key_column

TAX_CATEGORIES: Final = ("S", "Z", "E", "AE", "K", "G", "O")

_CUTOVER = key_column("cutover", "the cut-over that it belongs to", "cutovers", required=False, default="main")
_OPENING_ACCOUNT = key_column("account", "the customer", "accounts")
_FUNCTIONAL = Column(
    "functional_amount",
    "decimal",
    "what the amount is worth in the books, in functional currency; empty where that is the currency itself",
    after=4,
)
_CURRENCY = Column("currency", "currency", "currency of the amount", required=True)
_LOADED_ONCE = "settle the difference by a document of its own, or begin again with books from before the cut-over"


def _amount(name: str, meaning: str, *, required: bool = True, low: int | None = None) -> Column:
    return Column(name, "decimal", meaning, required=required, low=low, after=4)


OPENINGS: Final = (
    Format(
        "cutovers",
        "cut-over",
        "When a legal entity, or a wave of its customers, comes over from the system that billed before.",
        (
            ENTITY,
            key_column(
                "key", "identifies the cut-over within the legal entity; the other files take main where they name none"
            ),
            Column(
                "first_day",
                "date",
                "first day that is billed here; balances are as they were when the day before it ended",
                required=True,
            ),
            Column("source", "text", "the system that billed before", required=True),
        ),
        ("entity", "key"),
        appended=True,
        correction=_LOADED_ONCE,
    ),
    Format(
        "opening_lines",
        "opening line",
        "What the old system has billed and may have to give back: its invoice lines, and its credits on them.",
        (
            ENTITY,
            key_column("key", "identifies the line: number of the old document and of the line"),
            key_column("subscription", "the subscription", "subscriptions"),
            key_column("charge", "the charge that it billed"),
            key_column(
                "plan", "the plan; empty: the one that the subscription had on its first day", "plans", required=False
            ),
            Column("service_from", "date", "first day of its service period", required=True),
            Column("service_to", "date", "day after the last day of its service period", required=True),
            _CURRENCY,
            Column("quantity", "decimal", "quantity that it billed", default="1"),
            _amount("amount", "net amount; below zero where it gives back"),
            Column(
                "tax_rate", "decimal", "tax as a share of the net amount, 0.19 for 19 %", default="0", low=0, after=6
            ),
            _amount("tax_amount", "its tax; below zero where it gives back", required=False),
            Column("tax_category", "choice", "EN 16931 category of its tax", default="S", choices=TAX_CATEGORIES),
            Column(
                "tax_jurisdiction", "text", "who levies the tax, DE or US-NY; empty: country of the account", high=20
            ),
            Column("tax_reason", "text", "why there is no tax, as printed", default=""),
            Column("rate", "decimal", "functional currency for one unit of its currency", before=6, after=12),
            Column("text", "text", "text of the line; empty: the name of the charge"),
            key_column("document", "number of the old document"),
            Column("document_date", "date", "date of the old document", required=True),
            key_column("credits", "key of the opening line that it gives back", required=False),
            _CUTOVER,
        ),
        ("entity", "key"),
        appended=True,
        correction=_LOADED_ONCE,
    ),
    Format(
        "billed_through",
        "billed-through date",
        "How far the old system has billed a charge, where that is all that is known of it.",
        (
            ENTITY,
            key_column("subscription", "the subscription", "subscriptions"),
            key_column("charge", "the charge"),
            Column("billed_to", "date", "first day that the old system has not billed", required=True),
            _CUTOVER,
        ),
        ("entity", "subscription", "charge"),
        appended=True,
        correction=_LOADED_ONCE,
    ),
    Format(
        "opening_receivables",
        "open receivable",
        "Documents of the old system that are not, or not wholly, paid.",
        (
            ENTITY,
            key_column("number", "number of the old document"),
            _OPENING_ACCOUNT,
            Column("kind", "choice", "what it is", default="invoice", choices=("invoice", "credit_note")),
            Column("document_date", "date", "its date", required=True),
            Column("due_date", "date", "the day on which it is due; empty: its date"),
            _CURRENCY,
            _amount("original", "what it came to with tax; credit notes below zero"),
            _amount("amount", "what of it is still open, with the same sign"),
            _FUNCTIONAL,
            _CUTOVER,
        ),
        ("entity", "number"),
        appended=True,
        correction=_LOADED_ONCE,
    ),
    Format(
        "opening_cash",
        "unapplied receipt",
        "Money that customers have paid on account.",
        (
            ENTITY,
            key_column("key", "reference of the bank"),
            _OPENING_ACCOUNT,
            Column("value_date", "date", "day on which the money came", required=True),
            _CURRENCY,
            _amount("amount", "what of it is applied to nothing", low=0),
            _FUNCTIONAL,
            _CUTOVER,
        ),
        ("entity", "key"),
        appended=True,
        correction=_LOADED_ONCE,
    ),
    Format(
        "opening_wallets",
        "wallet lot",
        "Credits that customers have paid in advance.",
        (
            ENTITY,
            key_column("key", "identifies the lot"),
            _OPENING_ACCOUNT,
            Column("granted_on", "date", "day on which it was granted", required=True),
            Column("expires_on", "date", "first day on which it is worth nothing; empty: it does not expire"),
            Column("priority", "integer", "order of use: the lowest first", default="1", low=1, high=1000),
            _CURRENCY,
            _amount("granted", "what was granted; empty: what is left", required=False, low=0),
            _amount("amount", "what is left of it", low=0),
            _FUNCTIONAL,
            _CUTOVER,
            key_column(
                "wallet", "the wallet; empty: one of the account, called ACCOUNT-CURRENCY", "wallets", required=False
            ),
        ),
        ("entity", "key"),
        appended=True,
        correction=_LOADED_ONCE,
    ),
    Format(
        "opening_deferred",
        "deferred balance",
        "Revenue that was invoiced and is still to be recognised (contract liabilities).",
        (
            ENTITY,
            key_column("key", "identifies the balance"),
            _OPENING_ACCOUNT,
            key_column("contract", "the contract", "contracts", required=False),
            key_column("subscription", "the subscription", "subscriptions", required=False),
            Column("product", "text", "product that the revenue belongs to", default="", high=100),
            _CURRENCY,
            _amount("amount", "what is still to be recognised", low=0),
            _FUNCTIONAL,
            Column(
                "service_from",
                "date",
                "first day over which it is recognised; that of the cut-over where it is earlier",
                required=True,
            ),
            Column("service_to", "date", "day after the last day over which it is recognised", required=True),
            _CUTOVER,
        ),
        ("entity", "key"),
        appended=True,
        correction=_LOADED_ONCE,
    ),
    Format(
        "opening_numbers",
        "last legal number",
        "Series of legal numbers that go on here without a gap.",
        (
            ENTITY,
            key_column("series", "name of the series, as the numbering rules make it"),
            Column("last_number", "integer", "last number that the old system gave", required=True, low=1, high=10**15),
            Column("last_date", "date", "date of the document that has it", required=True),
            _CUTOVER,
        ),
        ("entity", "series"),
        appended=True,
        correction=_LOADED_ONCE,
    ),
    Format(
        "opening_balances",
        "control total",
        "Balances of the old general ledger, which the opening balances of the other files must come to.",
        (
            ENTITY,
            key_column("account", "account number in the general ledger", "gl_accounts"),
            _CURRENCY,
            _amount("amount", "its balance in that currency; debits above zero"),
            _FUNCTIONAL,
            _CUTOVER,
        ),
        ("entity", "cutover", "account", "currency"),
        appended=True,
        correction=_LOADED_ONCE,
    ),
)
"""Formats of a cut-over, in the order in which files are loaded."""
