"""From one row of texts to values and findings.  Pure: a row is judged by itself alone.

What needs other rows or the books (double keys, references, the order of events) is judged where rows are loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base import iban
from engine.base.errors import Code, Finding, Where, did_you_mean
from engine.base.units import Unfit
from engine.runs.intake import mandate_rows, measured_rows, opening_rows, payment_formats, trigger_rows
from engine.runs.intake.formats import TYPES, Column, Format
from engine.runs.intake.values import OutOfBounds, Read, reader, undecoded

MISSING_VALUE = Code("intake.missing-value", "A row without a value in a required column.")
BAD_VALUE = Code("intake.bad-value", "A value that is not of its column's type, or out of its bounds.")
NOT_UTF8 = Code("intake.not-utf8", "Bytes that are not UTF-8 text.")
CONTRADICTION = Code("intake.contradiction", "Values of one row that do not go together.")
DOUBTFUL_IBAN = Code("intake.doubtful-iban", "A bank account whose check digits are wrong; it is loaded all the same.")
UNKNOWN_COLUMN = Code("intake.unknown-column", "A column that the kind of file does not have; it is not read.")
MISSING_COLUMN = Code("intake.missing-column", "A file without a required column; nothing of it is loaded.")

REMEMBERED: Final = 10_000
"""Most texts of a column that are remembered with their values."""
_FEW: Final = frozenset(
    {"boolean", "choice", "country", "currency", "date", "dimensions", "integer", "language", "zone"}
)
"""Types whose texts come again and again."""

Values = dict[str, Any]
"""A row's values by column; None where there is none."""


class Rules(msgspec.Struct, frozen=True):
    """A format made ready to read rows with.

    ``columns`` are (name, reader, values that were read before by their texts, whether to remember more, column).
    """

    form: Format
    columns: tuple[tuple[str, Read, dict[str | None, Any], bool, Column], ...]
    extra: Callable[[Values], Iterable[tuple[Code, str, str, str]]] | None


def rules_of(form: Format, today: date) -> Rules:
    """The rules of a format on a business date.  Defaults are read once, by the readers of their own columns."""
    columns = []
    for column in form.columns:
        read = reader(column, today)
        empty: Any = () if column.type in ("registrations", "bank_accounts") else column.default
        default = read(empty) if empty else empty
        known = {} if column.required else {None: default, "": default}
        columns.append((column.name, read, known, bool(column.refers) or column.type in _FEW, column))
    return Rules(form, tuple(columns), _EXTRA.get(form.kind) or _opening(form.kind))


def read_row(rules: Rules, row: Mapping[str, str], where: Where) -> tuple[Values | None, list[Finding]]:
    """The values of a row, and everything that is wrong with it.

    Values are None where a finding is an error.  Texts are trimmed; an empty one is absent.
    """
    values: Values = {}
    findings: list[Finding] = []
    for name, read, known, few, column in rules.columns:
        given = row.get(name)
        if given in known:
            values[name] = known[given]
            continue
        text = given.strip() if given else ""
        try:
            values[name] = value = read(text) if text else known[""]
        except Unfit as flaw:
            findings.append(_unfit(column, text, flaw, where))
        except KeyError:
            why = f"every {rules.form.noun} has one"
            findings.append(Finding(MISSING_VALUE, where, f"{name} is empty", why, "fill it in"))
        else:
            if few and len(known) < REMEMBERED:
                known[given] = value
    if not findings and rules.extra is not None:
        for code, what, why, mend in rules.extra(values):
            level = "warning" if code is DOUBTFUL_IBAN else "error"
            findings.append(Finding(code, where, what, why, mend, level))
    if not findings:
        return values, findings
    subject = subject_of(rules.form, row)
    findings = [msgspec.structs.replace(finding, subject=subject) for finding in findings]
    return (None if any(finding.level == "error" for finding in findings) else values), findings


def subject_of(form: Format, row: Mapping[str, Any]) -> str:
    """The natural key of a row as findings name it: ``account/E1/A-17``; parts that it lacks are written ``?``."""
    return "/".join([form.noun.replace(" ", "-"), *(str(row.get(name) or "?").strip() for name in form.key)])


def check_header(form: Format, names: Iterable[str], where: Where) -> tuple[list[Finding], list[Finding]]:
    """What is wrong with a file's columns: (errors that refuse the file, warnings)."""
    present = list(names)
    known = form.names
    missing = [column.name for column in form.columns if column.required and column.name not in present]
    errors = [
        Finding(
            MISSING_COLUMN,
            where,
            f"{form.kind} has no column {name!r}",
            f"every {form.noun} needs it",
            _mend_missing(name, present, known),
        )
        for name in missing
    ]
    return errors, [unknown_column(form, name, where) for name in present if name not in form.wanted]


