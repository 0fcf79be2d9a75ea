"""Conditions: what they compile to, what they say, and the message for each mistake."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Literal

import msgspec
import pytest
import rule_engine

from engine.base.errors import TollbookError, Where
from engine.rulebook.expression import Expression, compile_expression
from engine.rulebook.facttypes import describe


class Contract(msgspec.Struct, frozen=True):
    """A contract."""

    payment_days: int
    discount: Decimal | None
    note: str | None = None


class Account(msgspec.Struct, frozen=True):
    """An account."""

    segment: Literal["enterprise", "business", "consumer"]
    name: str
    region: str | None
    exempt: bool = False


class Registration(msgspec.Struct, frozen=True):
    """One of several."""

    country: str


class Facts(msgspec.Struct, frozen=True):
    """What the conditions here see."""

    account: Account
    contract: Contract | None
    quantity: Decimal
    months: int
    ratio: Decimal | None
    flag: bool | None
    day: date
    at: datetime
    codes: tuple[str, ...]
    registrations: tuple[Registration, ...]
    tags: dict[str, str]
    maybe: tuple[str, ...] | None = None


FACTS = describe(Facts)
PARAMETERS: dict[str, Any] = {
    "floor": Decimal("1000"),
    "rate": Decimal("-0.05"),
    "eu": ["DE", "AT"],
    "since": date(2026, 1, 1),
    "home": "DE",
    "months": 3,
    "naive": datetime(2026, 1, 1),
    "price": {"EUR": Decimal(1)},
    "grades": ["enterprise", "gold"],
}
WHERE = Where("rules/pricing/x.yaml", 3, 9)


def compiled(text: str, where: Where = WHERE) -> Expression:
    """A condition over the facts here."""
    parameters = {name: value for name, value in PARAMETERS.items() if name != "months"}
    return compile_expression(text, FACTS, parameters, where)


def thing(**changes: Any) -> Facts:
    """Facts, some of them changed."""
    account = Account("enterprise", "Acme GmbH", None)
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)
    facts = Facts(account, None, Decimal("1200"), 12, None, None, date(2026, 1, 31), at, ("a", "b"), (), {"tier": "1"})
    return msgspec.structs.replace(facts, **changes)


SOURCES: list[tuple[str, str]] = [
    (
        'account.segment == "enterprise" and quantity >= floor',
        "f.account.segment == 'enterprise' and f.quantity >= floor__1000",
    ),
    (
        "quantity >= 1000 and months >= 12",
        "f.quantity >= n__1000 and f.months >= 12",
    ),
    (
        "quantity > -0.5 and quantity > rate",
        "f.quantity > n__minus0_5 and f.quantity > rate__minus0_05",
    ),
    (
        "months == 12.0 or months == 1.5",
        "f.months == 12 or f.months == n__1_5",
    ),
    (
        'account.region == "CA" or account.region in eu',
        "f.account.region == 'CA' or f.account.region in {'AT', 'DE'}",
    ),
    (
        "months in [1, 2, 12]",
        "f.months in (1, 2, 12)",
    ),
    (
        "quantity in [1, 2.50]",
        "f.quantity in (n__1, n__2_50)",
    ),
    (
        "quantity in [1, 2, 3, 4, 5, 6, 7, 8, 9]",
        "f.quantity in l__xa9cc758c05e3",
    ),
    (
        "months not in [1]",
        "f.months not in (1,)",
    ),
    (
        "not (months in [1] or account.exempt)",
        "not (f.months in (1,) or f.account.exempt)",
    ),
    (
        "(account.exempt or months > 3) and quantity > 1",
        "(f.account.exempt or f.months > 3) and f.quantity > n__1",
    ),
    (
        "account.exempt or (months > 3 and quantity > 1)",
        "f.account.exempt or f.months > 3 and f.quantity > n__1",
    ),
    (
        "(account.exempt == (months > 3)) != false",
        "(f.account.exempt == (f.months > 3)) != False",
    ),
    (
        "ratio != null and ratio > 5",
        "f.ratio is not None and f.ratio > n__5",
    ),
    (
        "ratio == null or ratio > 5",
        "f.ratio is None or f.ratio > n__5",
    ),
    (
        "not (ratio == null) and ratio > 5",
        "f.ratio is not None and f.ratio > n__5",
    ),
    (
        "ratio != null ? ratio > 5 : months > 5",
        "f.ratio > n__5 if f.ratio is not None else f.months > 5",
    ),
    (
        "(ratio ?? 0) > 5",
        "(f.ratio if f.ratio is not None else n__0) > n__5",
    ),
    (
        "(ratio ?? contract&.discount ?? 0) > 5",
        "(f.ratio if f.ratio is not None else v if (v := (None if f.contract is None else "
        "f.contract.discount)) is not None else n__0) > n__5",
    ),
    (
        "contract&.discount != null and contract.discount > 5",
        "(None if f.contract is None else f.contract.discount) is not None and f.contract.discount > n__5",
    ),
    (
        "(contract&.discount ?? 0) > 5",
        "(v if (v := (None if f.contract is None else f.contract.discount)) is not None else n__0) > n__5",
    ),
    (
        "(contract&.note&.length ?? 0) > 5",
        "(v if (v := (None if (v := (None if f.contract is None else f.contract.note)) is None "
        "else len(v))) is not None else n__0) > n__5",
    ),
    (
        '(tags&["tier"] ?? "") == "1"',
        "(v if (v := f.tags.get('tier')) is not None else '') == '1'",
    ),
    (
        'tags&["tier"] != null and tags&["tier"].length > 1',
        "f.tags.get('tier') is not None and len(f.tags.get('tier')) > 1",
    ),
    (
        "flag == true or (flag ?? false)",
        "f.flag == True or (f.flag if f.flag is not None else False)",
    ),
    (
        "quantity * 1.5 - months > 0.1 + 0.2",
        "exact.subtract(exact.multiply(f.quantity, n__1_5), f.months) > n__0_3",
    ),
    (
        "-quantity < $abs(quantity) % 7",
        "exact.minus(f.quantity) < exact.remainder(exact.abs(f.quantity), n__7)",
    ),
    (
        "$max([quantity, months, 3]) > $min([1, 2])",
        "max((f.quantity, f.months, n__3)) > min((n__1, n__2))",
    ),
    (
        'day >= since and day < d"2026-02-01" and day.year == 2026',
        "f.day >= since__2026_01_01 and f.day < d__2026_02_01 and f.day.year == 2026",
    ),
    (
        'at >= d"2026-01-01T00:00:00Z"',
        "f.at >= t__x2b7fa72b3a45",
    ),
    (
        '"a" in codes and "cm" in account.name and "tier" in tags',
        "'a' in f.codes and 'cm' in f.account.name and 'tier' in f.tags",
    ),
    (
        'account.name =~ r"^[A-Z]\\w+" and account.name !~~ "x{2,3}"',
        "r__x23dae91e8071.match(f.account.name) is not None and r__x8a38b0fb0796.search(f.account.name) is None",
    ),
    (
        'account.name.as_lower.starts_with("acme") and not account.name.is_empty',
        "f.account.name.lower().startswith('acme') and not not f.account.name",
    ),
    (
        'account.name == "it\'s \\"so\\"" # a remark',
        "f.account.name == 'it\\'s \"so\"'",
    ),
    (
        'account.name.ends_with("H")',
        "f.account.name.endswith('H')",
    ),
    (
        "true",
        "True",
    ),
]

MISTAKES: list[tuple[str, ...]] = [
    (
        "months > 3",
        "9: error: 'months' is both a parameter and a fact [rule.parameter-clash]",
        "mend: rename the parameter",
    ),
    (
        "price == 1",
        "9: error: parameter price is a dict: {'EUR': Decimal('1')} [rule.parameter-type]",
        "why: conditions know finite decimals, integers, strings, booleans, dates, times with "
        "offset, and lists of one kind",
    ),
    (
        "at > naive",
        "14: error: parameter naive is a datetime: datetime.datetime(2026, 1, 1, 0, 0) [rule.parameter-type]",
        "why: conditions know finite decimals, integers, strings, booleans, dates, times with "
        "offset, and lists of one kind",
    ),
    (
        "account.segment in grades",
        "28: error: account.segment is never 'gold' [rule.impossible-value]",
        "why: it is one of enterprise, business, consumer",
        "mend: known: business, consumer, enterprise",
    ),
    (
        'acount.segment == "x"',
        "9: error: there is no fact 'acount' [rule.unknown-fact]",
        "mend: did you mean 'account'?",
    ),
    (
        'account.segmnt == "x"',
        "17: error: account has no 'segmnt' [rule.unknown-fact]",
        "mend: did you mean 'segment'?",
    ),
    (
        'account.__class__ == "x"',
        "17: error: account has no '__class__' [rule.unknown-fact]",
        "mend: known: exempt, name, region, segment",
    ),
    (
        'account.name.__class__ == "x"',
        "22: error: account.name is a string and has no '__class__' [rule.unknown-function]",
        "mend: known: as_lower, as_upper, ends_with, is_empty, length, starts_with",
    ),
    (
        'segment == "enterprise"',
        "9: error: there is no fact 'segment' [rule.unknown-fact]",
        "mend: did you mean 'account.segment'?",
    ),
    (
        "None == 1",
        "9: error: there is no fact 'None' [rule.unknown-fact]",
        "mend: write null",
    ),
    (
        'quantity == "5"',
        '21: error: quantity is a number, "5" is a string [rule.type-mismatch]',
        "why: values of different kinds are never equal and have no order",
        "mend: write 5 without quotes",
    ),
    (
        'day == "2026-01-31"',
        '16: error: day is a date, "2026-01-31" is a string [rule.type-mismatch]',
        "why: values of different kinds are never equal and have no order",
        'mend: write d"2026-01-31"',
    ),
    (
        'account.exempt == "true"',
        '27: error: account.exempt is a boolean, "true" is a string [rule.type-mismatch]',
        "why: values of different kinds are never equal and have no order",
        "mend: write true without quotes",
    ),
    (
        "account.name == 5",
        "25: error: account.name is a string, 5 is a number [rule.type-mismatch]",
        "why: values of different kinds are never equal and have no order",
        'mend: write "5"',
    ),
    (
        "at > day",
        "14: error: at is a datetime, day is a date [rule.type-mismatch]",
        "why: values of different kinds are never equal and have no order",
    ),
    (
        'at > d"2026-01-31"',
        '14: error: at is a datetime, d"2026-01-31" is a date [rule.type-mismatch]',
        "why: values of different kinds are never equal and have no order",
        'mend: write a moment, such as d"2026-01-31T00:00:00Z"',
    ),
    (
        'months + "5" > 1',
        '18: error: "5" is a string [rule.type-mismatch]',
        "why: + needs numbers",
        "mend: write 5 without quotes",
    ),
    (
        "-account.name == 1",
        "10: error: account.name is a string [rule.type-mismatch]",
        "why: - needs numbers",
    ),
    (
        "codes + 1 > 2",
        "9: error: codes is a list [rule.type-mismatch]",
        "why: + needs numbers",
    ),
    (
        "account.name =~ 5",
        "25: error: 5 is no literal pattern [rule.pattern-not-literal]",
        "why: patterns are checked when rules are loaded",
        'mend: write =~ r"…"',
    ),
    (
        'months =~ "5"',
        "9: error: months is a number [rule.type-mismatch]",
        "why: =~ needs a string",
    ),
    (
        "5 in account.name",
        "9: error: 5 is a number, account.name is a string [rule.type-mismatch]",
        "why: values of different kinds are never equal",
    ),
    (
        '"a" in months',
        "16: error: months is a number [rule.type-mismatch]",
        "why: in needs a list, a string or a mapping",
    ),
    (
        'quantity in ["1"]',
        '9: error: quantity is a number, ["1"] holds strings [rule.type-mismatch]',
        "why: values of different kinds are never equal",
    ),
    (
        '"DE" in [home, 5]',
        "24: error: 5 is a number, home is a string [rule.type-mismatch]",
        "why: a list holds values of one kind",
    ),
    (
        "account.name.starts_with(5)",
        "34: error: starts_with takes a string, 5 is a number [rule.type-mismatch]",
    ),
    (
        '$abs("x") > 1',
        '14: error: $abs takes numbers, "x" is a string [rule.type-mismatch]',
    ),
    (
        "account.exempt > true",
        "9: error: account.exempt is a boolean [rule.not-orderable]",
        "why: > needs numbers, dates, times or strings",
        "mend: compare with == or in",
    ),
    (
        "contract > 5",
        "9: error: contract is an object [rule.not-orderable]",
        "why: > needs numbers, dates, times or strings",
    ),
    (
        'account.segment > "a"',
        "9: error: account.segment is one of enterprise, business, consumer [rule.not-orderable]",
        "why: > needs numbers, dates, times or strings",
        "mend: compare with == or in",
    ),
    (
        "quantity",
        "9: error: quantity is a number [rule.not-boolean]",
        "why: a condition must be true or false",
        "mend: compare it, such as quantity == …",
    ),
    (
        "quantity and floor or not 1",
        "9: error: quantity is a number [rule.not-boolean]",
        "why: and must be true or false",
        "mend: compare it, such as quantity == …",
        "22: error: floor is a number [rule.not-boolean]",
        "why: and must be true or false",
        "35: error: 1 is a number [rule.not-boolean]",
        "why: not must be true or false",
    ),
    (
        "account",
        "9: error: account is an object [rule.not-boolean]",
        "why: a condition must be true or false",
    ),
    (
        "null",
        "9: error: null is null [rule.not-boolean]",
        "why: a condition must be true or false",
    ),
    (
        "months ? true : false",
        "9: error: months is a number [rule.not-boolean]",
        "why: what stands before ? must be true or false",
        "mend: compare it, such as months == …",
    ),
    (
        'account.segment == "enterprize"',
        "28: error: account.segment is never 'enterprize' [rule.impossible-value]",
        "why: it is one of enterprise, business, consumer",
        "mend: did you mean 'enterprise'?",
    ),
    (
        'account.segment in ["enterprise", "bizness"]',
        "43: error: account.segment is never 'bizness' [rule.impossible-value]",
        "why: it is one of enterprise, business, consumer",
        "mend: did you mean 'business'?",
    ),
    (
        "$now > at",
        "9: error: $now gives another value each time [rule.not-repeatable]",
        "why: the same facts must give the same decision on every day",
        "mend: use a date among the facts",
    ),
    (
        "$today == day",
        "9: error: $today gives another value each time [rule.not-repeatable]",
        "why: the same facts must give the same decision on every day",
        "mend: use a date among the facts",
    ),
    (
        "$random(5) > 3",
        "9: error: $random gives another value each time [rule.not-repeatable]",
        "why: the same facts must give the same decision on every day",
        "mend: use a date among the facts",
    ),
    (
        "$pi > 3",
        "9: error: there is no $pi [rule.unknown-function]",
        "mend: known: $abs, $max, $min",
    ),
    (
        '$parse_float("1") == 1',
        "9: error: there is no function $parse_float [rule.unknown-function]",
        "mend: known: $abs, $max, $min, ends_with, starts_with",
    ),
    (
        "len(account.name) > 3",
        "9: error: there is no function len [rule.unknown-function]",
        "mend: write x.length",
    ),
    (
        "now() > at",
        "9: error: there is no function now [rule.unknown-function]",
        "mend: use a date among the facts",
    ),
    (
        'account.name.lower == "x"',
        "22: error: account.name is a string and has no 'lower' [rule.unknown-function]",
        "mend: write x.as_lower",
    ),
    (
        "account.name.starts_with",
        "22: error: starts_with needs a string [rule.unknown-function]",
        'mend: write account.name.starts_with("…")',
    ),
    (
        'account.name.starts_with("a", "b")',
        "22: error: starts_with takes one string, not 2 values [rule.unknown-function]",
        'mend: write starts_with("…")',
    ),
    (
        "$max(codes) > 5",
        "9: error: $max takes a list in brackets [rule.unknown-function]",
        "mend: write $max([x, y])",
    ),
    (
        "[x for x in codes] == codes",
        "9: error: a comprehension is not part of the rule language [rule.comprehension]",
        "why: its work grows with the facts, and rules must answer at once",
        "mend: write x in y",
    ),
    (
        "account.name =~ account.segment",
        "25: error: account.segment is no literal pattern [rule.pattern-not-literal]",
        "why: patterns are checked when rules are loaded",
        'mend: write =~ r"…"',
    ),
    (
        "account.name =~ home",
        "25: error: home is no literal pattern [rule.pattern-not-literal]",
        "why: patterns are checked when rules are loaded",
        'mend: write =~ r"…"',
    ),
    (
        'account.name =~ "("',
        "25: error: the pattern is not valid: missing ), unterminated subpattern at character 1 [rule.bad-pattern]",
    ),
    (
        'account.name =~ "(a+)+b"',
        "25: error: the pattern could take too long: a repeat without limit holds a choice or "
        "another repeat [rule.unbounded-pattern]",
        "why: a rule must answer at once for every text",
        "mend: use plain characters, classes, branches and limited repeats such as {1,8}",
    ),
    (
        'account.name =~ r"(a)\\1"',
        "25: error: the pattern could take too long: it refers back to group 1 [rule.unbounded-pattern]",
        "why: a rule must answer at once for every text",
        "mend: use plain characters, classes, branches and limited repeats such as {1,8}",
    ),
    (
        'account.name =~ "(?=a)b"',
        "25: error: the pattern could take too long: the group (?=…) is not allowed [rule.unbounded-pattern]",
        "why: a rule must answer at once for every text",
        "mend: use plain characters, classes, branches and limited repeats such as {1,8}",
    ),
    (
        'account.name =~~ "a.*b.*c"',
        "26: error: the pattern could take too long: it has 2 repeats without limit, 1 allowed "
        "[rule.unbounded-pattern]",
        "why: a rule must answer at once for every text",
        "mend: use plain characters, classes, branches and limited repeats such as {1,8}",
    ),
    (
        'account.name =~ "(a|b){9}"',
        "25: error: the pattern could take too long: it can match in 512 ways, 200 are allowed "
        "[rule.unbounded-pattern]",
        "why: a rule must answer at once for every text",
        "mend: use plain characters, classes, branches and limited repeats such as {1,8}",
    ),
    (
        'account.name =~ "a{300}"',
        "25: error: the pattern could take too long: a repeat of up to 300 is too long, 200 are "
        "allowed [rule.unbounded-pattern]",
        "why: a rule must answer at once for every text",
        "mend: use plain characters, classes, branches and limited repeats such as {1,8}",
    ),
    (
        'account.name =~ "a+?"',
        "25: error: the pattern could take too long: a repeat may not be followed by ?, + or * "
        "[rule.unbounded-pattern]",
        "why: a rule must answer at once for every text",
        "mend: use plain characters, classes, branches and limited repeats such as {1,8}",
    ),
    (
        "inf > quantity",
        "9: error: inf is not a plain number [rule.bad-number]",
        "mend: write plain digits, such as 1000 or 0.05",
    ),
    (
        "1e5 > quantity",
        "9: error: 1e5 is not a plain number [rule.bad-number]",
        "mend: write plain digits, such as 1000 or 0.05",
    ),
    (
        "0x10 > quantity",
        "9: error: 0x10 is not a plain number [rule.bad-number]",
        "mend: write plain digits, such as 1000 or 0.05",
    ),
    (
        "010 > quantity",
        "9: error: 010 is not a plain number [rule.bad-number]",
        "mend: write plain digits, such as 1000 or 0.05",
    ),
    (
        "quantity > 999999999999999999999999999999999999999999999999999",
        "20: error: 999999999999999999999999999999999999999… has more than 50 digits [rule.bad-number]",
    ),
    (
        "ratio > 5",
        "9: error: ratio may be null [rule.unguarded-null]",
        "why: > needs a value",
        "mend: write ratio != null and …, or give a default: (ratio ?? …)",
    ),
    (
        "ratio + 1 > 2",
        "9: error: ratio may be null [rule.unguarded-null]",
        "why: + needs a value",
        "mend: write ratio != null and …, or give a default: (ratio ?? …)",
    ),
    (
        "ratio != null or ratio > 5",
        "26: error: ratio may be null [rule.unguarded-null]",
        "why: > needs a value",
        "mend: write ratio != null and …, or give a default: (ratio ?? …)",
    ),
    (
        "ratio == contract&.discount and ratio > 5",
        "41: error: ratio may be null [rule.unguarded-null]",
        "why: > needs a value",
        "mend: write ratio != null and …, or give a default: (ratio ?? …)",
    ),
    (
        "(ratio != null or account.exempt) and ratio > 5",
        "47: error: ratio may be null [rule.unguarded-null]",
        "why: > needs a value",
        "mend: write ratio != null and …, or give a default: (ratio ?? …)",
    ),
    (
        "not (ratio == null and account.exempt) and ratio > 5",
        "52: error: ratio may be null [rule.unguarded-null]",
        "why: > needs a value",
        "mend: write ratio != null and …, or give a default: (ratio ?? …)",
    ),
    (
        "(ratio != null ? true : true) and ratio > 5",
        "43: error: ratio may be null [rule.unguarded-null]",
        "why: > needs a value",
        "mend: write ratio != null and …, or give a default: (ratio ?? …)",
    ),
    (
        "contract&.payment_days > 5",
        "9: error: contract&.payment_days may be null [rule.unguarded-null]",
        "why: > needs a value",
        "mend: write contract&.payment_days != null and …, or give a default: (contract&.payment_days ?? …)",
    ),
    (
        "contract != null or contract&.payment_days > 5",
        "29: error: contract&.payment_days may be null [rule.unguarded-null]",
        "why: > needs a value",
        "mend: write contract&.payment_days != null and …, or give a default: (contract&.payment_days ?? …)",
    ),
    (
        "contract.payment_days > 5",
        "9: error: contract may be null [rule.unguarded-null]",
        "why: a dot needs an object before it",
        "mend: write contract != null and …, or contract&.payment_days",
    ),
    (
        "contract != null and contract.discount > 5",
        "30: error: contract.discount may be null [rule.unguarded-null]",
        "why: > needs a value",
        "mend: write contract.discount != null and …, or give a default: (contract.discount ?? …)",
    ),
    (
        "flag and quantity > 1",
        "9: error: flag may be null [rule.unguarded-null]",
        "why: and must be true or false",
        "mend: write flag == true, or (flag ?? false)",
    ),
    (
        '"a" in maybe',
        "16: error: maybe may be null [rule.unguarded-null]",
        "why: in needs a value",
        "mend: write maybe != null and …",
    ),
    (
        'account.region =~ "x"',
        "9: error: account.region may be null [rule.unguarded-null]",
        "why: =~ needs a value",
        "mend: write account.region != null and …, or give a default: (account.region ?? …)",
    ),
    (
        'null in ["a"]',
        "9: error: null is in no list [rule.unguarded-null]",
        "mend: write x == null",
    ),
    (
        '"a" in ["a", null]',
        "22: error: null has no value [rule.unguarded-null]",
        "why: a list needs a value",
        "mend: name a fact or a constant",
    ),
    (
        "ratio == 5 and ratio > null",
        "32: error: null has no value [rule.unguarded-null]",
        "why: > needs a value",
        "mend: name a fact or a constant",
    ),
    (
        'tags["tier"] == "1"',
        '9: error: tags may have no "tier" [rule.unguarded-null]',
        'mend: write tags&["tier"]',
    ),
    (
        "ratio ?? 0 > 5",
        "9: error: ratio ?? 0 > 5 can be read in two ways [rule.unclear-default]",
        "why: ?? binds looser than other operators: it means ratio ?? (0 > 5)",
        "mend: write (ratio ?? 0) > 5",
    ),
    (
        "ratio ?? 0 in [5]",
        "9: error: ratio ?? 0 in [5] can be read in two ways [rule.unclear-default]",
        "why: ?? binds looser than other operators: it means ratio ?? (0 in [5])",
        "mend: write (ratio ?? 0) in [5]",
    ),
    (
        "1 > 2 ?? ratio",
        "9: error: 1 > 2 ?? ratio can be read in two ways [rule.unclear-default]",
        "why: ?? binds looser than other operators: it means (1 > 2) ?? ratio",
        "mend: write 1 > (2 ?? ratio)",
    ),
    (
        "ratio ?? 0 not in [5]",
        "9: error: ratio ?? 0 not in [5] can be read in two ways [rule.unclear-default]",
        "mend: write (ratio ?? 0) not in [5]",
    ),
    (
        "quantity == null",
        "9: error: quantity is never null [rule.never-null]",
        "why: the comparison would always give the same",
        "mend: leave it out",
    ),
    (
        "(quantity ?? 0) > 5",
        "10: error: quantity is never null [rule.never-null]",
        "why: ?? would never use its right side",
        "mend: leave ?? out",
    ),
    (
        "null == null",
        "9: error: null is always null [rule.never-null]",
        "why: the comparison would always give the same",
        "mend: leave it out",
    ),
    (
        'at > d"2026-01-31T10:00:00"',
        "14: error: 2026-01-31T10:00:00 has no offset from UTC [rule.naive-datetime]",
        "why: without one it is another moment in every zone",
        'mend: write d"2026-01-31T10:00:00Z", or d"2026-01-31" for the day',
    ),
    (
        'day > d"2026-02-30"',
        "15: error: '2026-02-30' is no date: day is out of range for month [rule.bad-date]",
    ),
    (
        'day > d"2026"',
        "15: error: '2026' is no date [rule.bad-date]",
        'mend: write d"2026-01-31" or d"2026-01-31T10:00:00Z"',
    ),
    (
        "quantity / 0 > 1",
        "20: error: quantity / 0 divides by zero [rule.division-by-zero]",
    ),
    (
        "quantity % (1 - 1) > 1",
        "20: error: quantity % (1 - 1) divides by zero [rule.division-by-zero]",
    ),
    (
        "(true ? 0 : 1) / (true ? 0 : 1) > 1",
        "9: error: a constant part of the condition divides by zero [rule.division-by-zero]",
    ),
    (
        "quantity ** 2 > 5",
        "18: error: ** is not part of the rule language [rule.unsupported]",
        "mend: use + - * / or %",
    ),
    (
        "quantity // 2 > 5",
        "18: error: // is not part of the rule language [rule.unsupported]",
        "mend: use + - * / or %",
    ),
    (
        "account.exempt & account.exempt",
        "9: error: an operator on bits is not part of the rule language [rule.unsupported]",
        "mend: join conditions with and, or",
    ),
    (
        'b"x" == "y"',
        "9: error: a string of bytes is not part of the rule language [rule.unsupported]",
        'mend: write "…"',
    ),
    (
        't"P1D" > 5',
        "9: error: a duration is not part of the rule language [rule.unsupported]",
        "mend: compare dates with dates",
    ),
    (
        "{1, 2} == 3",
        "9: error: a list in braces is not part of the rule language [rule.unsupported]",
        "mend: write [x, y]",
    ),
    (
        '{"a": 1} == 3',
        "9: error: a mapping is not part of the rule language [rule.unsupported]",
        "mend: compare one value at a time",
    ),
    (
        "codes[0:1] == codes",
        "9: error: a part of a list or string is not part of the rule language [rule.unsupported]",
        "mend: use .starts_with, .ends_with or =~",
    ),
    (
        'codes[0] == "a"',
        "9: error: codes is a list, not a mapping [rule.unsupported]",
        "why: only mappings have values by key",
    ),
    (
        'tags&[home] == "a"',
        "15: error: home is no literal string [rule.unsupported]",
        'mend: write tags&["key"]',
    ),
    (
        'codes == ["a"]',
        "9: error: codes is a list [rule.unsupported]",
        "why: only plain values are compared",
        'mend: ask for one value, such as "…" in codes',
    ),
    (
        "account == account",
        "9: error: account is an object [rule.unsupported]",
        "why: only plain values are compared",
        "mend: compare what is inside it",
    ),
    (
        "codes ?? codes",
        "9: error: codes is a list [rule.unsupported]",
        "why: only plain values can be chosen",
    ),
    (
        "quantity in []",
        "21: error: the list is empty [rule.unsupported]",
        "why: nothing is in it",
        "mend: name at least one value",
    ),
    (
        "registrations.length > 1",
        "9: error: registrations may hold objects [rule.unsupported]",
        "why: conditions see lists and mappings of plain values",
    ),
    (
        "quantity = 5",
        "18: error: = is not expected here [rule.syntax]",
        "mend: write == to compare",
    ),
    (
        "quantity > 5 && months > 3",
        "23: error: & is not expected here [rule.syntax]",
        "mend: write and",
    ),
    (
        "1 < quantity < 5",
        "22: error: < is not expected here [rule.syntax]",
        "mend: compare two values at a time and join comparisons with and",
    ),
    (
        "account.exempt AND true",
        "24: error: AND is not expected here [rule.syntax]",
        "mend: write and",
    ),
    (
        "(quantity > 5",
        "22: error: the condition ends too early [rule.syntax]",
    ),
    (
        "quantity > 5)",
        "21: error: ) is not expected here [rule.syntax]",
    ),
    (
        "quantity > 5 and",
        "25: error: the condition ends too early [rule.syntax]",
    ),
    (
        "quantity 5",
        "18: error: 5 is not expected here [rule.syntax]",
    ),
    (
        "größe > 1",
        "11: error: ö is not expected here [rule.syntax]",
    ),
    (
        'account.name == "abc',
        '25: error: " is not expected here [rule.syntax]',
        "mend: close the string on the same line",
    ),
    (
        'account.name =~ "\\d+"',
        "26: error: \\d is no escape [rule.bad-string]",
        'mend: write r"\\d+" to keep backslashes as they are',
    ),
    (
        'b"\\q" == 1',
        "9: error: invalid bytes literal (invalid escape at position 0) [rule.syntax]",
    ),
    (
        "while == 1",
        "9: error: while is not expected here [rule.syntax]",
    ),
    (
        " ",
        "9: error: the condition is empty [rule.syntax]",
        "mend: write true for a rule that always applies",
    ),
]


@pytest.mark.parametrize(("text", "source"), SOURCES, ids=[text for text, _ in SOURCES])
def test_a_condition_compiles_to_tidy_python(text: str, source: str) -> None:
    expression = compiled(text)
    assert expression.source == source
    names = set(re.findall(r"[a-z]\w*__\w+", source))
    assert names <= expression.constants.keys()
    assert type(expression.matches(thing())) is bool
    assert expression.matches(thing()) == expression.oracle(thing())


@pytest.mark.parametrize("mistake", MISTAKES, ids=[text for text, *_ in MISTAKES])
def test_a_mistake_says_where_what_why_and_how_to_mend_it(mistake: tuple[str, ...]) -> None:
    text, *lines = mistake
    parameters = {name: value for name, value in PARAMETERS.items() if name != "months" or text == "months > 3"}
    with pytest.raises(TollbookError) as caught:
        compile_expression(text, FACTS, parameters, WHERE)
    message = [line.strip().removeprefix("rules/pricing/x.yaml:3:") for line in str(caught.value).splitlines()]
    assert message == lines


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_text() -> None:
    text = 'acount.name == "x" and quantity == "5"\nor $now > at\n  or account.segment == "gold" and ratio > 5'
    with pytest.raises(TollbookError) as caught:
        compiled(text)
    found = [(finding.code, finding.where.line, finding.where.column) for finding in caught.value.findings]
    assert found == [
        ("rule.unknown-fact", 3, 9),
        ("rule.type-mismatch", 3, 44),
        ("rule.not-repeatable", 4, 12),
        ("rule.impossible-value", 5, 33),
        ("rule.unguarded-null", 5, 44),
    ]


def test_a_syntax_error_on_a_later_line_is_found_there_however_often_conditions_were_parsed() -> None:
    for _ in range(2):
        with pytest.raises(TollbookError) as caught:
            compiled("quantity > 5\nand months = 3")
        assert caught.value.findings[0].where == Where("rules/pricing/x.yaml", 4, 20)


def test_folded_text_is_located_by_the_caller() -> None:
    places: list[int] = []

    def locate(offset: int) -> Where:
        places.append(offset)
        return Where("x.yaml", 8, offset)

    with pytest.raises(TollbookError) as caught:
        compile_expression("true and x", FACTS, {}, WHERE, locate)
    assert str(caught.value.findings[0].where) == "x.yaml:8:9"
    assert places == [9]


def test_a_place_without_lines_stays_one() -> None:
    with pytest.raises(TollbookError) as caught:
        compile_expression("true and x", FACTS, {}, Where("release/r-1"))
    assert str(caught.value.findings[0].where) == "release/r-1"


@pytest.mark.parametrize("joint", [" or ", " and "])
def test_very_many_parts_are_refused(joint: str) -> None:
    assert compiled(joint.join(["months == 1"] * 90)).matches(thing()) is False
    for count in (110, 20_000):
        with pytest.raises(TollbookError, match=r"nested more than 100 deep \[rule.too-deep\]"):
            compiled(joint.join(["months == 1"] * count))


def test_deep_brackets_and_long_lists_are_fine() -> None:
    assert compiled("(" * 500 + "true" + ")" * 500).matches(thing()) is True
    assert (
        compiled(f"account.name in [{', '.join(f'{chr(34)}{n}{chr(34)}' for n in range(2000))}]").matches(thing())
        is False
    )


def test_what_rule_engine_alone_refuses_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*parts: Any) -> None:
        raise rule_engine.errors.EvaluationError("data type mismatch")

    compiled("true or true")
    monkeypatch.setattr(rule_engine.ast.LogicExpression, "build", refuse)
    with pytest.raises(
        TollbookError, match=r"x.yaml:3:9: error: rule-engine refuses the condition: data type mismatch"
    ):
        compiled("true or false")


@pytest.mark.parametrize(
    ("text", "equals"),
    [
        ('account.segment == "enterprise" and quantity >= floor', {"account.segment": {"enterprise"}}),
        (
            '"DE" == home and account.name in eu and months in [1, 12]',
            {"account.name": {"DE", "AT"}, "months": {1, 12}},
        ),
        ("account.exempt and not (flag == true)", {"account.exempt": {True}}),
        ("not account.exempt and day == since", {"account.exempt": {False}, "day": {date(2026, 1, 1)}}),
        ("ratio == null and contract == null", {"ratio": {None}}),
        ('contract&.note == "x" and tags&["tier"] == "1"', {"contract.note": {"x"}}),
        (
            "(months == 1 and (account.exempt and quantity == 2))",
            {"months": {1}, "account.exempt": {True}, "quantity": {2}},
        ),
        ("months == 1 or months == 2", {}),
        ("months != 1 and months not in [2] and months > 0", {}),
        ("months == quantity and account.name.length == 5", {}),
    ],
)
def test_equals_names_the_facts_that_are_compared_with_constants(text: str, equals: dict[str, Any]) -> None:
    assert dict(compiled(text).equals) == equals


def test_names_are_the_facts_that_are_used() -> None:
    text = 'contract != null and contract.payment_days > 5 and tags&["x"] == null and (ratio ?? 0) > floor'
    assert compiled(text).names == {"contract", "contract.payment_days", "tags", "ratio"}


def test_conjuncts_keep_their_text_their_place_and_what_was_proved_before_them() -> None:
    text = 'contract != null\n  and (contract.payment_days > 5 and "a" in codes)\n  and (months > 3 or account.exempt)'
    parts = compiled(text).conjuncts()
    assert [(part.text, part.source, part.where.line, part.where.column) for part in parts] == [
        ("contract != null", "f.contract is not None", 3, 9),
        ("contract.payment_days > 5", "f.contract.payment_days > 5", 4, 16),
        ('"a" in codes', "'a' in f.codes", 4, 46),
        ("(months > 3 or account.exempt)", "f.months > 3 or f.account.exempt", 5, 15),
    ]
    assert [sorted(part.names) for part in parts] == [
        ["contract"],
        ["contract.payment_days"],
        ["codes"],
        ["account.exempt", "months"],
    ]
    signed = thing(contract=Contract(30, None))
    assert [part.matches(signed) for part in parts] == [part.oracle(signed) for part in parts] == [True] * 4
    assert parts[0].conjuncts() == (parts[0],)


def test_constants_of_many_conditions_can_be_merged() -> None:
    texts = [
        "quantity > 1",
        "quantity > 1.0",
        "quantity > floor",
        "day > since",
        "quantity in [1, 2, 3, 4, 5, 6, 7, 8, 9]",
    ]
    first = [compiled(text) for text in texts]
    second = [compile_expression("quantity > floor", FACTS, {"floor": Decimal(number)}, WHERE) for number in (5, 50)]
    merged: dict[str, Any] = {}
    for expression in (*first, *second):
        for name, value in expression.constants.items():
            assert merged.setdefault(name, value) == value
    joined = " and ".join(f"({expression.source})" for expression in (*first[:4], *second))
    assert eval(joined, {"__builtins__": {}, **merged, "f": thing(quantity=Decimal(1200))}) is True


def test_facts_may_be_namespaces() -> None:
    given = SimpleNamespace(account=SimpleNamespace(segment="enterprise"), quantity=Decimal(1000))
    assert compiled('account.segment == "enterprise" and quantity >= floor').matches(given) is True


@pytest.mark.parametrize(
    ("text", "given", "error"),
    [
        ("quantity > 5", {"quantity": None}, TypeError),
        ("quantity > 5", {}, AttributeError),
        ("account.name.length > 5", {"account": None}, AttributeError),
        ("1 / quantity > 5", {"quantity": Decimal(0)}, ArithmeticError),
        ("quantity * quantity > 5", {"quantity": Decimal("1E+600000")}, ArithmeticError),
    ],
)
def test_both_forms_fail_alike_on_facts_that_are_not_as_declared(
    text: str, given: dict[str, Any], error: type[Exception]
) -> None:
    expression = compiled(text)
    with pytest.raises(error):
        expression.matches(SimpleNamespace(**given))
    with pytest.raises((error, TypeError)):
        expression.oracle(SimpleNamespace(**given))


def test_nothing_but_the_constants_can_be_reached() -> None:
    expression = compiled('account.name == "__import__" and quantity > 1')
    assert expression.matches.__globals__.keys() == {"__builtins__", *expression.constants}
    assert expression.matches.__globals__["__builtins__"] == {}


def test_constants_keep_every_digit() -> None:
    digits = "1234567890123456789012345678901234567890.1234567891"
    expression = compiled(f"quantity == {digits} or quantity == -{digits}")
    for sign in ("", "-"):
        assert expression.matches(thing(quantity=Decimal(sign + digits))) is True
        assert expression.oracle(thing(quantity=Decimal(sign + digits))) is True
    assert expression.matches(thing(quantity=Decimal(digits[:-1]))) is False


def test_a_comment_may_end_a_condition() -> None:
    expression = compiled("months > 3  # longer than a quarter")
    assert (expression.text, repr(expression)) == (
        "months > 3",
        "<Expression 'months > 3' at rules/pricing/x.yaml:3:9>",
    )
