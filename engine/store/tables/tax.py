"""Certificates of exemption, what tax codes are reported as, and corrections of tax that was invoiced."""

from __future__ import annotations

from typing import Final

from engine.store.tables.base import CURRENT, amount, big, day, flag, ident, index, rate, table, text, unique

EXEMPTION: Final = table(
    "exemption",
    ident(),
    text("tenant"),
    text("entity"),
    text("account"),
    text("certificate"),
    text("country"),
    text("region"),
    text("reason"),
    text("tax_codes"),
    day("valid_from"),
    day("valid_to"),
    text("source"),
    day("received_on"),
    flag("current"),
    unique("tenant", "entity", "account", "certificate", where=CURRENT),
)

TAX_CODE: Final = table(
    "tax_code",
    ident(),
    text("tenant"),
    text("key"),
    text("name"),
    text("reporting_code"),
    unique("tenant", "key"),
)
"""What a tax code is reported as never changes, so that each line that has the code has the reporting code too."""

TAX_EVIDENCE: Final = table(
    "tax_evidence",
    ident(),
    text("tenant"),
    text("entity"),
    text("account"),
    text("key"),
    text("kind"),
    text("country"),
    text("tax_id"),
    flag("valid"),
    day("checked_on"),
    text("reference"),
    text("source"),
    unique("tenant", "entity", "account", "key"),
)

TAX_CORRECTION: Final = table(
    "tax_correction",
    ident(),
    text("tenant"),
    text("entity"),
    big("line_id"),
    text("cause"),
    text("reference"),
    text("payer"),
    text("invoice"),
    text("currency"),
    amount("net"),
    amount("before"),
    rate("rate_before"),
    text("category_before"),
    text("reason_before"),
    amount("after"),
    rate("tax_rate"),
    text("tax_category"),
    text("tax_jurisdiction"),
    text("tax_source"),
    text("tax_reason"),
    big("tax_decision"),
    text("way"),
    big("run_id"),
    big("document"),
    unique("line_id", "cause", "reference"),
    index("tenant", "entity", "payer", where="document = 0 AND way = 'next_bill'"),
)
"""``document`` is the invoice that carries the difference: 0 while it waits, and where ``way`` is ``none``."""
