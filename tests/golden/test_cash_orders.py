"""Money that goes back by credit transfer: ordered once, sent as a file, closed by the statement, or put back where it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from engine.app import App, Outcome
from engine.base.errors import TollbookError
from engine.runs.cash.till import Used
from tests import banks, stories
from tests.fakes import sepa_bank
from tests.golden import test_direct_debits as sepa
from tests.golden.test_cash import NAMES, OTHER, billing, day, ledger, well, written
from tests.stories import CHANGE

D = Decimal
IBAN = "DE75512108001245126199"
LIMIT = "\napprovals: {send-back: [controller]}\napprovals_from: {send-back: [100 EUR]}\n"


@contextmanager
def company(folder: Path, url: str) -> Iterator[App]:
    """A company whose bank takes files of transfers."""
    config = written(folder) / "config.yaml"
    text = config.read_text().replace("\nfx:", sepa.ADAPTER.replace(sepa.ACCOUNT, banks.MAIN), 1)
    config.write_text(text)
    with billing(folder, url) as app:
        yield app


def came(app: App, folder: Path, on: int, *entries: tuple[str, str, str]) -> int:
    """Load a statement with entries, (amount with its sign, end-to-end id, IBAN); the number of the first."""
    made, total = "", D(0)
    for amount, end, account in entries:
        sign, party = ("DBIT", "Cdtr") if amount.startswith("-") else ("CRDT", "Dbtr")
        total += D(amount)
        holder = f"<{party}Acct><Id><IBAN>{account}</IBAN></Id></{party}Acct>" if account else ""
        made += (
            f"<Ntry><Amt Ccy='EUR'>{amount.lstrip('-')}</Amt><CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt>"
            f"<Dt>2026-02-{on:02}</Dt></BookgDt><AcctSvcrRef>R{on}-{len(made)}</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>"
            f"{end}</EndToEndId></Refs><RltdPties><{party}><Nm>{NAMES['B4']}</Nm></{party}>{holder}</RltdPties></TxDtls></NtryDtls></Ntry>"
        )
    holder, one = banks.HOLDERS["053"]
    balances = "".join(
        banks.BALANCE.format(code=code, amount=amount, day=f"2026-02-{on:02}")
        for code, amount in (("OPBD", D(5000)), ("CLBD", 5000 + total))
    )
    file = folder / f"{on}.xml"
    file.write_text(
        banks.CAMT.format(kind="053", holder=holder, one=one, account=banks.MAIN, balances=balances, entries=made)
    )
    loaded = app.cash.load(file, CHANGE, accept=["cash.gap"])
    assert not loaded.refused, loaded.findings
    with app.books.reader() as reader:
        return max(one.entry.id for one in reader.open_entries("acme")) - len(entries) + 1


def files(folder: Path) -> list[list[dict[str, str]]]:
    """What is in the files at the bank: transfers, each with its id, amount and account."""
    made = []
    for path in sorted((folder / "bank").glob("TR*.xml"), key=lambda one: one.stat().st_mtime_ns):
        found = ElementTree.parse(path).getroot().iter()
        tags = [(one.tag.rpartition("}")[2], one.text or "") for one in found]
        transfers: list[dict[str, str]] = []
        for tag, text in tags:
            if tag == "EndToEndId":
                transfers.append({"id": text})
            elif tag in ("InstdAmt", "IBAN") and transfers:
                transfers[-1][tag] = text
        made.append(transfers)
    return made


def send(app: App, on: str = "2026-02-06") -> Any:
    with sepa.on(on) as change:
        return app.cash.send(change)


def story(app: App, folder: Path) -> None:
    """Two refunds: one is sent, booked and closed; the other is rejected by the bank, waits again, and is sent anew."""
    first = came(app, folder, 3, ("80.00", "E1", IBAN), ("33.00", "E2", IBAN))
    assert {one.state for one in app.cash.match(day(3), CHANGE).entries} == {"unapplied"}
    for ident in (first, first + 1):
        made = app.cash.send_back(ident, "refund", CHANGE, on=day(5))
        assert isinstance(made, Used) and made.text == "bank sends it with the next `tollbook cash send`"
    assert [one.state for one in app.cash.entry(first, day(5)).orders] == ["waiting"]
    assert send(app)[0]["accepted"] == 2 and send(app)[0]["accepted"] == 0
    (sent,) = files(folder)
    assert sorted((one["InstdAmt"], one["IBAN"]) for one in sent) == [("33.00", IBAN), ("80.00", IBAN)]
    names = {one["InstdAmt"]: one["id"] for one in sent}
    assert [(one.state, one.name) for one in app.cash.entry(first, day(6)).orders] == [("sent", names["80.00"])]
    came(app, folder, 7, ("-80.00", names["80.00"], ""))
    assert [one.state for one in app.cash.match(day(7), CHANGE).entries] == ["netted"]
    assert [one.state for one in app.cash.entry(first, day(7)).orders] == ["booked"]
    assert ledger(app, "2450") == {"2450": D(-33)}
    no = sepa_bank.rejects([refused(names["33.00"])], "AC04")
    assert sepa.hear(app, "2026-02-08", no)[0] == (0, 1, 0, 0)
    assert sepa.hear(app, "2026-02-08", no)[0] == (0, 0, 0, 1), "the same word again changes nothing"
    assert ledger(app, "2450") == {} and [one.entry for one in app.cash.waiting(day(8))] == [first + 1]
    assert app.cash.waiting(day(8))[0].kind == "refused" and "AC04" in app.cash.waiting(day(8))[0].text
    well(app)
    app.cash.send_back(first + 1, "refund", CHANGE, on=day(9))
    assert send(app, "2026-02-09")[0]["accepted"] == 1
    (_, again) = files(folder)
    assert again[0]["id"] not in names.values()
    assert [one.state for one in app.cash.entry(first + 1, day(9)).orders] == ["refused", "sent"]
    well(app)


def refused(name: str) -> sepa_bank.Debit:
    """A transfer as a bank names it in a rejection."""
    return sepa_bank.Debit("TR", "TR-001", name, D(33), date(2026, 2, 6), *[""] * 3, date.min, IBAN, "", "", False)


@pytest.mark.capability("A4.4")
def test_refunds_are_sent_and_followed(tmp_path: Path, database_url: str) -> None:
    """Once each; what the bank has rejected is not lost."""
    with company(tmp_path, database_url) as app:
        story(app, tmp_path)


def test_what_cannot_be_sent_is_said(tmp_path: Path) -> None:
    """No account that it could go to; above a limit two persons decide before anything is sent; what was refused at once waits."""
    with company(tmp_path, f"sqlite:///{tmp_path / 'books.db'}") as app:
        first = came(app, tmp_path, 3, ("12.00", "E1", ""), ("140.00", "E2", IBAN))
        made = app.cash.send_back(first, "return", CHANGE, on=day(5))
        assert isinstance(made, Used) and "nothing names an account" in made.text
        assert [one.state for one in app.cash.entry(first, day(5)).orders] == ["by hand"]
        taken_back(app, first)
    config = tmp_path / "config.yaml"
    config.write_text(config.read_text() + LIMIT)
    with stories.opened(tmp_path, f"sqlite:///{tmp_path / 'books.db'}") as app:
        asked = app.cash.send_back(first + 1, "refund", CHANGE, on=day(5))
        assert isinstance(asked, Outcome) and asked.approval is not None and not asked.done
        assert send(app)[0]["accepted"] == 0 and files(tmp_path) == []
        app.approvals.approve(asked.approval.id, OTHER)
        assert send(app)[0]["accepted"] == 1
        assert [[one["InstdAmt"] for one in some] for some in files(tmp_path)] == [["140.00"]]
        with pytest.raises(TollbookError, match=r"cash\.on-its-way"):
            app.cash.unapply(first + 1, CHANGE, on=day(8))
        third = came(app, tmp_path, 9, ("30.00", "E3", IBAN))
        app.cash.send_back(third, "refund", CHANGE, amount=D(10), on=day(9))
        assert send(app, "2026-02-09")[0]["accepted"] == 1
        app.cash.send_back(third, "refund", CHANGE, amount=D(20), on=day(9))
        told = app.cash.unapply(third, CHANGE, on=day(9))
        assert [(one.kind, one.left) for one in told] == [("unapplied", D(20)), ("on_its_way", D(20))]
        well(app)


def taken_back(app: App, first: int) -> None:
    """What nobody has told a bank does not go back after all, and is not sent; the money waits, and can be sent back anew."""
    app.cash.send_back(first + 1, "refund", CHANGE, on=day(5))
    assert [one.state for one in app.cash.entry(first + 1, day(5)).orders] == ["waiting"]
    for ident in (first, first + 1):
        (made,) = app.cash.unapply(ident, CHANGE, on=day(6))
        assert (made.kind, made.left) == ("unapplied", D(12) if ident == first else D(140))
        assert [one.state for one in app.cash.entry(ident, day(6)).orders] == ["taken back"]
        with pytest.raises(TollbookError, match=r"cash\.not-applied"):
            app.cash.unapply(ident, CHANGE, on=day(6))
    assert sum(send(app)[0].values()) == 0 and ledger(app, "2450") == {}
    assert [one.entry for one in app.cash.waiting(day(8))] == [first, first + 1]
    well(app)
