"""Sixty-four writers on one wallet, and on one counter: exact totals, never under the floor, each act once."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.base.money import ZERO
from engine.store.tables import USAGE_DAY, USAGE_EVENT
from tests import stories
from tests.faults.hammer import DAY, WALLET, amount_of

ROOT = Path(__file__).parents[2]
PROCESSES, THREADS, TIMES = 2, 32, 2
FLOOR = Decimal(20)
WALLETS = ("entity,key,account,currency,floor", f"E1,{WALLET},A1,EUR,{FLOOR}")
GRANTS = (
    "entity,key,wallet,kind,amount,granted_on,expires_on",
    f"E1,first,{WALLET},paid,60,2026-01-01,",
    f"E1,gift,{WALLET},promotional,30,2026-01-01,2026-02-01",
    f"E1,later,{WALLET},paid,40,2026-01-01,2026-03-01",
)


def hammered(folder: Path, url: str, what: str) -> list[dict[str, Any]]:
    """What all writers were told."""
    words = [sys.executable, "-m", "tests.faults.hammer", str(folder), url, what]
    numbers = [str(THREADS), str(TIMES)]
    children = [
        subprocess.Popen(
            [*words, str(n), *numbers], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for n in range(PROCESSES)
    ]
    told = [child.communicate() for child in children]
    assert [child.returncode for child in children] == [0] * PROCESSES, [err[-2000:] for _, err in told]
    assert not any(err for _, err in told), [err[-2000:] for _, err in told]
    return [json.loads(line) for out, _ in told for line in out.splitlines()]


@pytest.mark.capability("A2.4")
def test_64_writers_on_one_wallet(tmp_path: Path, database_url: str) -> None:
    """Threads of several processes draw and grant with repeated keys: every act is in the books once, replayed in their order
    the movements are never under the floor, and the balance is their sum."""
    folder = stories.write(tmp_path, wallets=WALLETS, wallet_grants=GRANTS)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        told = hammered(folder, database_url, "wallet")
        with app.books.reader() as reader:
            rows = reader.movements("acme", "E1", WALLET, limit=100_000)
            lots = {lot.key: lot.left for lot in reader.lots_of("acme", "E1", WALLET)}
        balance, of_lots, acts = ZERO, dict.fromkeys(lots, ZERO), dict[str, Decimal]()
        for place, row in enumerate(rows, 1):
            balance += row["amount"]
            of_lots[row["lot"]] += row["amount"]
            acts[row["key"]] = acts.get(row["key"], ZERO) + row["amount"]
            assert (row["number"], row["balance"]) == (place, balance)
            assert of_lots[row["lot"]] >= 0
            if row["kind"] == "draw":
                assert balance >= FLOOR
        view = app.wallets.shown(WALLET, DAY)
        assert (view.balance, view.version, of_lots) == (balance, len(rows), lots)
        done = {one["key"] for one in told if "known" in one}
        assert done == acts.keys() - {"first", "gift", "later"}
        for key in done:
            assert acts[key] == (amount_of(key) if key.startswith("grant") else -amount_of(key))
        fresh = [one["key"] for one in told if one.get("known") is False]
        assert len(fresh) == len(set(fresh)) == len(done), "each act is new to one writer only"
        refused = [one for one in told if "refused" in one]
        assert {one["refused"] for one in refused} <= {"wallet.below-floor"}
        assert refused, "all that was to be drawn is more than there was"
        assert [f for found in app.verify().values() for f in found] == []


@pytest.mark.capability("A2.4", "A2.2")
def test_64_writers_on_one_counter(tmp_path: Path, database_url: str) -> None:
    """Events of one subscription and meter, many of them sent by several writers, end in the exact total."""
    folder = stories.write(tmp_path, usage=stories.FILES["usage"][:1])
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        told = hammered(folder, database_url, "counter")
        wanted = {key for one in told for key in (f"{one['key']}-a", f"{one['key']}-b", one["shared"])}
        assert sum(one["taken"] for one in told) == len(wanted)
        assert sum(one["taken"] + one["known"] for one in told) == 3 * len(told)
        with app.books.writer(stories.CHANGE, tenant="acme") as writer:
            writer.roll_up_usage("acme")
        total = sum((amount_of(key) for key in wanted), ZERO)
        with app.books.reader() as reader:
            for table in (USAGE_EVENT, USAGE_DAY):
                assert reader.rows(sa.select(sa.func.sum(table.c.quantity)))[0][0] == total
        assert [f for found in app.verify().values() for f in found] == []


@pytest.mark.capability("A2.4")
def test_a_run_and_draws_at_once(tmp_path: Path, database_url: str) -> None:
    """While writers draw on a wallet a bill run draws on it too: the movements are exact, and it ends at its floor."""
    folder = stories.write(tmp_path, wallets=WALLETS, wallet_grants=GRANTS)
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        words = [sys.executable, "-m", "tests.faults.hammer", str(folder), database_url, "wallet", "0", "4", "6"]
        child = subprocess.Popen(words, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        stories.bill(app, "2026-02-01")
        out, err = child.communicate()
        assert (child.returncode, err) == (0, "")
        told = [json.loads(line) for line in out.splitlines()]
        with app.books.reader() as reader:
            rows = reader.movements("acme", "E1", WALLET, limit=100_000)
        assert [f for found in app.verify().values() for f in found] == []
        done = {one["key"] for one in told if "known" in one}
        assert done == {row["key"] for row in rows} - {"first", "gift", "later"} - {
            r["key"] for r in rows if r["invoice"]
        }
        assert all(row["balance"] >= FLOOR for row in rows if row["kind"] == "draw" and row["lot"] != "gift")
        assert any(row["invoice"] for row in rows)
