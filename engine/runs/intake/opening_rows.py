"""What the columns of one row of a cut-over must be to each other.  Pure; what is implied is filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from engine.base.money import round_to

Values = dict[str, Any]
Flaw = tuple[str, str, str]
"""What is wrong, why, how to mend it."""


def _whole(values: Values, *names: str) -> Iterator[Flaw]:
    """Amounts have no more digits than their currency."""
    currency = values["currency"]
    for name in names:
        amount: Decimal | None = values[name]
        if amount is not None and amount != round_to(amount, currency):
            yield f"{name} {amount} has more digits than {currency}", "nobody can owe it", "round it in the old system"


def _nothing(values: Values) -> Iterator[Flaw]:
    if not values["amount"]:
        yield "amount is 0", "there is nothing to bring over", "leave the row out"


def _valued(values: Values) -> Iterator[Flaw]:
    """The functional amount has the sign of the amount."""
    worth, amount = values["functional_amount"], values["amount"]
    if worth is not None and amount and not worth * amount > 0:
        what = f"functional_amount {worth} beside amount {amount}"
        yield what, "both are the same balance", "give both the same sign"


def _period(values: Values) -> Iterator[Flaw]:
    first, end = values["service_from"], values["service_to"]
    if end <= first:
        yield f"service from {first} to {end} is no day at all", "", "service_to is the day after the last day"


def _line(values: Values) -> Iterator[Flaw]:
    amount, tax, gives_back = values["amount"], values["tax_amount"], values["credits"] is not None
    yield from _period(values)
    yield from _whole(values, "amount", "tax_amount")
    if (amount > 0 and gives_back) or (amount < 0 and not gives_back):
        what = f"amount {amount} of a line that " + ("gives back another" if gives_back else "gives back nothing")
        mend = "name the line in credits, and write its amount below zero" if amount < 0 else "write it below zero"
        yield what, "a line charges, or gives back another one", mend
    if values["tax_amount"] is None:
        values["tax_amount"] = round_to(amount * values["tax_rate"], values["currency"])
    elif tax * amount < 0:
        yield f"tax_amount {tax} beside amount {amount}", "tax goes the way of its line", "give both the same sign"
    if values["rate"] is not None and values["rate"] <= 0:
        yield f"a rate of {values['rate']}", "nothing can be converted by it", "write a rate above zero"


def _receivable(values: Values) -> Iterator[Flaw]:
    kind, original, amount = values["kind"], values["original"], values["amount"]
    values["due_date"] = values["due_date"] or values["document_date"]
    yield from _whole(values, "original", "amount")
    yield from _nothing(values)
    yield from _valued(values)
    if (amount > 0) != (kind == "invoice") and amount:
        sign = "above" if kind == "invoice" else "below"
        yield f"amount {amount} of a {kind}", "", f"write it {sign} zero, or name the other kind"
    elif abs(amount) > abs(original) or amount * original < 0:
        yield f"amount {amount} of {original} is open", "no more can be open than there was", "correct one of them"


def _cash(values: Values) -> Iterator[Flaw]:
    yield from _whole(values, "amount")
    yield from _nothing(values)
    yield from _valued(values)


def _wallet(values: Values) -> Iterator[Flaw]:
    values["expires_on"] = values["expires_on"] or date.max
    values["granted"] = values["amount"] if values["granted"] is None else values["granted"]
    yield from _whole(values, "granted", "amount")
    yield from _nothing(values)
    yield from _valued(values)
    if values["amount"] > values["granted"]:
        what = f"amount {values['amount']} of {values['granted']} is left"
        yield what, "no more can be left than was granted", "correct one of them"


def _deferred(values: Values) -> Iterator[Flaw]:
    values["contract"], values["subscription"] = values["contract"] or "", values["subscription"] or ""
    yield from _period(values)
    yield from _cash(values)


def _balance(values: Values) -> Iterator[Flaw]:
    yield from _whole(values, "amount")
    yield from _valued(values)


EXTRA: Final[Mapping[str, Callable[[Values], Iterator[Flaw]]]] = {
    "opening_lines": _line,
    "opening_receivables": _receivable,
    "opening_cash": _cash,
    "opening_wallets": _wallet,
    "opening_deferred": _deferred,
    "opening_balances": _balance,
}
"""By kind of file."""
