"""The exported journal as other programs see it: beancount accepts it, and its balances equal ours to the cent."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from engine.app import App
from engine.base.errors import TollbookError
from tests import stories

beancount = pytest.importorskip("beancount", reason="beancount is not installed")


def three_months(tmp_path: Path, app: App) -> None:
    """A company with three currencies, credits and late usage, billed for three months."""
    stories.load(app, tmp_path / "data")
    stories.bill(app, "2026-02-01")
    late = stories.deliver(
        tmp_path,
        "late",
        usage=("entity,subscription,meter,key,at,quantity", "E1,S5,calls,late,2026-01-20T09:00:00Z,33"),
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity",
            "E1,S2,2,change,2026-02-10,,7",
            "E1,S3,2,cancel,2026-02-17,,",
        ),
    )
    stories.load(app, late)
    stories.bill(app, "2026-03-01")
    stories.bill(app, "2026-04-01")


def own_balances(app: App) -> dict[tuple[str, str], Decimal]:
    """(account code, currency) -> our trial balance; what conversion left over is in functional currency only."""
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for rows in app.ledger.trial_balance().values():
        for row in rows:
            if row["amount"] == 0 and row["account"] == "7900":
                found[row["account"], row["functional_currency"]] += row["functional_amount"]
            else:
                found[row["account"], row["currency"]] += row["amount"]
    return {key: amount for key, amount in found.items() if amount}


@pytest.mark.capability("A1.3")
def test_beancount_agrees_to_the_cent(tmp_path: Path, database_url: str) -> None:
    """bean-check finds nothing, and the sum of each account and currency is the one of our trial balance."""
    from beancount import loader
    from beancount.core import data

    with stories.opened(stories.write(tmp_path), database_url) as app:
        three_months(tmp_path, app)
        file = tmp_path / "journal.beancount"
        file.write_text("\n".join(app.ledger.export("beancount")))
        expected = own_balances(app)
    checked = subprocess.run(
        [Path(sys.executable).parent / "bean-check", file], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    entries, errors, _ = loader.load_file(str(file))
    assert errors == []
    found: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for entry in entries:
        if isinstance(entry, data.Transaction):
            for posting in entry.postings:
                code = re.split("[:-]", posting.account)[2]
                found[code, posting.units.currency] += posting.units.number
    assert {key: amount for key, amount in found.items() if amount} == expected
    assert any(currency == "JPY" for _, currency in expected)
    assert len([e for e in entries if isinstance(e, data.Transaction)]) >= 8


def test_a_changed_cent_is_seen(tmp_path: Path) -> None:
    """The check can fail: one cent changed in the export is an error for beancount."""
    from beancount import loader

    with stories.opened(stories.write(tmp_path), f"sqlite:///{tmp_path / 'books.db'}") as app:
        three_months(tmp_path, app)
        text = "\n".join(app.ledger.export("beancount"))
    changed = text.replace("-31.00 EUR", "-31.01 EUR", 1)
    assert changed != text
    file = tmp_path / "journal.beancount"
    file.write_text(changed)
    assert loader.load_file(str(file))[1]


def test_hledger_declares_all_that_it_uses(tmp_path: Path) -> None:
    """Every account and commodity stands in a directive before its first use, as `hledger check --strict` asks."""
    with stories.opened(stories.write(tmp_path), f"sqlite:///{tmp_path / 'books.db'}") as app:
        three_months(tmp_path, app)
        lines = list(app.ledger.export("hledger"))
    declared: set[str] = set()
    used = 0
    for line in lines:
        if line.startswith(("account ", "commodity ")):
            declared.add(line.split()[-1])
        elif line.startswith("    "):
            name, amounts = line.strip().split("  ", 1)
            assert name in declared
            assert set(re.findall(r"[A-Z]{3}", amounts)) <= declared
            used += 1
    assert used > 20


def test_unknown_format(tmp_path: Path) -> None:
    """A format that does not exist is refused by name."""
    with stories.opened(stories.write(tmp_path), f"sqlite:///{tmp_path / 'books.db'}") as app:
        stories.load(app, tmp_path / "data")
        with pytest.raises(TollbookError, match="there is no format 'csv'"):
            list(app.ledger.export("csv"))
