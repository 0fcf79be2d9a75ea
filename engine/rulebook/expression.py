"""Conditions of rules: parsed by rule-engine, checked against the facts of a family, compiled to Python.

A condition goes three ways from one text.  rule-engine's grammar gives a tree with the position of every word; the
checks of :mod:`engine.rulebook.typing_rules` turn that tree into Python source, which is compiled once; and
rule-engine's own evaluation of the same text is kept as the oracle that the source always agrees with.

What holds in conditions:

- Numbers are decimals; sums, products and quotients are computed with 60 digits, the same in every thread.
- Values of different kinds are never compared.  A string fact with known values is compared with those only.
- Null equals only null and is in no list: ``region != "CA"`` and ``region not in ["CA"]`` are true where region is
  null.  Whatever else is done with a fact that may be null needs a guard (``x != null and x > 5``) or a default
  (``(x ?? 0) > 5``).
- ``and``, ``or``, ``?:`` and ``??`` evaluate no more than they need, from left to right.
- Dates are days, times carry their offset; the two are different kinds.
- There is no clock, no randomness, no comprehension, and no pattern that could take unbounded time.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where, refuse
from engine.rulebook.codegen import Node, Typed
from engine.rulebook.condition import Expression
from engine.rulebook.facttypes import FactType
from engine.rulebook.grammar import offer_tables
from engine.rulebook.oracle import Same, evaluation, judge, kinds_of
from engine.rulebook.scope import Scope
from engine.rulebook.typing_rules import DIVISION_BY_ZERO, TABLE, condition

__all__ = ["Expression", "compile_expression"]

SYNTAX = Code("rule.syntax", "a condition cannot be parsed")
TOO_DEEP = Code("rule.too-deep", "a condition is nested too deeply or joins too many parts")
BAD_STRING = Code("rule.bad-string", "a string has an unknown escape")
REFUSED = Code("rule.refused", "rule-engine refuses a condition for a reason of its own")
MOST_DEPTH = 100

_BINARY: Mapping[str, str] = {
    "LogicExpression": "logic",
    "ComparisonExpression": "equality",
    "ArithmeticComparisonExpression": "order",
    "FuzzyComparisonExpression": "match",
    "AddExpression": "arithmetic",
    "SubtractExpression": "arithmetic",
    "ArithmeticExpression": "arithmetic",
}
_LITERALS: Mapping[str, str] = {
    "FloatExpression": "number",
    "StringExpression": "string",
    "BooleanExpression": "boolean",
    "NullExpression": "null",
    "DatetimeExpression": "date",
}
_PLAIN: Mapping[str, str] = {
    "TernaryExpression": "choice",
    "CoalesceExpression": "coalesce",
    "ContainsExpression": "contains",
    "GetItemExpression": "item",
}
_BARRED: Mapping[str, tuple[str, str]] = {
    "BitwiseExpression": ("an operator on bits", "join conditions with and, or"),
    "BitwiseShiftExpression": ("an operator on bits", ""),
    "BytesExpression": ("a string of bytes", 'write "…"'),
    "TimedeltaExpression": ("a duration", "compare dates with dates"),
    "SetExpression": ("a list in braces", "write [x, y]"),
    "MappingExpression": ("a mapping", "compare one value at a time"),
    "GetSliceExpression": ("a part of a list or string", "use .starts_with, .ends_with or =~"),
}
_COMPARED = "compare two values at a time and join comparisons with and"
_HINTS: Mapping[str, str] = {
    "=": "write == to compare",
    "!": "write not",
    "&": "write and",
    "|": "write or",
    '"': "close the string on the same line",
    "'": "close the string on the same line",
    "AND": "write and",
    "OR": "write or",
    "NOT": "write not",
    "is": "write ==",
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), _COMPARED),
}


class _Stopped(Exception):
    """Parsing cannot go on; carries the offset and the finding without its place."""

    def __init__(self, offset: int, code: Code, what: str, mend: str = "") -> None:
        super().__init__(what)
        self.offset = offset
        self.finding = Finding(code, Where(), what, mend=mend)


@functools.cache
def _library() -> Any:
    """rule-engine, imported when a condition is first parsed, with its grammar's tables as they are kept."""
    offer_tables()
    import rule_engine

    return rule_engine


