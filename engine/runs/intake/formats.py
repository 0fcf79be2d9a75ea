"""The one table of what ``tollbook import`` reads: files, their columns, types, defaults and meanings.

Readers, checks and the reference page all come from :data:`FORMATS`; a column is added here and nowhere else.
"""

from __future__ import annotations

from typing import Final

from engine.runs.intake.opening_formats import OPENINGS
from engine.runs.intake.shapes import ENTITY, Column, Format, key_column

__all__ = ["EVENT_KINDS", "FORMATS", "GL_KINDS", "SUFFIXES", "TYPES", "Column", "Format", "reference"]

SUFFIXES: Final = ("csv", "jsonl", "parquet")
"""Kinds of file, by the ending of the name."""
EVENT_KINDS: Final = ("start", "change", "pause", "resume", "cancel", "anchor", "uncancel", "withdraw", "adjust")
GL_KINDS: Final = ("asset", "liability", "equity", "income", "expense")


TYPES: Final[dict[str, str]] = {
    "key": "text that identifies: at most 100 characters, no control or invisible characters",
    "text": "text without control characters; at most 200 characters where nothing else is said",
    "lines": "text that may have several lines; at most 1000 characters",
    "decimal": "an exact number: digits with a point, no thousands separator, never a binary floating point number",
    "integer": "a whole number",
    "time": "a time of day as in 13:37:11 or 09:00",
    "boolean": "true, false, yes, no, 1 or 0",
    "date": "a day as in 2026-01-31, from 1900 to 100 years after the business date",
    "instant": "a moment as in 2026-01-31T12:00:00+01:00 or 2026-01-31T11:00:00Z, always with its offset, from 2000 to"
    " one year after the business date; digits finer than a microsecond are cut off",
    "country": "an ISO 3166-1 alpha-2 code such as DE",
    "currency": "an ISO 4217 code such as EUR",
    "zone": "an IANA time zone such as Europe/Berlin",
    "language": "an ISO 639-1 code such as en",
    "choice": "one of the listed words",
    "registrations": "country:kind:number, optionally :valid from:valid to (the day after the last); several with ';'."
    " Kinds: vat, gst, sales_tax, consumption_tax. Example: DE:vat:DE123456789;AT:vat:ATU12345678",
    "bank_accounts": "name:currency, optionally :IBAN:BIC; several with ';'."
    " Example: main:EUR:DE89370400440532013000:COBADEFF",
}
"""Types of value, in words."""


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
            Column("aggregation", "choice", "how events add up", default="sum", choices=("sum", "count", "max")),
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
            Column("unit", "text", "what one of its quantity is called", default="unit", high=50),
            Column("product", "text", "product that its revenue belongs to", default="", high=100),
            Column("tax_code", "text", "what it is for tax, such as digital_service", default="standard", high=50),
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
        ),
        ("entity", "subscription", "key"),
        appended=True,
        correction="import another event, with a key of its own",
    ),
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
            Column("quantity", "decimal", "how much", required=True, low=0),
            key_column("source", "the system that counted; keys are its own", required=False, default="import"),
        ),
        ("entity", "source", "key"),
        appended=True,
        correction="let the source send another event, with a key of its own",
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


FORMATS: Final[dict[str, Format]] = {form.kind: form for form in (*_FORMATS, *OPENINGS)}
"""Formats by kind, in the order in which files are loaded."""


def _detail(column: Column) -> str:
    """What the reference page says of a column's values beyond the name of its type."""
    parts = [f"one of {', '.join(column.choices)}"] if column.choices else []
    if column.type in ("text", "lines"):
        parts += [f"at most {column.high} characters"] if column.high else []
    elif column.low is not None and column.high is not None:
        parts.append(f"{column.low} to {column.high}")
    elif column.low is not None:
        parts.append(f"at least {column.low}")
    if column.type == "decimal":
        parts.append(f"up to {column.before} digits before and {column.after} after the point")
    return "; ".join(parts)


def _never(form: Format) -> str:
    """What the reference page says of records that do not change."""
    if not form.correction:
        return ""
    what = f"{' and '.join(form.fixed)} never change" if form.fixed else "Its records never change"
    return f" {what[0].upper()}{what[1:]}; to correct one, {form.correction}."


def reference() -> str:
    """The reference page of import files, as Markdown."""
    text = [
        "# Import files",
        "",
        "`tollbook import DIR` reads every file of the folder whose name begins with a kind below and ends in "
        + ", ".join(f"`.{suffix}`" for suffix in SUFFIXES)
        + ": `usage.csv`, `usage-2026-01.parquet`. Kinds are loaded in the order of this page.",
        "",
        "The first line of a CSV file names the columns, in any order; values are separated by commas, text is UTF-8,"
        " and an empty value is an absent one. JSON lines have one object a line. Numbers in Parquet files are"
        " decimals, integers or text; floating point is refused. Blanks around a value do not count.",
        "",
        "A record is known by its key. The same row again changes nothing; another row with the same key makes a new"
        " version of the record, or is refused where records are never changed.",
        "",
        "## Types",
        "",
        *(f"- **{name}**: {words}" for name, words in TYPES.items()),
    ]
    for form in FORMATS.values():
        text += ["", f"## {form.kind}", "", f"{form.meaning} Key: {', '.join(form.key)}.{_never(form)}", ""]
        text += ["| column | type | required | default | meaning |", "|---|---|---|---|---|"]
        for column in form.columns:
            meaning = "; ".join(part for part in (column.meaning, _detail(column)) if part)
            default = f"`{column.default}`" if column.default else ""
            need = "yes" if column.required else ""
            text.append(f"| {column.name} | {column.type} | {need} | {default} | {meaning} |")
    return "\n".join(text) + "\n"