def unknown_column(form: Format, name: str, where: Where) -> Finding:
    """The warning that a column is not read."""
    if not name:
        what, mend = "a column without a name is not read", "name it, or take it out"
        return Finding(UNKNOWN_COLUMN, where, what, "", mend, "warning")
    why = f"{form.kind} has no such column"
    return Finding(
        UNKNOWN_COLUMN, where, f"column {name!r} is not read", why, did_you_mean(name, form.names), "warning"
    )


def shown(text: str) -> str:
    """A value as messages quote it: escaped, and cut where it is long."""
    return repr(text if len(text) <= 60 else text[:57] + "…")


def _mend_missing(name: str, present: list[str], known: frozenset[str]) -> str:
    if len(present) == 1 and (";" in present[0] or "\t" in present[0]):
        return "separate columns with commas"
    strange = [other for other in present if other and other not in known]
    near = did_you_mean(name, strange)
    return f"rename {near[13:-1]}" if near.startswith("did you mean ") else "add it"


def _unfit(column: Column, text: str, flaw: Unfit, where: Where) -> Finding:
    if undecoded(text):
        what = f"{column.name} {shown(text)} is not UTF-8"
        return Finding(NOT_UTF8, where, what, "the file was written in another encoding", "save it as UTF-8")
    clear = column.type == "choice" or isinstance(flaw, OutOfBounds)
    why = "" if clear else f"{column.type}: {TYPES[column.type]}"
    return Finding(BAD_VALUE, where, f"{column.name} {shown(text)} {flaw.what}", why, flaw.mend)


def _entity(values: Values) -> Iterator[tuple[Code, str, str, str]]:
    for bank in values["bank_accounts"]:
        if bank.iban and not iban.checks(bank.iban):
            yield (
                DOUBTFUL_IBAN,
                f"bank account {bank.name!r} has the IBAN {bank.iban!r}, whose check digits are wrong",
                "customers would pay to nowhere",
                "correct it, or leave it empty where there is no IBAN",
            )


def _account(values: Values) -> Iterator[tuple[Code, str, str, str]]:
    values["payer"] = values["payer"] or values["key"]
    yield from ()


def _charge(values: Values) -> Iterator[tuple[Code, str, str, str]]:
    usage, meter = values["kind"] == "usage", values["meter"]
    if usage and not meter:
        yield CONTRADICTION, "a usage charge without a meter", "nothing would say what it bills", "name its meter"
    if meter and not usage:
        what = f"a {values['kind']} charge with the meter {meter!r}"
        yield CONTRADICTION, what, "only usage is metered", "make its kind usage, or leave the meter empty"
    if values["meters"]:
        keys = [key.strip() for key in values["meters"].split(";")]
        values["meters"] = ";".join(keys)
        if meter not in keys or len(set(keys)) < len(keys) or not all(keys):
            what = f"a charge of the meters {values['meters']!r}"
            yield CONTRADICTION, what, "its own meter is one of them, and each stands once", "write them as a;b;c"
    if usage and values["timing"] == "advance":
        yield CONTRADICTION, "a usage charge billed in advance", "usage is known afterwards", "write arrears"
    if usage and (values["timing"] == "arrears_early" or values["zero_lines"]):
        what = "a usage charge billed early, or with lines of zero"
        yield CONTRADICTION, what, "both are of charges that are known beforehand", "write arrears, and no zero_lines"
    for flaw in measured_rows.charge(values):
        yield (CONTRADICTION, *flaw)
    if values["days"] and values["months"] != 1:
        what = f"a cycle of {values['months']} months and of {values['days']} days"
        yield CONTRADICTION, what, "a cycle has one length", "write months or days"
    if contradiction := trigger_rows.starts_on(values):
        yield (CONTRADICTION, *contradiction)
    values["timing"] = values["timing"] or ("arrears" if usage else "advance")


def _meter(values: Values) -> Iterator[tuple[Code, str, str, str]]:
    for flaw in measured_rows.meter(values):
        yield (CONTRADICTION, *flaw)


def _contract_line(values: Values) -> Iterator[tuple[Code, str, str, str]]:
    start, end = values["valid_from"], values["valid_to"]
    if start and end and end <= start:
        what = f"valid from {start} to {end} is no day at all"
        yield CONTRADICTION, what, "", "valid_to is the day after the last day"


def _index_value(values: Values) -> Iterator[tuple[Code, str, str, str]]:
    if values["month"] is not None and values["month"].day != 1:
        what = f"{values['month']} is not the first day of a month"
        yield CONTRADICTION, what, "an index has one value a month", f"write {values['month'].replace(day=1)}"


def _coupon(values: Values) -> Iterator[tuple[Code, str, str, str]]:
    percent, amount, currency = values["percent"], values["amount"], values["currency"]
    if bool(percent) == bool(amount):
        said = "both a percentage and money" if percent else "nothing"
        yield CONTRADICTION, f"a coupon of {said}", "it takes off one of them", "give percent or amount"
    elif bool(amount) != (currency is not None):
        what = "money without a currency" if amount else f"a percentage with the currency {currency}"
        yield CONTRADICTION, what, "money has a currency, a percentage has none", "give both or none"


