"""Whether what an adapter answers is an answer: one for each key, of the right kind, and within the contract.

Each function sorts what came into good answers by key, and findings about the rest.  A wrong answer is dropped
alone; what a run does about the keys without a good one is the run's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, Where
from engine.base.money import minor_digits, minor_unit
from engine.model.decision import Method
from engine.model.effect import Answer
from engine.model.numbering import Signer
from engine.model.tax import TaxQuote, TaxRequest
from engine.ports import psp_answers
from engine.ports.failure import NO_ANSWER, NO_QUOTE, WRONG_ANSWER
from engine.ports.hookspecs.bank import Kind
from engine.ports.hookspecs.clearance import Evidence
from engine.ports.hookspecs.einvoice import Format
from engine.ports.hookspecs.erp import Posted
from engine.ports.hookspecs.tax import CATEGORIES, REASONED, NoQuote
from engine.ports.tax_answers import details_flaw

SHOWN: Final = 5
"""Keys that a finding names; the others are counted."""


class Sorted(msgspec.Struct):
    """Good answers by key, in the order of the keys; findings about what is missing or wrong."""

    good: dict[str, Any]
    findings: list[Finding]


def sort_answers(
    adapter: str, hook: str, asked: Mapping[str, Any], answers: Any, flaws: Callable[[Any, Any], str | Finding]
) -> Sorted:
    """Sort the answers to a batch.

    ``asked`` maps each key to what was sent; ``flaws(sent, answer)`` says what is wrong with one answer, empty where
    nothing is.
    """
    where = Where(f"adapter {adapter}")
    if not isinstance(answers, Sequence) or isinstance(answers, (str, bytes)):
        found = "nothing" if answers is None else f"{type(answers).__name__} instead of a list"
        what = f"{hook} answered {found}"
        why = "null is no answer" if answers is None else ""
        return Sorted({}, [Finding(NO_ANSWER if answers is None else WRONG_ANSWER, where, what, why, _MEND)])
    good: dict[str, Any] = {}
    seen: set[str] = set()
    wrong: list[tuple[str, str]] = []
    findings: list[Finding] = []
    for answer in answers:
        key = getattr(answer, "key", None)
        if not isinstance(key, str) or key not in asked:
            shown = repr(key) if key is not None else f"{type(answer).__name__} without a key"
            wrong.append(("answered for keys that it was not asked for", shown))
        elif key in seen:
            wrong.append(("answered more than once for", repr(key)))
            good.pop(key, None)
        else:
            seen.add(key)
            flaw = flaws(asked[key], answer)
            if isinstance(flaw, Finding):
                findings.append(msgspec.structs.replace(flaw, where=where))
            elif flaw:
                wrong.append((flaw, repr(key)))
            else:
                good[key] = answer
    findings += _gathered(WRONG_ANSWER, where, hook, wrong)
    silent = [("gave no answer for", repr(key)) for key in asked if key not in seen]
    findings += _gathered(NO_ANSWER, where, hook, silent)
    return Sorted({key: good[key] for key in asked if key in good}, findings)


_MEND: Final = "the plug-in breaks the contract of its port: see engine/ports/hookspecs"


def _gathered(code: Code, where: Where, hook: str, flaws: Sequence[tuple[str, str]]) -> list[Finding]:
    """One finding for each kind of flaw, naming the first keys."""
    keys: dict[str, list[str]] = {}
    for flaw, key in flaws:
        keys.setdefault(flaw, []).append(key)
    findings = []
    for flaw, named in keys.items():
        more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
        text = ", ".join(named[:SHOWN]) + more
        what = f"{hook} {flaw} {text}" if flaw.endswith(" for") else f"{hook} {flaw}: {text}"
        findings.append(Finding(code, where, what, mend=_MEND))
    return findings


def quote_flaws(adapter: str) -> Callable[[TaxRequest, Any], str | Finding]:
    """What may be wrong with one tax quote of this adapter."""

    def flaws(request: TaxRequest, quote: Any) -> str | Finding:
        if isinstance(quote, NoQuote):
            what = f"no tax is known for {request.key!r}: {quote.reason}"
            return Finding(NO_QUOTE, Where(), what, subject=request.key)
        if not isinstance(quote, TaxQuote):
            return f"answered {type(quote).__name__} instead of TaxQuote"
        return (
            _amount_flaw(request, quote) or _category_flaw(quote) or _origin_flaw(adapter, quote) or details_flaw(quote)
        )

    return flaws


def _amount_flaw(request: TaxRequest, quote: TaxQuote) -> str:
    if not isinstance(quote.amount, Decimal) or not quote.amount.is_finite():
        return f"answered the amount {quote.amount!r}, which is no finite Decimal"
    if not isinstance(quote.rate, Decimal) or not quote.rate.is_finite() or quote.rate < 0:
        return f"answered the rate {quote.rate!r}, which is no finite Decimal from 0 on"
    if not quote.amount.same_quantum(minor_unit(request.currency)) and _splits_unit(quote.amount, request.currency):
        return f"answered the amount {quote.amount}, which is no whole minor unit of {request.currency}"
    if quote.amount and (quote.amount < 0) != (request.amount < 0):
        return "answered an amount of another sign than that of the line"
    if request.tax_included and _on_top(request, quote):
        return f"answered {quote.amount} on top of an amount that includes the tax"
    return ""


def _on_top(request: TaxRequest, quote: TaxQuote) -> bool:
    """Whether a tax is more than an amount that includes it has in it."""
    slack = (1 + len(quote.details)) * minor_unit(request.currency)
    return abs(quote.amount) > abs(request.tax_at(quote.rate)) + slack


def _splits_unit(amount: Decimal, currency: str) -> bool:
    """Whether an amount has digits beyond the minor unit of its currency."""
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int)
    digits = minor_digits(currency)
    return exponent < -digits and amount != round(amount, digits)


def _category_flaw(quote: TaxQuote) -> str:
    if quote.category not in CATEGORIES:
        return f"answered the category {quote.category!r}, which is none of {', '.join(CATEGORIES)}"
    if quote.category != "S" and (quote.rate or quote.amount):
        return f"answered a tax with the category {quote.category}, which means none"
    if quote.category in REASONED and not quote.reason:
        return f"answered the category {quote.category} without a reason to print"
    return ""


def _origin_flaw(adapter: str, quote: TaxQuote) -> str:
    if quote.source != adapter:
        return f"answered the source {quote.source!r} instead of the adapter's name"
    if not quote.jurisdiction:
        return "answered no jurisdiction"
    return ""


def answer_flaws(effect: Any, answer: Any) -> str:
    """What may be wrong with one answer to an effect."""
    if not isinstance(answer, Answer):
        return f"answered {type(answer).__name__} instead of Answer"
    if answer.state not in ("accepted", "rejected", "retry"):
        return f"answered the state {answer.state!r}, which is none of accepted, rejected, retry"
    if answer.state != "accepted" and not answer.reason:
        return f"answered {answer.state} without a reason"
    try:
        msgspec.json.encode(answer.evidence)
    except (TypeError, ValueError):
        return "answered evidence that is not JSON"
    return ""


def evident_flaws(evidence: type[msgspec.Struct]) -> Callable[[Any, Any], str]:
    """What may be wrong with one answer of a port whose ``accepted`` has to say something: as :func:`answer_flaws`, and that."""

    def flaws(effect: Any, answer: Any) -> str:
        flaw = answer_flaws(effect, answer)
        if flaw or answer.state != "accepted":
            return flaw
        try:
            msgspec.convert(answer.evidence, evidence)
        except msgspec.ValidationError as error:
            return f"answered accepted with evidence that says too little ({error})"
        return ""

    return flaws


def paid_flaws(effect: Any, answer: Any) -> str:
    """What may be wrong with one answer of a payment provider: as :func:`answer_flaws`, and it says how the payment stands."""
    flaw = answer_flaws(effect, answer)
    return flaw or psp_answers.flaw_of(effect, answer)


_FLAWS: Final = {"clearance": evident_flaws(Evidence), "erp": evident_flaws(Posted), "psp": paid_flaws}


def flaws_of(port: str) -> Callable[[Any, Any], str]:
    """What judges the answers to effects of a port."""
    return _FLAWS.get(port, answer_flaws)


def signer_flaws(adapter: str, hook: str, answer: Any) -> list[Finding]:
    """What is wrong with the key that a plug-in provides: it is a :class:`Signer` with two functions."""
    if isinstance(answer, Signer) and callable(answer.sign) and callable(answer.good):
        return []
    found = "nothing" if answer is None else f"{type(answer).__name__} instead of Signer"
    code = NO_ANSWER if answer is None else WRONG_ANSWER
    return [Finding(code, Where(f"adapter {adapter}"), f"{hook} answered {found}", mend=_MEND)]


def method_flaws(adapter: str, hook: str, answer: Any) -> list[Finding]:
    """What is wrong with what a plug-in provides: it is family -> name -> :class:`Method`, and not empty."""
    where = Where(f"adapter {adapter}")
    if not isinstance(answer, Mapping) or not answer:
        found = "nothing" if not answer else f"{type(answer).__name__} instead of a mapping"
        return [Finding(NO_ANSWER if not answer else WRONG_ANSWER, where, f"{hook} answered {found}", mend=_MEND)]
    findings = []
    for family, methods in answer.items():
        if not isinstance(family, str) or not isinstance(methods, Mapping):
            what = f"{hook} answered {methods!r} for the family {family!r}"
            findings.append(Finding(WRONG_ANSWER, where, what, mend="give a mapping of names to Method"))
            continue
        for name, method in methods.items():
            if not isinstance(name, str) or not isinstance(method, Method) or not callable(method.function):
                what = f"{hook} answered {type(method).__name__} for the method {name!r} of the family {family!r}"
                findings.append(Finding(WRONG_ANSWER, where, what, mend="give a Method with a function"))
            elif not (method.function.__doc__ or "").strip():
                what = f"{hook} answered the method {name!r} of the family {family!r} without a docstring"
                findings.append(Finding(WRONG_ANSWER, where, what, mend="the docstring is the method's documentation"))
    return findings


def format_flaws(adapter: str, hook: str, answer: Any) -> list[Finding]:
    """What is wrong with the kinds of files that a plug-in writes: they are name -> :class:`Format`, and not none."""
    return _named_flaws(adapter, hook, answer, Format, ("write",))


def kind_flaws(adapter: str, hook: str, answer: Any) -> list[Finding]:
    """What is wrong with the kinds of files that a plug-in reads: they are name -> :class:`Kind`, and not none."""
    return _named_flaws(adapter, hook, answer, Kind, ("recognises", "read"))


def _named_flaws(adapter: str, hook: str, answer: Any, shape: type, functions: Sequence[str]) -> list[Finding]:
    """What is wrong with a mapping of names to structs of a shape that have functions in them."""
    where = Where(f"adapter {adapter}")
    if not isinstance(answer, Mapping) or not answer:
        found = "nothing" if not answer else f"{type(answer).__name__} instead of a mapping"
        return [Finding(NO_ANSWER if not answer else WRONG_ANSWER, where, f"{hook} answered {found}", mend=_MEND)]
    return [
        Finding(
            WRONG_ANSWER,
            where,
            f"{hook} answered {type(value).__name__} for the kind of file {name!r}",
            mend=f"give a {shape.__name__} with a function",
        )
        for name, value in answer.items()
        if not isinstance(name, str)
        or not isinstance(value, shape)
        or not all(callable(getattr(value, function)) for function in functions)
    ]
