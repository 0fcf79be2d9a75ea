"""OFX bank and card statements, 1.x (SGML, in which values are not closed) and 2.x (XML).

The sign is that of ``TRNAMT``.  OFX states a closing balance (``LEDGERBAL``) and no opening one.  A transaction is in the
currency of its statement, unless it has an aggregate ``CURRENCY``; what ``ORIGCURRENCY`` names is already converted.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

import msgspec

from engine.base.errors import Finding
from engine.ports.hookspecs.bank import Entry, Statement

from .reading import bad, comma_number, decoded, head, references, short_day, signed

_HEADER: Final = re.compile(r"\s*(?:OFXHEADER\s*:|<\?(?:xml|OFX)\b[^>]*>|<OFX>)", re.IGNORECASE)
_CDATA: Final = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9._]*)\s*(/?)>([^<]*)")
_STATEMENTS: Final = frozenset({"STMTRS", "CCSTMTRS"})
_ACCOUNTS: Final = ("BANKACCTFROM", "CCACCTFROM")


class Node(msgspec.Struct):
    """An element: its name, its value if it has one, its children, and its line."""

    name: str
    value: str
    line: int
    children: list[Node] = []

    def find(self, *path: str) -> Node | None:
        """The first element of a path."""
        node: Node | None = self
        for step in path:
            node = next((one for one in node.children if one.name == step), None) if node else None
        return node

    def text(self, *path: str) -> str:
        """The value of the first element of a path; empty where there is none."""
        node = self.find(*path)
        return node.value if node else ""

    def walk(self) -> Iterator[Node]:
        """This element and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def recognises(data: bytes) -> bool:
    """Whether a file begins like OFX and has its root element."""
    text = head(data)
    return bool(_HEADER.match(text)) and "<OFX>" in text.upper()


def read(data: bytes) -> tuple[Statement, ...]:
    """The statements of a file, of bank accounts and of cards.

    Raises:
        TollbookError: ``bank.bad-file``.
    """
    root = _tree(decoded(data))
    found = [node for node in root.walk() if node.name in _STATEMENTS]
    if not found:
        why = "statements of investments are not read, and a refusal of the bank's server holds none"
        raise bad("the file has no statement of an account or a card (STMTRS, CCSTMTRS)", 1, why=why)
    return tuple(_statement(node) for node in found)


def _tree(text: str) -> Node:
    """The elements of a file.  An element that is never closed has a value, or none, and no children."""
    plain = _CDATA.sub(lambda found: html.escape(found[1], quote=False), text)
    stack = [Node("", "", 0, [])]
    line, at = 1, 0
    for found in _TAG.finditer(plain):
        line, at = line + plain.count("\n", at, found.start()), found.start()
        closing, name, empty, value = found[1], found[2].upper(), found[3], html.unescape(found[4]).strip()
        if closing:
            _close(stack, name, line)
            continue
        node = Node(name, value, line, [])
        stack[-1].children.append(node)
        if not value and not empty:
            stack.append(node)
    missing = [node for node in stack[1:] if node.children]
    if missing:
        raise bad(f"the element {missing[-1].name} is never closed", missing[-1].line, mend="the file may be cut off")
    return stack[0]


def _close(stack: list[Node], name: str, line: int) -> None:
    """Close an element; what was opened within it and is still open are values that are empty.  A value may be closed by
    a wrong name, as it needs no closing at all."""
    last = stack[-1].children[-1] if stack[-1].children else None
    is_open = any(node.name == name for node in stack)
    if last is not None and ((last.name == name and last.value) or (not is_open and (last.name == name or last.value))):
        return
    if not is_open:
        raise bad(f"the element {name} is closed and was never opened", line)
    while stack[-1].name != name:
        empty = stack.pop()
        stack[-1].children += empty.children
        empty.children = []
    stack.pop()


def _statement(node: Node) -> Statement:
    flaws: list[Finding] = []
    currency = node.text("CURDEF").upper() or None
    account = next((node.text(one, "ACCTID") for one in _ACCOUNTS if node.find(one)), "") or None
    balance = node.find("LEDGERBAL", "BALAMT")
    closing: Decimal | None = None
    if balance is not None and balance.value:
        closing = comma_number(balance.value, balance.line, "BALAMT of LEDGERBAL")
    transactions = [one for one in node.walk() if one.name == "STMTTRN"]  # of all lists, also of one that is not closed
    entries = tuple(_entry(one, currency, flaws) for one in transactions)
    return Statement(account, currency, entries, None, closing, tuple(flaws))


def _entry(node: Node, currency: str | None, flaws: list[Finding]) -> Entry:
    amount_node = node.find("TRNAMT")
    if amount_node is None or not amount_node.value:
        raise bad("a transaction (STMTTRN) has no TRNAMT", node.line)
    sign, amount = signed(comma_number(amount_node.value, amount_node.line, "TRNAMT"), "C")
    if not amount and amount_node.value.startswith("-"):
        sign = "D"
    pairs = [
        ("bank", node.text("FITID")),
        ("server", node.text("SRVRTID")),
        ("cheque", node.text("CHECKNUM")),
        ("customer", node.text("REFNUM")),
        ("type", node.text("TRNTYPE")),
        ("text", node.text("MEMO")),
        ("corrects", node.text("CORRECTFITID")),
        ("correction", node.text("CORRECTACTION")),
    ]
    name = node.text("NAME") or node.text("PAYEE", "NAME") or node.text("EXTDNAME")
    return Entry(
        sign=sign,  # type: ignore[arg-type]
        amount=amount,
        currency=node.text("CURRENCY", "CURSYM").upper() or currency,
        booking_date=_day(node, "DTPOSTED", flaws),
        value_date=_day(node, "DTAVAIL", flaws),
        references=references(pairs),
        counterparty=" ".join(name.split()) or None,
        reversal=node.text("CORRECTACTION").upper() == "DELETE",
    )


def _day(node: Node, name: str, flaws: list[Finding]) -> date | None:
    """The day of YYYYMMDD or YYYYMMDDHHMMSS.XXX[offset:zone], as the bank writes it."""
    found = node.find(name)
    return short_day(found.value[:8], found.line, flaws, name) if found and found.value else None
