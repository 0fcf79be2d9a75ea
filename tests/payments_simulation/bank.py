"""The bank of the company: what it books, its statements, and the direct debits that it collects and takes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import escape

from tests import banks
from tests.fakes import sepa_bank
from tests.payments_simulation.money import ACCOUNTS, OWN
from tests.payments_simulation.people import OPENING

ZERO = Decimal(0)


@dataclass(frozen=True)
class Booked:
    """An entry at the bank, and what it is in truth: which only the bank, its customers and the auditor know.

    ``why`` is ``pays``, ``stranger``, ``bounced``, ``payout``, ``debits``, ``debit back`` or ``sent``; ``whom`` is the customer, or the
    name of a payout; ``numbers`` are the invoices meant; ``about`` is the entry that another one is about.
    """

    ref: str
    day: date
    amount: Decimal
    why: str
    who: str = ""
    whom: str = ""
    numbers: tuple[str, ...] = ()
    about: str = ""
    xml: str = ""
    currency: str = OWN


@dataclass
class Debited:
    """A direct debit at the bank: read on a day, then ``settled``, ``rejected`` or ``returned``."""

    debit: sepa_bank.Debit
    customer: str
    read: date
    state: str = "sent"
    decided: date | None = None
    returned: date | None = None
    fee: Decimal = ZERO


@dataclass
class Bank:
    """The accounts at one bank, one for each currency."""

    folder: Path
    entries: list[Booked] = field(default_factory=list)
    debits: dict[str, Debited] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    def book(
        self,
        day: date,
        amount: Decimal,
        why: str,
        who: str,
        text: str,
        *,
        back: bool = False,
        xml: str = "",
        currency: str = OWN,
        **truth: object,
    ) -> Booked:
        """An entry that a statement of its day will have."""
        ref = f"BK{len(self.entries) + 1:05}"
        party = "Dbtr" if (amount > 0) != back else "Cdtr"
        details = (
            f"<NtryDtls><TxDtls><RltdPties><{party}><Nm>{escape(who)}</Nm></{party}></RltdPties>"
            f"<RmtInf><Ustrd>{escape(text)}</Ustrd></RmtInf></TxDtls></NtryDtls>"
        )
        made = xml or sepa_bank._entry("CRDT" if amount > 0 else "DBIT", abs(amount), day, details)
        made = made.replace("</ValDt>", f"</ValDt><AcctSvcrRef>{ref}</AcctSvcrRef>", 1)
        if back:
            made = made.replace("<Sts>", "<RvslInd>true</RvslInd><Sts>", 1)
        made = made.replace(f"Ccy='{OWN}'", f"Ccy='{currency}'")
        one = Booked(ref, day, amount, why, who, xml=made, currency=currency, **truth)  # type: ignore[arg-type]
        self.entries.append(one)
        return one

    def entry(self, ref: str) -> Booked:
        """An entry by its reference."""
        return self.entries[int(ref[2:]) - 1]

    def of(self, currency: str) -> list[Booked]:
        """The entries of one account."""
        return [one for one in self.entries if one.currency == currency]

    def statement(self, currency: str, since: date, until: date) -> Path:
        """The statement of some days of an account."""
        name = f"{currency}-{since}-{until}"
        there = self.of(currency)
        mine = [one for one in there if since <= one.day <= until]
        closing = OPENING + sum((one.amount for one in there if one.day <= until), ZERO)
        opening = closing - sum((one.amount for one in mine), ZERO)
        holder, kind = banks.HOLDERS["053"]
        balances = "".join(
            banks.BALANCE.format(code=code, amount=amount, day=day)
            for code, amount, day in (("OPBD", opening, since), ("CLBD", closing, until))
        )
        path = self.folder / f"{name}.xml"
        entries = "".join(one.xml for one in mine)
        text = banks.CAMT.format(
            kind="053", holder=holder, one=kind, account=ACCOUNTS[currency], balances=balances, entries=entries
        )
        text = text.replace(f"<Ccy>{OWN}</Ccy>", f"<Ccy>{currency}</Ccy>").replace(f"Ccy='{OWN}'", f"Ccy='{currency}'")
        path.write_text(text.replace("<Id>1</Id>", f"<Id>{name}</Id>", 1))
        return path

    # Direct debits ------------------------------------------------------------------------------------------------------

    def collect(self, outbox: Path, day: date) -> Iterator[Debited]:
        """Read files that were not read yet."""
        for path in sorted(outbox.glob("*.xml"), key=lambda path: path.stat().st_mtime_ns):
            if path.name in self.files:
                continue
            self.files.append(path.name)
            for debit in sepa_bank.read(path.read_bytes()):
                assert debit.end_to_end not in self.debits, f"{debit.end_to_end} came twice"
                made = self.debits[debit.end_to_end] = Debited(debit, debit.mandate.removeprefix("M-"), day)
                yield made

    def notice(self, day: date, entries: list[Booked]) -> Path:
        """A camt.054 of some entries."""
        path = self.folder / f"notice-{day}.xml"
        path.write_bytes(sepa_bank.booked(ACCOUNTS[OWN], day, *(one.xml for one in entries)))
        return path

    def report(self, day: date, some: list[Debited], code: str) -> Path:
        """A pain.002 that rejects collections of one file."""
        path = self.folder / f"reject-{day}-{some[0].debit.message}-{code}.xml"
        path.write_bytes(sepa_bank.rejects([one.debit for one in some], code))
        return path
