"""Payments matched to open documents: exact keys alone, and a mix, at two sizes that say whether the cost stays flat."""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from engine.base.money import exact_arithmetic
from engine.families import ALL
from engine.model.matching import Candidate, Incoming, Party
from engine.receivables.matching.assigning import Assigner
from engine.receivables.matching.matching import prepared
from engine.receivables.matching.packed import Packed
from engine.receivables.matching.twice import Entries
from engine.rulebook import rulebook
from engine.runs.matching.files import uncollected
from engine.runs.matching.scratch import Scratch

RULES = Path(__file__).parents[1] / "rules"
SIZES = (20_000, 200_000)
DAY = date(2026, 1, 1)
COMMAND = "import sys; from engine.cli.main import main; sys.exit(main())"
"""The command line."""
TEXTS = ("{}", "{}", "{}", "{}", "{}", "Rechnung {} danke", "Payment for {} vom 03.01.2026", "{} 1/2", "services")
"""How payers write; in every ninth text is no number."""


def problem(count: int, texts: Sequence[str]) -> tuple[list[Incoming], list[Candidate], list[Party]]:
    """As many payments as documents, of a customer for each ten."""
    draw = random.Random(7)
    parties = [Party(f"C{n}", f"Customer {n} GmbH", "EUR", (f"DE{n:020}",)) for n in range(max(count // 10, 1))]
    items, payments = [], []
    for n in range(count):
        party, amount = draw.choice(parties), Decimal(draw.randrange(1_000, 10_000_000)) / 100
        number = f"INV-2026-{n:07}"
        issued = DAY + timedelta(days=draw.randrange(60))
        items.append(Candidate(f"I{n}", number, "invoice", party.account, issued, issued, "EUR", amount, amount))
        booked, text = issued + timedelta(days=draw.randrange(1, 60)), draw.choice(texts).format(number)
        bank = party.bank_accounts[0]
        payments.append(Incoming(f"P{n}", f"B{n}", booked, amount, "EUR", party.name, bank, text))
    draw.shuffle(payments)
    return payments, items, parties


def measure(options: argparse.Namespace) -> Iterator[str]:
    """Lines of the report."""
    exact_arithmetic()
    yield "## Matching"
    yield ""
    yield "| payments and open documents | texts | index s | match s | payments/s | us a payment |"
    yield "|---|---|---|---|---|---|"
    for name, texts in (("exact numbers", TEXTS[:1]), ("mixed", TEXTS)):
        for count in SIZES:
            payments, items, parties = problem(count, texts)
            indexed, matched = _times(payments, items, parties)
            each = matched / count * 1e6
            yield f"| {count:,} | {name} | {indexed:.1f} | {matched:.1f} | {count / matched:,.0f} | {each:.1f} |"
    yield ""
    yield "Processor time of one process, files not counted (goal: exact numbers over 50,000/s, and flat)."
    yield ""
    yield from _against(10_000, (10_000, 100_000, 1_000_000))
    yield from _command(options.payments)


def _against(few: int, opens: Sequence[int]) -> Iterator[str]:
    """About as many payments, of as many payers, against more and more open documents, which are in a file."""
    yield (
        f"| {few:,} payments of {few // 10:,} payers | "
        + " | ".join(f"{many:,} open, us a payment" for many in opens)
        + " | |"
    )
    yield "|---|" + "---|" * (len(opens) + 1)
    for name, texts in (("exact numbers", TEXTS[:1]), ("mixed", TEXTS)):
        took = []
        for many in opens:
            payments, items, parties = problem(many, texts)
            payers = {party.name for party in random.Random(1).sample(parties, few // 10)}
            drawn = [one for one in payments if one.payer_name in payers]
            _, matched = _times(drawn, Packed(Candidate, items, Scratch), parties)
            took.append(matched / len(drawn) * 1e6)
        yield f"| {name} | " + " | ".join(f"{each:.1f}" for each in took) + f" | {took[-1] / took[0]:.2f} |"
    yield ""
    yield "The same, one process (goal: flat)."
    yield ""


def _command(count: int) -> Iterator[str]:
    """The whole command ``tollbook match`` on files of mixed texts, with all of its processes."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write(folder, *problem(count, TEXTS))
        words = [sys.executable, "-c", COMMAND, "match", str(folder), "--out", str(folder / "result.json")]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        process, most = subprocess.Popen(words, stdout=subprocess.DEVNULL), 0
        while process.poll() is None:
            most = max(most, _memory(process.pid))
            time.sleep(0.2)
        took, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        assert process.returncode == 0
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    yield (
        f"`tollbook match`, {count:,} payments of mixed texts and as many documents, files and all: {took:.1f} s by the clock, "
        f"{used:.1f} s of all processors, {most / 1024:,.0f} MB of memory in all processes together, without files that the system "
        "can drop from it (goal: a million in 60 s on two processors)."
    )
    yield ""


def _memory(process: int) -> int:
    """KiB of memory that a process and those below it have to themselves, shared memory divided among them; files are not counted."""
    try:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        below = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:  # it has ended meanwhile
        return 0
    mine = [int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss_Anon:")]
    return sum(mine) + sum(_memory(int(each)) for each in below)


def _write(folder: Path, payments: list[Incoming], items: list[Candidate], parties: list[Party]) -> None:
    files: dict[str, tuple[str, Iterator[tuple[object, ...]]]] = {
        "customers.csv": (
            "customer_id,name,currency,known_iban",
            ((one.account, one.name, one.currency, one.bank_accounts[0]) for one in parties),
        ),
        "invoices.csv": (
            "invoice_id,number,kind,customer_id,issued,due,currency,amount,open_amount",
            (
                (one.id, one.number, one.kind, one.account, one.issued, one.due, one.currency, one.amount, one.open)
                for one in items
            ),
        ),
        "payments.csv": (
            "payment_id,bank_ref,booking_date,amount,currency,payer_name,payer_iban,remittance",
            (
                (
                    one.id,
                    one.bank_ref,
                    one.booked,
                    one.amount,
                    one.currency,
                    one.payer_name,
                    one.payer_account,
                    one.remittance,
                )
                for one in payments
            ),
        ),
    }
    for name, (header, rows) in files.items():
        with (folder / name).open("w", encoding="utf-8") as file:
            file.write(f"{header}\n")
            file.writelines(f"{','.join(map(str, row))}\n" for row in rows)


def _times(payments: Sequence[Incoming], items: Sequence[Candidate], parties: Sequence[Party]) -> tuple[float, float]:
    rules = {"rules/matching/default.yaml": (RULES / "matching" / "default.yaml").read_bytes()}
    ask = rulebook.compile_book(rules, {"matching": ALL["matching"]}).decider("matching")
    with uncollected():
        start = time.process_time()
        assigner = Assigner(*prepared(items, parties, {}, ask, Scratch))
        indexed = time.process_time()
        found = assigner.assign(Entries(payments))
        ended = time.process_time()
    assert len(found) == len(payments)
    return indexed - start, ended - indexed
