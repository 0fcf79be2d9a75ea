"""Every verb that changes something needs a person who may and a reason; the list of such verbs is read from the command."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from engine.cli import main as tollbook
from engine.config import VERBS
from tests import stories

ARGUMENTS = {
    "init": (),
    "import": ("data",),
    "run bill": ("--date", "2026-02-01"),
    "revenue recognise": ("--through", "2026-01"),
    "revenue event": ("--key", "k", "--kind", "accept", "--on", "2026-01-31", "--line", "E1-2026-000001#1"),
    "revenue recognise-early": ("E1-2026-000001#1", "--on", "2026-01-31"),
    "runs resume": ("1",),
    "conditions waive": ("conditions/acme#c1", "--date", "2026-02-01", "--entity", "E1"),
    "drafts approve": ("1",),
    "drafts reject": ("1", "--to", "bob"),
    "drafts issue": ("1",),
    "runs abandon": ("1",),
    "void": ("E1-2026-000001", "--date", "2026-02-01"),
    "credit": ("E1-2026-000001", "--code", "goodwill", "--all", "--date", "2026-02-01"),
    "debit": ("A1", "10", "--code", "damage", "--text", "Badge", "--date", "2026-02-01"),
    "advance": ("A1", "10", "--text", "Deposit", "--date", "2026-02-01"),
    "account pay": ("A1", "10", "--key", "p", "--date", "2026-02-01"),
    "payments collect": ("--on", "2026-02-01"),
    "payments refund": ("psp/A1/1", "--key", "r"),
    "payments capture": ("psp/A1/1",),
    "payments cancel": ("psp/A1/1",),
    "payments tell": (),
    "payments ask": (),
    "payments event": ("data/entities.csv", "--adapter", "psp"),
    "payments payouts": ("--adapter", "psp"),
    "account refund": ("A1", "10", "--key", "r", "--date", "2026-02-01"),
    "account chargeback": ("A1", "10", "--key", "c", "--payment", "p", "--date", "2026-02-01"),
    "account grant": ("A1", "10", "--key", "g", "--date", "2026-02-01"),
    "account transfer": ("A1", "A4", "10", "--key", "t", "--date", "2026-02-01"),
    "account apply": ("A1", "--key", "a", "--date", "2026-02-01"),
    "bank load": ("statement.sta",),
    "cash match": ("--on", "2026-02-04"),
    "cash apply": ("1", "--invoice", "E1-2026-000001"),
    "cash keep": ("1", "--account", "A1"),
    "cash transfer": ("1", "--gl", "6900"),
    "cash refund": ("1",),
    "cash return": ("1",),
    "cash unapply": ("1",),
    "cash undo": ("give-up/k/E1-2026-000001", "--entity", "E1"),
    "cash write-off": ("E1-2026-000001", "--code", "small_balance"),
    "cash certificate": ("E1-2026-000001", "--number", "W-1"),
    "cash send": (),
    "cash returned": ("2", "--of", "1"),
    "cash clear": ("1", "--payment", "p"),
    "account write-off": ("A1", "E1-2026-000001", "--key", "w", "--date", "2026-02-01"),
    "dunning run": ("--on", "2026-03-10"),
    "dunning hold": ("A1", "--date", "2026-03-10"),
    "dunning resume": ("A1", "--date", "2026-03-10"),
    "dunning promise": ("A1", "--by", "2026-03-20", "--date", "2026-03-10"),
    "dunning plan": ("A1", "--part", "2026-03-20=10", "--date", "2026-03-10"),
    "dunning handover": ("A1", "--date", "2026-03-10"),
    "mandate add": ("A1", "M-1", "--iban", "NL91ABNA0417164300", "--debtor", "One", "--signed", "2026-01-01"),
    "mandate amend": ("M-1", "--final"),
    "mandate confirm": ("M-1",),
    "mandate cancel": ("M-1",),
    "direct-debit run": (),
    "direct-debit hear": ("data/usage.csv",),
    "direct-debit notify": ("DD-1", "--evidence", "letter 1"),
    "wallet grant": ("MAIN", "10", "--key", "k", "--date", "2026-01-15"),
    "wallet draw": ("MAIN", "10", "--key", "d", "--date", "2026-01-15"),
    "wallet void": ("MAIN", "k", "--date", "2026-01-15"),
    "wallet expire": ("--date", "2026-01-31"),
    "tax true-up": ("--period", "2026-01", "--date", "2026-01-31"),
    "deliver": (),
    "delivery again": ("1",),
    "inbox token": ("A1", "portal"),
    "inbox revoke": ("A1", "portal"),
    "clearance resubmit": ("E1-2026-000001",),
    "dispute open": ("D1", "--payment", "p", "--amount", "5"),
    "dispute event": ("D1", "lost"),
    "dispute evidence": ("D1", __file__, "--kind", "usage_log"),
    "dispute decide": ("D1", "accept"),
    "dispute import": (__file__,),
    "dispute run": (),
    "erp post": (),
    "erp resend": ("E1/2026-01-31/0",),
    "requests replay": ("1",),
    "requests purge": ("--before", "2026-01-01"),
    "tax documents": ("--period", "2026-01", "--repair"),
    "tax ids": ("--refresh",),
    "tax void": ("X-1", "--entity", "E1"),
    "ledger close-period": ("E1", "2026-01"),
    "close run": ("--entity", "E1", "--month", "2026-01"),
    "close waive": ("unbilled-usage", "subscription/S5", "--entity", "E1", "--month", "2026-01"),
    "close reopen": ("--entity", "E1", "--month", "2026-01"),
    "ledger open-period": ("E1", "2026-01"),
    "ledger adjust-book": ("local", "--through", "2026-01-31"),
    "ledger post": (
        "local",
        "E1",
        "--key",
        "k",
        "--on",
        "2026-01-31",
        "--text",
        "t",
        "--side",
        "1200=1",
        "--side",
        "4000=-1",
    ),
    "ledger revalue": ("--on", "2026-01-31"),
    "ledger impairment": ("--on", "2026-01-31"),
    "ledger share": ("--on", "2026-01-31"),
    "revenue accrue": ("--through", "2026-01"),
    "rates fetch": ("--date", "2026-01-31"),
    "approvals approve": ("1",),
    "approvals reject": ("1",),
    "release propose": (),
    "release approve": (),
    "release reject": (),
    "release schedule": ("r-1", "--from", "2026-02-01"),
    "release rollback": ("--from", "2026-02-01"),
    "changes confirm": ("1",),
    "changes reject": ("1",),
    "worklist assign": ("1", "--to", "bob"),
    "worklist resolve": ("1", "--as-is"),
    "scheduler run": (),
    "scheduler once": (),
    "work": ("--once",),
    "trigger accept": ("S1", "design", "--entity", "E1", "--key", "k"),
    "trigger go-live": ("S1", "--entity", "E1", "--key", "k"),
    "trigger revoke": ("S1", "k", "--entity", "E1", "--key", "k2"),
    "trigger scan": (),
    "subscription amend": ("S1", "--on", "2026-01-20", "--set", "quantity=8"),
    "contract amend": ("C1", "--set", "payment_days=14"),
    "revenue contract add": (__file__,),
    "revenue contract change": ("K1", "modify", "--on", "2026-02-01"),
    "revenue contract event": ("K1", "deliver", "--on", "2026-02-01"),
    "align": ("--account", "A1", "--to", "15", "--from", "2026-02-01"),
    "renewals": ("--on", "2026-02-01"),
    "rerate": ("--from", "2026-01-01", "--accounts", "*"),
    "tune": ("matching/default", "tolerance=0.50", "--propose"),
    "usage pull": (),
    "usage import": ("data/usage.csv",),
}
"""What each changing verb is called with here; a new one has to be added, or the first test fails."""

WORDS = {
    "approvals": "approve",
    "scheduler": "schedule",
    "conditions": "run",
    "drafts": "run",
    "work": "schedule",
    "void": "run",
    "clearance": "run",
    "inbox": "deliver",
    "erp": "run",
    "dispute": "credit",
    "trigger": "import",
    "worklist": "resolve",
    "changes": "resolve",
    "subscription": "import",
    "contract": "import",
    "align": "import",
    "renewals": "run",
    "rerate": "run",
    "tune": "run",
    "wallet": "credit",
    "debit": "credit",
    "advance": "credit",
    "dunning": "credit",
    "account": "credit",
    "payments": "credit",
    "mandate": "import",
    "direct-debit": "run",
    "usage": "import",
    "revenue": "run",
    "delivery": "deliver",
    "tax": "deliver",
    "rates": "import",
    "bank": "import",
    "cash": "credit",
}
"""Verbs of the command line whose permission has another name."""


def verbs(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All verbs of the command with their full names."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from verbs(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def command() -> Any:
    group = typer.main.get_command(tollbook.build())
    assert hasattr(group, "commands")
    return group


def changing() -> list[str]:
    return sorted(name for name, verb in verbs(command()) if any("--reason" in p.opts for p in verb.params))


@pytest.mark.capability("A8.2")
def test_the_changing_verbs_are_these() -> None:
    """The verbs with a reason are those listed above, and no others change anything."""
    assert changing() == sorted(ARGUMENTS)
    assert {name.split()[0] for name in changing()} - {"runs", "ledger", "requests", *WORDS} <= set(VERBS)


def test_every_verb_speaks_json() -> None:
    """Each verb has --json."""
    assert [name for name, verb in verbs(command()) if not any("--json" in p.opts for p in verb.params)] == []


def run(folder: Path, *words: str) -> int:
    url = f"sqlite:///{folder / 'books.db'}"
    settings = ["--set", f"database.url={url}", "--set", "people.ada=[operator, controller]"]
    return tollbook.run(["--config", str(folder / "config.yaml"), *settings, *words])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small company, which none of the tests may change."""
    made = stories.write(tmp_path_factory.mktemp("company"))
    assert run(made, "init", "--as", "ada", "--reason", "test") == 0
    assert run(made, "import", str(made / "data"), "--as", "ada", "--reason", "test") == 0
    return made


