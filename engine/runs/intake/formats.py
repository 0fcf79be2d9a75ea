"""The one table of what ``tollbook import`` reads: files, their columns, types, defaults and meanings.

Readers, checks and the reference page all come from :data:`FORMATS`; a column is added here and nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engine.model.measure import AGGREGATIONS
from engine.runs.intake.column_types import TYPES
from engine.runs.intake.control_formats import USAGE_CONTROL
from engine.runs.intake.gross_formats import TAX_INCLUDED
from engine.runs.intake.mandate_formats import MANDATES
from engine.runs.intake.opening_formats import OPENINGS
from engine.runs.intake.order_formats import PURCHASE_ORDERS
from engine.runs.intake.party_formats import BUYER, SELLER
from engine.runs.intake.payment_formats import PAYMENT_METHODS, REMITTANCES
from engine.runs.intake.price_formats import PRICED
from engine.runs.intake.revenue_contract_formats import REVENUE_CONTRACTED
from engine.runs.intake.shapes import ENTITY, Column, Format, if_version, key_column
from engine.runs.intake.tax_formats import TAXED
from engine.runs.intake.term_formats import TERMED
from engine.runs.intake.trigger_formats import STARTS_ON, TRIGGERED
from engine.runs.intake.wallet_formats import WALLET_GRANTS, WALLETS

__all__ = ["EVENT_KINDS", "FORMATS", "GL_KINDS", "SUFFIXES", "TYPES", "Column", "Format"]

SUFFIXES: Final = ("csv", "jsonl", "parquet")
"""Kinds of file, by the ending of the name."""
PACKED: Final = ".gz"
"""What the name of a packed file of text ends in."""
EVENT_KINDS: Final = (
    "start",
    "change",
    "pause",
    "resume",
    "cancel",
    "anchor",
    "uncancel",
    "withdraw",
    "adjust",
    "redeem",
    "payer",
)
GL_KINDS: Final = ("asset", "liability", "equity", "income", "expense")

_FORMATS: Final = (
    Format(
        "entities",
        "legal entity",
        "The companies that sell and keep books.",
        (
            key_column("key", "identifies the legal entity"),
            Column("name", "text", "legal name", required=True),
            Column("country", "country", "country of establishment", required=True),
            Column("functional_currency", "currency", "currency that its books are kept in", required=True),
            Column("zone", "zone", "time zone of its business days", required=True),
            Column("address", "lines", "address as printed on invoices", default="", high=1000),
            Column("fiscal_year_start", "integer", "first month of its fiscal year", default="1", low=1, high=12),
            Column("registrations", "registrations", "its registrations for tax"),
            Column("bank_accounts", "bank_accounts", "where customers pay it"),
            *SELLER,
        ),
        ("key",),
    ),
    Format(
        "accounts",
        "account",
        "Customers.",
        (
            ENTITY,
            key_column("key", "identifies the account within the legal entity"),
            Column("name", "text", "name on invoices", required=True),
            Column("country", "country", "country that it is taxed in", required=True),
            Column("region", "text", "state or province, ISO 3166-2 without the country", high=10),
            Column("currency", "currency", "currency that it is invoiced in", required=True),
            Column("zone", "zone", "time zone in which its days begin", required=True),
            key_column("parent", "the account above it", "accounts", required=False),
            key_column("payer", "the account that receives its invoices; empty: itself", "accounts", required=False),
            Column("segment", "text", "commercial segment, such as enterprise", default="business", high=50),
            Column("language", "language", "language of its documents", default="en"),
            Column("tax_id", "text", "its tax registration number", high=50),
            Column("tax_exempt", "boolean", "whether a certificate exempts it from tax", default="false"),
            Column("email", "text", "where invoices are sent", high=320),
            Column("address", "lines", "address as printed on invoices", default="", high=1000),
            *BUYER,
        ),
        ("entity", "key"),
    ),
    Format(
        "meters",
        "meter",
        "What usage counts.",
        (
            key_column("key", "identifies the meter"),
            Column("unit", "text", "what one of it is called", required=True, high=50),
            Column("aggregation", "choice", "how events add up", default="sum", choices=AGGREGATIONS),
            Column(
                "dimensions",
                "text",
                "what its events carry: name:kind with ';' between; kinds text, number, boolean",
                high=1000,
            ),
            Column(
                "others",
                "choice",
                "what becomes of dimensions that it does not declare, where it declares some: kept with a finding, kept, or the"
                " event is refused",
                default="report",
                choices=("report", "keep", "refuse"),
            ),
            Column("dimension", "text", "for unique: the dimension whose different values are counted", high=50),
            Column("percentile", "decimal", "for percentile: which, by nearest rank, such as 95", before=3, after=4),
            Column(
                "expression",
                "text",
                "for expression: what each event counts, such as quantity * (dim.size ?? 1)",
                high=500,
            ),
            Column(
                "filter",
                "text",
                'condition on the events that it counts, such as dim.region == "EU"; empty: all',
                high=500,
            ),
        ),
        ("key",),
    ),
    Format(
        "plans",
        "plan",
        "Bundles of charges that customers subscribe to.",
        (key_column("key", "identifies the plan"), Column("name", "text", "name on invoices", required=True)),
        ("key",),
    ),
    Format(
        "charges",
        "charge",
        "What a plan bills. Prices are not here: they come from pricing rules.",
        (
            key_column("plan", "the plan that it belongs to", "plans"),
            key_column("key", "identifies the charge within the plan"),
            Column("name", "text", "text on invoices", required=True),
            Column("kind", "choice", "what it is", required=True, choices=("recurring", "usage", "one_time")),
            Column(
                "timing",
                "choice",
                "billed when its cycle begins, when it has ended, or early in it, on any day after the first; empty: arrears for"
                " usage, advance for the others",
                choices=("advance", "arrears", "arrears_early"),
            ),
            Column("months", "integer", "length of its billing cycle in months", default="1", low=1, high=120),
            Column(
                "days",
                "integer",
                "length of its billing cycle in days, from the first day of service on whatever the anchor day; empty: months",
                default="0",
                low=0,
                high=3660,
            ),
            Column(
                "cycles_from",
                "choice",
                "what its cycles are counted from: subscription, from the last anchor day on or before its first start; or"
                " terms, anew from each start, change and resume, beginning with the anchor day of that month",
                default="subscription",
                choices=("subscription", "terms"),
            ),
            Column("zero_lines", "boolean", "whether an amount of zero makes a line; not for usage", default="false"),
            key_column("meter", "the meter that it bills; for usage only, and always there", "meters", required=False),
            Column(
                "meters", "text", "keys of all meters that it prices together, with ';' between them; empty: its meter"
            ),
            Column(
                "filter", "text", "usage: condition on the events that it counts, beside that of its meter", high=500
            ),
            Column(
                "group_by",
                "text",
                "usage: dimensions whose values are priced each by itself, with ';' between",
                high=200,
            ),
            Column(
                "group_lines", "boolean", "whether each of them has a line of its own; else one in sum", default="false"
            ),
            Column("unit", "text", "what one of its quantity is called", default="unit", high=50),
            Column("product", "text", "product that its revenue belongs to", default="", high=100),
            Column("tax_code", "text", "what it is for tax, such as digital_service", default="standard", high=50),
            STARTS_ON,
            TAX_INCLUDED,
        ),
        ("plan", "key"),
    ),
    Format(
        "contracts",
        "contract",
        "What was agreed with a customer.",
        (
            ENTITY,
            key_column("key", "identifies the contract within the legal entity"),
            key_column("account", "the customer", "accounts"),
            Column("signed_on", "date", "day of the contract", required=True),
            Column("payment_days", "integer", "days from invoice date to due date", default="30", low=0, high=730),
            Column("purchase_order", "text", "the buyer's order number", high=100),
            if_version("how many versions of the contract and its lines"),
            Column(
                "type", "text", "what kind of contract it is, in words that document rules know", default="", high=50
            ),
        ),
        ("entity", "key"),
    ),
    Format(
        "contract_lines",
        "contract line",
        "Prices agreed with one customer.",
        (
            ENTITY,
            key_column("contract", "the contract", "contracts"),
            key_column("plan", "the plan", "plans"),
            key_column("charge", "the charge of the plan", "charges"),
            Column("unit_price", "decimal", "price of one unit and cycle", required=True, low=0, before=9, after=9),
            Column("currency", "currency", "currency of the price", required=True),
            Column("valid_from", "date", "first day of the price; empty: always was"),
            Column("valid_to", "date", "day after its last day; empty: no end"),
            if_version("how many versions of the contract and its lines"),
        ),
        ("entity", "contract", "plan", "charge", "valid_from"),
    ),
    Format(
        "subscriptions",
        "subscription",
        "What customers have taken; when and how much of it, their events say.",
        (
            ENTITY,
            key_column("key", "identifies the subscription within the legal entity"),
            key_column("account", "the customer", "accounts"),
            key_column("contract", "the contract that it is under", "contracts", required=False),
            Column("anchor_day", "integer", "day of the month on which its cycles begin", default="1", low=1, high=31),
            Column("anchor_time", "time", "time of day at which they begin in the account's zone; empty: midnight"),
            Column(
                "anchor_slips",
                "boolean",
                "whether cycles that began on the last day of a short month go on from that day of the month",
                default="false",
            ),
        ),
        ("entity", "key"),
        fixed=("account", "anchor_day", "anchor_time", "anchor_slips"),
        correction="cancel it by an event, and import another subscription",
    ),
    *PRICED,
    *TAXED,
    Format(
        "subscription_events",
        "subscription event",
        "Dated events of subscriptions.",
        (
            ENTITY,
            key_column("subscription", "the subscription", "subscriptions"),
            key_column("key", "identifies the event within the subscription"),
            Column("kind", "choice", "what happens", required=True, choices=EVENT_KINDS),
            Column(
                "on", "date", "first day of its effect; a withdraw takes back what is known and later", required=True
            ),
            key_column("plan", "the plan from then on; empty: as before; a start needs one", "plans", required=False),
            Column("quantity", "decimal", "the quantity from then on; empty: as before, 1 for a start", low=0),
            Column("charge", "text", "adjust only: the charge whose line that begins on the day is adjusted", high=100),
            Column("amount", "decimal", "adjust only: what is given back of the line, before tax", low=0, after=4),
            Column(
                "anchor_day", "integer", "for an anchor: the day of month on which cycles begin then", low=1, high=31
            ),
            Column(
                "at",
                "instant",
                "when on that day, in the zone of the account; empty: when the day begins. Needed only to"
                " the second, and for several changes on one day",
            ),
            key_column("coupon", "redeem only: the coupon that it has from that day on", "coupons", required=False),
            key_column(
                "payer",
                "start and payer only: the account that pays from that day on; empty in a payer: that of its account again",
                "accounts",
                required=False,
            ),
            if_version("how many events of the subscription"),
        ),
        ("entity", "subscription", "key"),
        appended=True,
        correction="import another event, with a key of its own",
    ),
    *TRIGGERED,
    *TERMED,
    Format(
        "usage",
        "usage event",
        "What was used.",
        (
            ENTITY,
            key_column("subscription", "the subscription", "subscriptions"),
            key_column("meter", "what was used", "meters"),
            key_column("key", "the source's key of the event; the same key is the same event, however often it comes"),
            Column("at", "instant", "when", required=True),
            Column(
                "quantity",
                "decimal",
                "how much; below zero only for a meter that counts by weighted_sum",
                required=True,
            ),
            key_column("source", "the system that counted; keys are its own", required=False, default="import"),
            Column("dimensions", "dimensions", "what else is known of it; see the columns dimensions of meters"),
        ),
        ("entity", "source", "key"),
        appended=True,
        correction="let the source send another event, with a key of its own",
        folds="dim.",
    ),
    Format(
        "usage_reversals",
        "usage reversal",
        "Usage events that are taken back, as if they had never been.",
        (
            ENTITY,
            key_column("key", "the source's key of the event that is taken back"),
            key_column("source", "the system that counted it", required=False, default="import"),
        ),
        ("entity", "source", "key"),
        appended=True,
        correction="let the source send the usage again, with a key of its own",
    ),
    *USAGE_CONTROL,
    Format(
        "rates",
        "exchange rate",
        "Exchange rates: one unit of base costs rate of quote.",
        (
            Column("base", "currency", "the currency that is priced", required=True),
            Column("quote", "currency", "the currency that it is priced in", required=True),
            Column("rate", "decimal", "units of quote for one unit of base", required=True, before=6, after=12),
            key_column("source", "who publishes it, as in the setting fx.source"),
            Column("on", "date", "the day that it is published for", required=True),
        ),
        ("source", "base", "quote", "on"),
        appended=True,
        correction="import it under another source, or for another day",
    ),
    Format(
        "gl_accounts",
        "general ledger account",
        "The chart of accounts.",
        (
            key_column("code", "account number"),
            Column("name", "text", "name", required=True),
            Column("kind", "choice", "what it is", required=True, choices=GL_KINDS),
        ),
        ("code",),
    ),
)


FORMATS: Final[dict[str, Format]] = {
    form.kind: form
    for form in (
        *_FORMATS,
        PURCHASE_ORDERS,
        PAYMENT_METHODS,
        REMITTANCES,
        MANDATES,
        WALLETS,
        *OPENINGS,
        WALLET_GRANTS,
        *REVENUE_CONTRACTED,
    )
}
"""Formats by kind, in the order in which files are loaded."""


def suffix_of(path: Path) -> str:
    """What kind of file it is by its name, one of :data:`SUFFIXES`, packed or not; else whatever its name ends in."""
    name = path.name.lower()
    inner = name.removesuffix(PACKED).rpartition(".")[2]
    return inner if inner in ("csv", "jsonl") else name.rpartition(".")[2]