def _evidence(values: Values) -> Iterator[tuple[Code, str, str, str]]:
    if (values["kind"] == "tax_id") != bool(values["tax_id"]):
        what = "an answer about no tax id" if values["kind"] == "tax_id" else f"{values['kind']} with a tax id"
        yield CONTRADICTION, what, "evidence of kind tax_id names the number, no other does", "give both or none"


def _event(values: Values) -> Iterator[tuple[Code, str, str, str]]:
    kind, plan, quantity = values["kind"], values["plan"], values["quantity"]
    charge, amount = values["charge"], values["amount"]
    if kind == "adjust" and not (charge and amount):
        why = "the charge of the line and what is given back of it are needed"
        yield CONTRADICTION, "an adjust of nothing", why, "give charge and amount, or take the event out"
    elif kind != "adjust" and (charge is not None or amount is not None):
        what = f"{kind} with a charge or an amount"
        yield CONTRADICTION, what, "only an adjust gives back some of a line", "leave both empty"
    if (kind == "redeem") != (values["coupon"] is not None):
        what = f"{kind} with the coupon {values['coupon']}" if kind != "redeem" else "a redeem without its coupon"
        yield CONTRADICTION, what, "only a redeem names a coupon, and always", "give both or none"
    if kind not in ("start", "payer") and values["payer"] is not None:
        why = "only a start and a payer say who pays"
        yield CONTRADICTION, f"{kind} with the payer {values['payer']}", why, "leave it empty; a payer changes it"
    if kind in ("withdraw", "adjust", "redeem", "payer") and (plan or quantity is not None):
        what = f"{kind} with a plan or a quantity"
        yield CONTRADICTION, what, "it changes neither", "leave both empty; another event changes them"
    if kind == "start":
        if not plan:
            yield CONTRADICTION, "a start without a plan", "nothing would say what is sold", "name the plan"
        values["quantity"] = Decimal(1) if quantity is None else quantity
    if (kind == "anchor") != (values["anchor_day"] is not None):
        what = f"{kind} with the anchor day {values['anchor_day']}" if kind != "anchor" else "an anchor without its day"
        yield (
            CONTRADICTION,
            what,
            "an anchor moves to a day, and nothing else does",
            "write anchor_day for anchors only",
        )
    if kind == "change" and not plan and quantity is None:
        why = "neither plan nor quantity is given"
        yield CONTRADICTION, "a change of nothing", why, "give one of them, or take the event out"


def _term(values: Values) -> Iterator[tuple[Code, str, str, str]]:
    if values["ends"] <= values["starts"]:
        what = f"a term from {values['starts']} to {values['ends']} is no day at all"
        yield CONTRADICTION, what, "", "ends is the day after the last day"


def _rate(values: Values) -> Iterator[tuple[Code, str, str, str]]:
    if values["base"] == values["quote"]:
        yield CONTRADICTION, f"a rate of {values['base']} in itself", "it is 1 by definition", "take the row out"
    if values["rate"] <= 0:
        yield CONTRADICTION, f"a rate of {values['rate']}", "nothing can be converted by it", "write a rate above zero"


def _wallet(values: Values) -> Iterator[tuple[Code, str, str, str]]:
    if values["unit_rate"] <= 0 or (not values["unit"] and values["unit_rate"] != 1):
        what = f"unit_rate {values['unit_rate']} of {values['unit'] or 'no unit'}"
        yield CONTRADICTION, what, "it is what one unit is worth", "write a rate above zero, and name the unit"


def _remittance(values: Values) -> Iterator[tuple[Code, str, str, str]]:
    if not (values["end_to_end_id"] or values["bank_ref"]):
        what, why = "the advice names no payment", "neither end_to_end_id nor bank_ref is there"
        yield CONTRADICTION, what, why, "write the end-to-end id of the payment, or the bank's reference of it"


def _opening(kind: str) -> Callable[[Values], Iterator[tuple[Code, str, str, str]]] | None:
    """What the columns of a row of a cut-over must be to each other."""
    flaws = opening_rows.EXTRA.get(kind)
    return (lambda values: ((CONTRADICTION, *flaw) for flaw in flaws(values))) if flaws else None


_EXTRA: Final[dict[str, Callable[[Values], Iterable[tuple[Code, str, str, str]]]]] = {
    "entities": _entity,
    "accounts": _account,
    "charges": _charge,
    "meters": _meter,
    "contract_lines": _contract_line,
    "purchase_orders": _contract_line,
    "coupons": _coupon,
    "exemptions": _contract_line,
    "tax_evidence": _evidence,
    "index_values": _index_value,
    "subscription_events": _event,
    "milestones": trigger_rows.milestone,
    "acceptances": trigger_rows.acceptance,
    "subscription_terms": _term,
    "rates": _rate,
    "wallets": _wallet,
    "payment_methods": payment_formats.method,
    "remittances": _remittance,
    "mandates": mandate_rows.mandate,
}
"""What the columns of one row must be to each other, by kind; what is implied is filled in."""