@pytest.fixture(scope="module")
def _built_once() -> Iterator[None]:
    """Putting the options of a verb together takes longer than to refuse it: each is asked five times."""
    build = tollbook.build
    built = cache(lambda modules: typer.main.get_command(build(modules)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tollbook, "build", lambda modules: built(tuple(modules)))
        yield


def words_of(verb: str, folder: Path) -> list[str]:
    return [*verb.split(), *(str(folder / w) if w == "data" else w for w in ARGUMENTS[verb])]


def audit_count(folder: Path) -> int:
    with stories.opened(folder, f"sqlite:///{folder / 'books.db'}") as app, app.books.reader() as reader:
        return len(reader.audit_rows("acme", limit=100_000))


@pytest.mark.capability("A8.2")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--as", "ada"], "change.no-reason"),
        (["--as", "ada", "--reason", "  "], "change.no-reason"),
        (["--reason", "because"], "config.not-allowed"),
        (["--as", "bob", "--reason", "because"], "config.not-allowed"),
        (["--as", "nobody", "--reason", "because"], "config.not-allowed"),
    ],
)
@pytest.mark.usefixtures("_built_once")
def test_no_person_or_no_reason_changes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: str
) -> None:
    """Without a reason, or by somebody who may not, each changing verb is refused with exit code 1, and nothing is written."""
    before = audit_count(folder)
    for verb in ARGUMENTS:
        assert run(folder, *words_of(verb, folder), *words) == 1, verb
        assert f"[{code}]" in capsys.readouterr().err, verb
    assert audit_count(folder) == before