def grammar() -> tuple[Any, Any]:
    """rule-engine's parser and the generator of its tables."""
    parser = _library().Rule.parser
    from rule_engine._vendor.ply import yacc

    return parser, yacc


@functools.cache
def _operators() -> Mapping[str, str]:
    return {name: sign for sign, name in _library().parser.Parser.op_names.items()}


class _Tokens:
    """rule-engine's lexer over one text, noting where each token ends."""

    def __init__(self, text: str) -> None:
        self.lexer = _library().Rule.parser._lexer.clone()
        self.lexer.input(text)

    def __call__(self) -> Any:
        try:
            token = self.lexer.token()
        except _library().errors.RuleSyntaxError as error:
            start = self.lexer.lexmatch.start() if error.token is None else error.token.lexpos
            word = self.lexer.lexdata[start : self.lexer.lexpos] if error.token is None else error.token.value[0]
            raise _unexpected(start, word) from None
        if token is not None:
            token.endlexpos = self.lexer.lexpos
            if token.type == "STRING":
                _check_escapes(token.value, token.lexpos)
        return token


def _check_escapes(literal: str, start: int) -> None:
    if literal.startswith("r"):
        return
    at = literal.find("\\")
    while at >= 0:
        if literal[at + 1] not in "\\\"'nt":
            mend = f"write r{literal.lstrip('s')} to keep backslashes as they are"
            raise _Stopped(start + at, BAD_STRING, f"\\{literal[at + 1]} is no escape", mend)
        at = literal.find("\\", at + 2)


def _unexpected(offset: int, word: str) -> _Stopped:
    return _Stopped(offset, SYNTAX, f"{word} is not expected here", _HINTS.get(word, ""))


@functools.cache
def _machine() -> Any:
    """rule-engine's parsing machine with actions that build nodes with positions instead of rule-engine's own tree."""
    machine = copy.copy(_library().Rule.parser._parser)
    machine.productions = [_positioned(production) for production in machine.productions]
    machine.errorfunc = _stop
    return machine


def _stop(token: Any) -> None:
    if token is None:
        raise _Stopped(-1, SYNTAX, "the condition ends too early")
    raise _unexpected(token.lexpos, token.value)


def _positioned(production: Any) -> Any:
    """A production of the grammar whose action turns what rule-engine has made of it into a :class:`Node`."""
    action = production.callable
    if action is None:
        return production

    def act(symbols: Any) -> None:
        place = symbols.slice[0]
        try:
            action(symbols)
        except _library().errors.SyntaxError as error:
            raise _Stopped(place.lexpos, SYNTAX, error.message) from None
        made = symbols[0]
        if isinstance(made, Node):
            if production.func == "p_expression_group":
                symbols[0] = _grouped(made, place.lexpos, place.endlexpos)
        elif hasattr(made, "cls"):
            symbols[0] = _node(made, place.lexpos, place.endlexpos, symbols.slice)

    changed = copy.copy(production)
    changed.callable = act
    return changed


def _grouped(node: Node, start: int, end: int) -> Node:
    return Node(node.kind, start, end, node.at, node.parts, node.value, node.safe, True, node.depth, node.made)


def _node(made: Any, start: int, end: int, symbols: Any) -> Any:
    """The node for one of rule-engine's, whose arguments are nodes already, its context apart."""
    node = _read_node(made, start, end, symbols)
    return node if node.made is not None else msgspec.structs.replace(node, made=made)


