"""Late usage of lines that somebody gave back by hand: the goodwill stays, and is counted once."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests import stories
from tests.golden.test_lateness import company, late, lines, send, sound
from tests.stories import CHANGE


@pytest.mark.capability("A2.5")
def test_a_line_of_which_nothing_is_left_is_not_billed_anew(tmp_path: Path, sqlite_url: str) -> None:
    """All of it was given back as money and its days stay billed, so that late usage is worth its difference alone."""
    folder = company(tmp_path, "{policy: credit_and_rebill}")
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        app.accounts.memos.credit("E1-2026-000001", "goodwill", date(2026, 2, 2), CHANGE)
        send(app, folder, "late", "01-20/k1/10")
        stories.bill(app, "2026-02-10")
        assert lines(app, "02-10") == [("invoice", "01-01", "02-01", "10", "0.50", "1")]
        send(app, folder, "back", back=["k1"])
        stories.bill(app, "2026-02-11")
        assert lines(app, "02-11") == [("credit_note", "01-01", "02-01", "10", "-0.50", "0")] and sound(app)


@pytest.mark.capability("A2.5")
def test_what_was_voided_after_a_credit_is_no_part_of_what_late_usage_comes_to(tmp_path: Path, sqlite_url: str) -> None:
    """Five of the line were given back, then the invoice was voided and billed anew: a late event is worth what it adds."""
    folder = company(tmp_path, "{policy: next_bill, drop_under: 1 EUR}")
    with stories.opened(folder, sqlite_url) as app:
        stories.load(app, folder / "data")
        stories.bill(app, "2026-02-01")
        app.accounts.memos.credit("E1-2026-000001", "goodwill", date(2026, 2, 2), CHANGE, amount=Decimal(5))
        app.void("E1-2026-000001", date(2026, 2, 3), CHANGE)
        stories.bill(app, "2026-02-04")
        assert lines(app, "02-04") == [("invoice", "01-01", "02-01", "150", "12.50", "15")]
        send(app, folder, "late", "01-20/k1/10")
        stories.bill(app, "2026-02-10")
        assert late(app) == [("k1", False, "drop", 9, "0.50")]
        assert lines(app, "02-10") == [] and sound(app)
