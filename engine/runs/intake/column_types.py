"""What the types of columns of import files are, in words that people read."""

from __future__ import annotations

from typing import Final

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
    "dimensions": 'a JSON object such as {"region": "EU", "size": 12}: at most 20 names of letters, digits and _, of at most 50'
    " characters; each with one text, number or boolean of at most 100. Columns such as dim.region are the same",
    "document": "a list or an object as JSON or YAML, in one cell",
    "registrations": "country:kind:number, optionally :valid from:valid to (the day after the last); several with ';'."
    " Kinds: vat, gst, sales_tax, consumption_tax, oss (one-stop shop). Example: DE:vat:DE123456789;AT:vat:ATU12345678",
    "bank_accounts": "name:currency, optionally :IBAN:BIC; several with ';'."
    " Example: main:EUR:DE89370400440532013000:COBADEFF",
}
"""Types of value, in words."""