def _read_node(made: Any, start: int, end: int, symbols: Any) -> Any:
    kind, arguments = made.cls.__name__, made.args[1:]
    safe = bool(made.kwargs.get("safe"))
    if kind == "Statement":
        return arguments[0]
    if kind in _BINARY:
        return _inner(_BINARY[kind], start, end, arguments[1:], _operators()[arguments[0]], at=symbols[2].lexpos)
    if kind in _LITERALS:
        return Node(_LITERALS[kind], start, end, start, value=arguments[0] if arguments else None)
    if kind in _PLAIN:
        inside = [_node(each, start, end, symbols) if hasattr(each, "cls") else each for each in arguments]
        return _inner(_PLAIN[kind], start, end, inside, safe=safe)
    if kind == "UnaryExpression":
        inside = [_node(each, start, end, symbols) if hasattr(each, "cls") else each for each in arguments[1:]]
        return _inner("not" if arguments[0] == "NOT" else "minus", start, end, inside)
    if kind == "SymbolExpression":
        name = f"${arguments[0]}" if made.kwargs.get("scope") else arguments[0]
        return Node("symbol", start, end, start, value=name)
    if kind == "GetAttributeExpression":
        holder, name = arguments
        return _inner("attribute", start, end, (holder,), name, safe, end - len(name))
    if kind == "FunctionCallExpression":
        return _inner("call", start, end, (arguments[0], *arguments[1]))
    if kind == "ArrayExpression":
        return _inner("list", start, end, arguments[0])
    if kind == "ComprehensionExpression":
        return Node("comprehension", start, end, start)
    return Node("barred", start, end, start, value=_BARRED.get(kind, ("this", "")))


def _inner(
    kind: str, start: int, end: int, inside: Any, value: Any = None, safe: bool = False, at: int | None = None
) -> Node:
    depth = 1 + max((part.depth for part in inside), default=0)
    if depth > MOST_DEPTH:
        mend = "use in [...] for many values, or split the rule"
        raise _Stopped(start, TOO_DEEP, f"the condition is nested more than {MOST_DEPTH} deep", mend)
    return Node(kind, start, end, start if at is None else at, tuple(inside), value, safe, depth=depth)


@functools.lru_cache(maxsize=10_000)
def _parse(text: str) -> Node:
    """The tree of a text, which is the same for all families; texts that come back are parsed once."""
    if not text.strip():
        raise _Stopped(0, SYNTAX, "the condition is empty", "write true for a rule that always applies")
    tokens = _Tokens(text)
    node = copy.copy(_machine()).parse(lexer=tokens.lexer, tokenfunc=tokens, tracking=True)
    assert isinstance(node, Node)
    return node


def compile_expression(
    text: str,
    facts: FactType,
    parameters: Mapping[str, Any],
    where: Where,
    locate: Callable[[int], Where] | None = None,
    check: Callable[[Scope, Node], Typed] = condition,
) -> Expression:
    """Parses, checks and compiles a condition.

    Args:
        text: the condition.
        facts: what it may see, from :func:`engine.rulebook.facttypes.describe`.
        parameters: named constants: decimals, integers, strings, booleans, dates, times with an offset, or lists of
            one of these.  A parameter may not have the name of a fact.
        where: the position of the first character of ``text``.
        locate: the position of the character at an offset, for text whose lines are not those of the file, as in
            folded YAML; by default each line of ``text`` begins in the column of ``where``.
        check: what the whole must be: a condition, or a formula (:func:`engine.rulebook.typing_rules.amount`).

    Raises:
        TollbookError: everything that is wrong with the condition, in the order of the text, each finding with the
            position of the word concerned.  A syntax error is always alone.
    """
    locate = locate or functools.partial(_place, text, where)
    try:
        node = _parse(text)
    except _Stopped as stopped:
        offset = stopped.offset if stopped.offset >= 0 else len(text.rstrip())
        raise TollbookError(stopped.finding.at(locate(offset))) from None
    scope = Scope(text, facts, parameters, locate, TABLE)
    typed = check(scope, node)
    if scope.findings:
        raise TollbookError(scope.findings)
    library = _library()
    try:
        judge(library, Same(node), Same(facts), kinds_of(parameters))
    except library.errors.ArithmeticError:
        raise refuse(DIVISION_BY_ZERO, "a constant part of the condition divides by zero", where=where) from None
    except library.errors.EngineError as error:
        what = f"rule-engine refuses the condition: {error.message}"
        raise refuse(REFUSED, what, where=where) from error
    oracle = functools.cache(functools.partial(evaluation, library, facts, parameters))
    return Expression(scope, node, typed, oracle)


def _place(text: str, where: Where, offset: int) -> Where:
    """The place of an offset in a text whose lines all begin in one column."""
    line = text.count("\n", 0, offset)
    column = offset - (text.rfind("\n", 0, offset) + 1)
    return Where(where.file, where.line + line if where.line else 0, where.column + column if where.column else 0)
