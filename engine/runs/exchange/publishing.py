"""What other systems are told: whatever was written to the books since the last look becomes messages in the outbox.

Looking goes along the chain, whose links are in the order of commits, so that nothing is overlooked that was written by several
processes at once.  Each adapter of the port ``exchange`` is told the kinds that its setting ``kinds`` names, or all.  The id of a message
is made of natural keys: a look that is made again makes the same messages, and those that are there stay as they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.money import ZERO, minor_digits
from engine.model import exchange
from engine.model.effect import Effect
from engine.model.exchange import OUTBOUND, Data, Outbound
from engine.model.journal import Change
from engine.model.settlement import CREDIT
from engine.runs.exchange.rows import ACTIONS
from engine.runs.run import Parts
from engine.store.reader import Reader

PORT: Final = "exchange"
MARK: Final = "exchange"
"""Name of the mark up to which the chain was looked at."""
LINKS: Final = 50
"""Transactions that are looked at together."""
TABLES: Final = ("invoice", "settlement", "subscription_event", "dunning_step")

STARTS: Final = "start"
_CALLED: Final[Mapping[str, str]] = {kind: action for action, kind in ACTIONS.items()}

Made = tuple[str, str, str, Data]
"""Kind, legal entity, the rest of the id, data."""
Row = Mapping[str, Any]


def publish(parts: Parts, change: Change) -> int:
    """Put messages about what is new into the outbox; how many.  Without an adapter nothing is looked at."""
    adapters = parts.host.adapters(PORT)
    if not adapters:
        return 0
    wanted = {name: frozenset(parts.host.line(name).adapter.settings.get("kinds") or OUTBOUND) for name in adapters}
    count = 0
    while True:
        with parts.books.reader() as reader:
            before = reader.mark(parts.tenant, MARK)
            after, ranges = reader.written_since(parts.tenant, before, LINKS, TABLES)
            made = [*_news(reader, parts.tenant, ranges)] if any(ranges.values()) else []
            made += _released(reader, parts.tenant) if before == after or ranges["settlement"] else []
            fresh = _fresh(reader, parts.tenant, wanted, made)
        if before == after and not fresh:
            return count
        with parts.books.writer(change, tenant=parts.tenant) as writer:
            if writer.move_mark(parts.tenant, MARK, before, after):
                for entity, effects in fresh.items():
                    count += writer.add_effects(parts.tenant, entity, effects)
        if not any(ranges.values()) and not fresh:
            return count


def _fresh(
    reader: Reader, tenant: str, wanted: Mapping[str, frozenset[str]], made: Iterable[Made]
) -> dict[str, list[tuple[Effect, str]]]:
    """Effects that the outbox does not have, by legal entity."""
    effects: dict[str, tuple[str, Effect, str]] = {}
    for kind, entity, rest, data in made:
        name = f"{kind}/{entity}/{rest}"
        version = OUTBOUND[kind].version
        message = Outbound(name, kind, version, tenant, msgspec.to_builtins(data))
        for adapter, kinds in wanted.items():
            if kind in kinds:
                effect = Effect(f"{adapter}:{name}", PORT, kind, msgspec.to_builtins(message))
                effects.setdefault(effect.key, (entity, effect, adapter))
    there = {effect.key for effect in reader.effects(tenant, list(effects))} if effects else set()
    fresh: dict[str, list[tuple[Effect, str]]] = defaultdict(list)
    for key, (entity, effect, adapter) in effects.items():
        if key not in there:
            fresh[entity].append((effect, adapter))
    return fresh


def _news(reader: Reader, tenant: str, ranges: Mapping[str, list[tuple[int, int]]]) -> Iterator[Made]:
    """Messages about rows that were written."""
    yield from map(_invoice, reader.invoices_within(tenant, ranges["invoice"]))
    yield from _payments(reader.settlements_within(tenant, ranges["settlement"]))
    kinds = (STARTS, *_CALLED)
    yield from map(_event, reader.events_within(tenant, ranges["subscription_event"], kinds))
    yield from map(_hold, (s for s in reader.steps_within(tenant, ranges["dunning_step"]) if _holds(s)))


def _money(amount: Decimal, currency: str) -> Decimal:
    return round(amount, minor_digits(currency))


def _invoice(row: Row) -> Made:
    currency = row["currency"]
    data = exchange.InvoiceIssued(
        entity=row["entity"],
        account=row["payer"],
        number=row["number"],
        document=row["kind"],
        invoice_date=row["invoice_date"],
        due_date=row["due_date"],
        tax_point=row["tax_point"],
        currency=currency,
        net=_money(row["net"], currency),
        tax=_money(row["tax"], currency),
        total=_money(row["total"], currency),
        purchase_order=row["purchase_order"] or None,
    )
    return "invoice", row["entity"], row["number"], data


def _payments(legs: Iterable[Row]) -> Iterator[Made]:
    """A message an act, of all its legs."""
    acts: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for leg in legs:
        acts[leg["entity"], leg["key"]].append(leg)
    for (entity, key), mine in acts.items():
        first, currency = mine[0], mine[0]["currency"]
        settles = tuple(
            exchange.Settles("" if leg["item"] == CREDIT else leg["number"] or "", _money(leg["amount"], currency))
            for leg in mine
        )
        total = -sum((leg["amount"] for leg in mine), ZERO)
        data = exchange.PaymentBooked(
            entity, first["account"], key, first["kind"], _money(total, currency), currency, first["day"], settles
        )
        yield "payment", entity, key, data


def _event(row: Row) -> Made:
    entity, key = row["entity"], row["key"]
    rest = f"{row['subscription']}/{key}"
    if row["kind"] == STARTS:
        quantity = row["quantity"] if row["quantity"] is not None else Decimal(1)
        whole = quantity.quantize(Decimal(1)) if quantity == quantity.to_integral_value() else quantity.normalize()
        given = (row["account"], row["subscription"], key, row["plan"], whole, row["on_day"], row["contract"])
        return "activation", entity, rest, exchange.ActivationRequest(entity, *given)
    action: Any = _CALLED[row["kind"]]
    stopped = (row["account"], row["subscription"], key, action, row["on_day"])
    return "suspension", entity, rest, exchange.SuspensionRequest(entity, *stopped)


def _holds(step: Row) -> bool:
    return bool(step["look"].get("credit_hold"))


def _hold(step: Row) -> Made:
    """The hold that a step of dunning begins."""
    documents = tuple(one["number"] for one in step["items"])
    about = documents[0] if step["item"] and documents else "all"
    rest = f"{step['account']}/{step['currency']}/{about}/{step['cycle']}/{step['step']}"
    who = (step["entity"], step["account"], step["currency"])
    return (
        "credit_hold",
        step["entity"],
        f"{rest}/on",
        exchange.CreditHold(*who, "on", step["day"], step["step"], documents),
    )


def _released(reader: Reader, tenant: str) -> list[Made]:
    """The end of each hold of whose documents none is open any more."""
    told = {row["payload"]["id"]: row["payload"]["data"] for row in reader.effects_of_kind(tenant, PORT, "credit_hold")}
    on = {name: data for name, data in told.items() if data["state"] == "on" and f"{name[:-3]}/off" not in told}
    made: list[Made] = []
    for name, data in on.items():
        entity, account = data["entity"], data["account"]
        found = reader.open_items(tenant, entity, [account]).get((account, data["currency"]), ())
        left = {item.number for item in found if item.left > 0}
        if left.isdisjoint(data["documents"]):
            held = msgspec.convert({**data, "state": "off"}, exchange.CreditHold)
            made.append(("credit_hold", entity, name.split("/", 2)[2][:-3] + "/off", held))
    return made
