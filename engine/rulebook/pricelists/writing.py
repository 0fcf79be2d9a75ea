"""A price list as files: catalogue files to import, a pricing rule file with cases, and what is left out."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, did_you_mean, refuse
from engine.base.money import minor_digits, written
from engine.model.decision import Family
from engine.rulebook.authoring.flow import flow
from engine.rulebook.cases import run_cases
from engine.rulebook.pricelists import killbill, lago, stripe
from engine.rulebook.pricelists.model import UNREADABLE, Charge, Example, Left, Plan, PriceList
from engine.rulebook.rulebook import compile_book

UNKNOWN_SYSTEM = Code("prices.unknown-system", "A price list of a system that is not known.")
EXISTS = Code("prices.exists", "Price lists are imported into a folder that has such files already.")

SYSTEMS: Final[Mapping[str, Callable[[bytes, str], PriceList]]] = {
    "stripe": stripe.read,
    "killbill": killbill.read,
    "lago": lago.read,
}
_CHARGES: Final = "plan key name kind timing months days meter meters unit product tax_included".split()


class Taken(msgspec.Struct, frozen=True):
    """What became of a price list: files that were written, what is in them, and what is left out."""

    system: str
    files: tuple[str, ...]
    plans: int
    charges: int
    cases: int
    left: tuple[Left, ...]


def import_prices(system: str, source: Path, into: Path, families: Mapping[str, Family], force: bool) -> Taken:
    """Reads a price list and writes ``into/data/*.csv`` and ``into/rules/pricing/SYSTEM-PLAN.yaml``, if all is in order.

    Raises:
        TollbookError: ``prices.unknown-system``, ``prices.unreadable``, ``prices.exists``; a rule that is wrong, or a
            case that does not come out as the other system computes it.
    """
    if system not in SYSTEMS:
        raise refuse(UNKNOWN_SYSTEM, f"{system!r} is no known system", mend=did_you_mean(system, SYSTEMS))
    try:
        content = source.read_bytes()
    except OSError as error:
        why, mend = error.strerror or "", "name the file that the other system has exported"
        raise refuse(UNREADABLE, "the file cannot be read", why=why, mend=mend, where=Where(str(source))) from None
    listed = distinct(SYSTEMS[system](content, str(source)))
    if not listed.plans:
        place = Where(str(source))
        raise TollbookError(Finding(UNREADABLE, place, f"{one.where}: {one.what}", "", one.mend) for one in listed.left)
    texts = {f"data/{name}": text for name, text in catalogue(listed).items()}
    rules = {f"rules/pricing/{name_of(listed, plan)}.yaml": rule_file(listed, plan) for plan in listed.plans}
    texts |= rules
    texts["left-out.csv"] = _csv(("where", "what", "mend"), [msgspec.structs.astuple(each) for each in listed.left])
    there = [name for name in texts if (into / name).exists()]
    if there and not force:
        what = f"the folder has {', '.join(there)} already"
        raise refuse(EXISTS, what, mend="choose another folder, or say --force", where=Where(str(into)))
    cases = _judged(rules, families)
    for name, text in texts.items():
        (into / name).parent.mkdir(parents=True, exist_ok=True)
        (into / name).write_text(text, encoding="utf-8")
    charges = sum(len(plan.charges) for plan in listed.plans)
    files = tuple(str(into / name) for name in texts)
    return Taken(system, files, len(listed.plans), charges, cases, listed.left)


def distinct(listed: PriceList) -> PriceList:
    """The same with plans of one key told apart by a number."""
    seen: dict[str, int] = {}
    plans = []
    for plan in listed.plans:
        seen[plan.key] = number = seen.get(plan.key, 0) + 1
        plans.append(plan if number == 1 else msgspec.structs.replace(plan, key=f"{plan.key}-{number}"))
    return msgspec.structs.replace(listed, plans=tuple(plans))


def _judged(rules: Mapping[str, str], families: Mapping[str, Family]) -> int:
    """How many cases there are; all of them come out as the other system computes them."""
    book = compile_book({label: text.encode() for label, text in rules.items()}, families, lint=False)
    report = run_cases(book)
    if report.findings:
        raise TollbookError(report.findings)
    return len(report.results)


def catalogue(listed: PriceList) -> dict[str, str]:
    """The import files of a price list by name."""
    meters = {key: (key, how) for key, how in sorted(listed.meters.items())}
    out = {"meters.csv": _csv(("key", "unit", "aggregation"), [(k, k[:50], how) for k, how in meters.values()])}
    out["plans.csv"] = _csv(("key", "name"), [(plan.key, plan.name) for plan in listed.plans])
    rows = [_charge(plan, charge) for plan in listed.plans for charge in plan.charges]
    out["charges.csv"] = _csv(_CHARGES, rows)
    return {name: text for name, text in out.items() if text.count("\n") > 1}


def _charge(plan: Plan, charge: Charge) -> tuple[str, ...]:
    return (
        plan.key,
        charge.key,
        charge.name,
        charge.kind,
        charge.timing,
        str(charge.months),
        str(charge.days or ""),
        charge.meter,
        ";".join(charge.meters),
        charge.unit[:50],
        charge.product,
        "true" if charge.tax_included else "",
    )


def _csv(header: Any, rows: Any) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def name_of(listed: PriceList, plan: Plan) -> str:
    """The name of the rule set of a plan, which is that of its file, too."""
    return re.sub(r"[^a-z0-9_.-]", "-", f"{listed.system}-{plan.key}")


def rule_file(listed: PriceList, plan: Plan) -> str:
    """The pricing rules of a plan, with the cases that the other system's way of computing gives."""
    title = " ".join(plan.name.split())
    lines = [
        f"# {title}, taken over from {listed.system}. The cases are computed as {listed.system} publishes it, not by these rules.",
        f"ruleset: pricing/{name_of(listed, plan)}",
        f"scope: {flow(f'plan == {chr(34)}{plan.key}{chr(34)}')}",
        "owner: finance.pricing",
        "hit: unique",
        "rules:",
    ]
    cases = ["cases:"]
    for charge in plan.charges:
        when = f'charge.key == "{charge.key}"'
        lines += [f"  - id: {flow(charge.key)}", f"    when: {flow(when)}", *_then(charge.then)]
        for example in charge.examples:
            cases += _case(plan, charge, charge.key, example)
    return "\n".join([*lines, *(cases if len(cases) > 1 else ())]) + "\n"


def _then(then: Mapping[str, Any]) -> list[str]:
    whole = f"    then: {flow(dict(then))}"
    if len(whole) <= 118:
        return [whole]
    lines = ["    then:"]
    for key, value in then.items():
        line = f"      {key}: {flow(value)}"
        if len(line) <= 118 or not isinstance(value, list):
            lines.append(line)
        else:
            lines += [f"      {key}:", *(f"        - {flow(item)}" for item in value)]
    return lines


def _case(plan: Plan, charge: Charge, rule: str, example: Example) -> list[str]:
    given: dict[str, Any] = {"plan": plan.key, "charge": {"key": charge.key, "kind": charge.kind}}
    given["charge"] |= {"meter": charge.meter} if charge.meters else {}
    given |= {"account": {"currency": example.currency}, "complete": True, **example.given}
    unit = Decimal(1).scaleb(-minor_digits(example.currency))
    try:
        amount = written(example.amount.quantize(unit, ROUND_HALF_UP), example.currency)
    except ArithmeticError:
        what = f"plan {plan.key}, charge {charge.key}: {example.amount:.3e} is no amount"
        raise refuse(UNREADABLE, what, mend="correct it in the file") from None
    text = flow(given)
    for key in ("subscribed_on", "day"):
        text = text.replace(f"{key}: '{example.given.get(key)}'", f"{key}: {example.given.get(key)}")
    name = flow(f"{charge.key}: {example.name}")
    return [f"  - name: {name}", f"    given: {text}", f"    expect: {flow({'rule': rule, 'amount': amount})}"]
