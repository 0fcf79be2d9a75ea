"""What was given up of an invoice and comes off what is credited: the share, its tax, and where it is booked."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from engine.model.settlement import CREDIT, OpenItem
from engine.receivables.open_items import Sheet
from engine.runs.billing.given_up import Taken, _Act, _back
from engine.runs.billing.settlements import _taken_back
from engine.runs.cash.giving_up import taxes_in

D = Decimal
DAY = date(2026, 2, 1)
INVOICE = OpenItem(1, "A", "invoice", "N1", DAY, DAY, "EUR", D(221), D(0), "EUR", D(221))


def line(net: str, tax: str) -> Any:
    return SimpleNamespace(charge=SimpleNamespace(amount=D(net)), tax=SimpleNamespace(jurisdiction="NL", amount=D(tax)))


def act(off: str, *later: str, key: str = "w", tax: str = "adjust") -> _Act:
    rows = [{"amount": D(one), "document": 8 + n} for n, one in enumerate(later)]
    row = {"amount": -D(off), "document": 7, "key": key, "decision": 0}
    return _Act(row, rows, {"role": "discount_taken", "tax": tax})


def back(lines: list[Any], acts: list[_Act], before: str) -> list[tuple[Decimal, list[Any], tuple[int, ...]]]:
    made = _back(0, INVOICE, lines, acts, D(before))
    return [(one.amount, list(one.taxes), one.turned) for one in made]


def test_the_tax_is_that_of_the_lines_that_are_credited() -> None:
    """2 % of 100 at 21 % and 100 that is exempt: with the exempt line goes no tax, with the rest goes all that was posted."""
    one = act("4.42")
    assert back([line("-100", "0")], [one], "221") == [(D("2.00"), [], ())]
    assert back([line("-50", "-10.50")], [one], "121") == [(D("1.21"), [("NL", D("-0.21"))], ())]
    assert one.left == D("1.21")
    assert back([line("-50", "-10.50")], [act("4.42", "2.00", "1.21")], "60.50")[0][2] == (7, 8, 9)
    assert taxes_in([("NL", D(100), D(21)), ("NL", D(-100), D(-21)), ("NL", D(100), D(0))], D(2), "EUR") == []


def test_each_act_bears_its_share() -> None:
    """A discount and some cents; what was taken back already, what brings again, and a charge take nothing."""
    acts = [act("2.42"), act("0.30", key="s", tax="keep"), act("5", "5", key="undone")]
    assert [one[0] for one in back([line("-50", "-10.50")], acts, "121")] == [D("1.21"), D("0.15")]
    assert back([line("50", "10.50")], acts, "121") == []


def test_where_the_document_has_no_room_the_invoice_is_open_again() -> None:
    """A bill that charges more than it gives back owes nothing back: what comes off is owed of the invoice."""

    def on(total: str) -> int:
        bill = OpenItem(5, "A", "invoice", "", DAY, DAY, "EUR", D(total), D(total), "EUR", D(total))
        credit = OpenItem(CREDIT, "A", "credit", "credit", DAY, DAY, "EUR", D(0), D(0), "EUR", D(0))
        taken = Taken(0, {"decision": 0}, INVOICE, D("1.21"), {})
        (leg,) = _taken_back(taken, {("A", "EUR"): Sheet([credit, bill])}, ("A", "EUR"), 5).legs
        return leg.item.id

    assert [on("-60.50"), on("-1.21"), on("-1.20"), on("40")] == [5, 5, 1, 1]
