"""How revenue contracts are printed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.base.money import ZERO
from engine.cli.common import coins, out, plain, table

if TYPE_CHECKING:
    from engine.app import AccountShown, ContractAdded, ContractShown
    from engine.model.revenue_contract import RevenueContract


def print_added(added: Sequence[ContractAdded]) -> None:
    """What was taken in."""
    rows = [(one.contract, one.entity, "new" if one.new else "known", one.events, one.file) for one in added]
    table("", ("contract", "entity", "", "new events", "file"), rows, right=(3,))


def print_contracts(found: Sequence[RevenueContract]) -> None:
    """A list of contracts."""
    if not found:
        out.print("there are no revenue contracts")
        return
    rows = [
        (
            one.key,
            one.entity,
            one.account,
            one.signed,
            one.known,
            len(one.agreed.promises),
            f"{coins(sum((each.price for each in one.agreed.promises), ZERO), one.currency)} {one.currency}",
        )
        for one in found
    ]
    table("", ("contract", "entity", "account", "signed", "known", "promises", "stated price"), rows, right=(5, 6))


def print_contract(found: ContractShown) -> None:
    """A contract and what happened to it."""
    one = found.contract
    out.print(f"{one.key} of {one.entity} with {one.account}, signed {one.signed}, known {one.known}", markup=False)
    for name, on in one.agreed.criteria.items():
        out.print(f"  criterion {name}: {on or 'not met'}", markup=False)
    rows = [
        (
            each.promise,
            each.product,
            each.kind,
            each.service_from or one.signed,
            each.service_to or "-",
            coins(each.price, one.currency),
        )
        for each in one.agreed.promises
    ]
    table("promises", ("promise", "product", "kind", "from", "to", f"stated, {one.currency}"), rows, right=(5,))
    if found.events:
        said = [(each.on, each.known, each.kind, each.key, _words(each)) for each in found.events]
        table("since", ("on", "known", "what", "key", ""), said)
    for place in found.bills:
        out.print(f"billed by {place}", markup=False)
    if found.lines:
        lines = [(each["line"], each["on"], coins(each["amount"], one.currency)) for each in found.lines]
        table("billed", ("line", "on", "amount"), lines, right=(2,))


def _words(event: Any) -> str:
    told = {name: value for name, value in plain(event).items() if name not in ("key", "kind", "on", "known")}
    return ", ".join(f"{name} {_short(value)}" for name, value in told.items())


def _short(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "; ".join(" ".join(map(str, one.values())) if isinstance(one, dict) else str(one) for one in value)
    return str(value)


def print_account(found: AccountShown) -> None:
    """How a contract is accounted for."""

    def money(amount: Decimal) -> str:
        return coins(amount, found.currency)

    names = " with ".join(found.contracts)
    as_known = f", as known on {found.known}" if found.known else ""
    out.print(f"{names} of {found.entity} with {found.account} at the end of {found.through}{as_known}", markup=False)
    if found.exists is None:
        out.print("not all criteria of a contract are met: nothing is revenue", markup=False)
    rows = [
        (
            one.obligation,
            f"{one.rule} ({one.where})" if one.rule else "added later",
            one.method,
            money(one.stated),
            money(one.ssp),
            f"{one.share * 100:.2f} %",
            money(one.allocated),
            money(one.recognised),
            money(one.remaining),
        )
        for one in found.shares
    ]
    rows.append(("", "", "", "", "", "", money(found.price), money(found.recognised), money(found.remaining)))
    columns = ("obligation", "rule", "method", "stated", "alone", "share", "of the price", "recognised", "remaining")
    table(f"transaction price {money(found.price)} {found.currency}", columns, rows, right=range(3, 9))
    if found.treated:
        said = [
            (one.on, one.key, one.how, ", ".join(f"{k} {money(v)}" for k, v in one.shares.items()))
            for one in found.treated
        ]
        table("changes", ("on", "key", "accounted for as", "to be earned after it"), said)
    if found.months:
        table(
            "recognised",
            ("month", "amount"),
            [(month, money(amount)) for month, amount in found.months.items()],
            right=(1,),
        )
    if found.remaining_by_year:
        left = [
            (year if year != "open" else "no day yet", money(amount))
            for year, amount in found.remaining_by_year.items()
        ]
        table("remaining", ("year", "amount"), left, right=(1,))
    balances = [
        ("billed", money(found.billed)),
        *((name.replace("_", " "), money(amount)) for name, amount in found.balances.items()),
    ]
    table("balances", ("", "amount"), balances, right=(1,))
    for key in found.by_invoice:
        out.print(f"{key} is earned as it is invoiced", markup=False)
