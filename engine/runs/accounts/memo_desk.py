"""The desk of credit and debit notes: what somebody asks for is computed, judged by the rules, and done or proposed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, did_you_mean, refuse
from engine.base.money import CONTEXT, ZERO
from engine.billing.billed import open_lines
from engine.billing.memos import UNFIT, CreditingFacts, Numbered, Wanted, by_hand, credits, parts
from engine.ledger.fx import convert
from engine.model.account import Account
from engine.model.decision import Decision
from engine.model.invoice import RatedCharge
from engine.model.journal import Change, FxRate
from engine.runs.accounts.memo_moves import Memo, lefts, role_of
from engine.runs.approvals import Approvals, Outcome
from engine.runs.billing.given_up import UNWRITTEN, taken
from engine.runs.billing.read import BY_HAND
from engine.runs.billing.run import refuse_the_impossible
from engine.runs.booking import keep, rate_of
from engine.runs.noting import billed_lines, document_on, document_to
from engine.runs.run import Parts
from engine.runs.wallets.voucher_expiry import refuse_expired
from engine.store import tracing
from engine.store.reader import Reader
from engine.store.writing.settlements import as_digest

REFUSED = Code("credit.refused", "A credit or debit note that a rule of crediting refuses.")
NO_INVOICE = Code("credit.not-an-invoice", "A credit on a document that is no invoice.")
CONFLICT = Code("credit.key-conflict", "A key of a credit or debit note that the books have with other values.")

UNKNOWN_ACCOUNT = Code("account.unknown", "An account that the books do not have.")
SEVERAL = Code("account.several", "An account that several legal entities have, where none is named.")

RECENT: Final = timedelta(days=90)
CREDITED: Final = ("invoice", "debit_note", "advance_invoice")
"""Kinds of documents that can be credited."""


class Noted(msgspec.Struct, frozen=True):
    """What became of a credit or debit note; amounts have the sign of the document.

    ``state`` is ``issued``, ``proposed``, or ``dry run``; ``repeated`` was in the books before.  ``number`` is empty where it has
    none yet; ``lines`` are (text, net, tax).  ``given_up`` is what the customer does not get of it: nobody has paid that.
    """

    state: str
    kind: str
    number: str
    key: str
    original: str
    account: str
    currency: str
    net: Decimal
    tax: Decimal
    total: Decimal
    rule: str
    rebill: bool
    lines: tuple[tuple[str, Decimal, Decimal], ...]
    repeated: bool = False
    given_up: Decimal = ZERO
    outcome: Outcome | None = None
    findings: tuple[Finding, ...] = ()


class Prepared(msgspec.Struct, frozen=True):
    """A note as it will be made, the rule that allows it, and what of it was given up before and is not paid back."""

    memo: Memo
    rule: str
    findings: tuple[Finding, ...]
    given_up: Decimal = ZERO


class MemoDesk:
    """What people do with credit and debit notes."""

    def __init__(self, made: Callable[[], Parts], approvals: Approvals) -> None:
        self._made, self._approvals = made, approvals

    def credit(
        self,
        number: str,
        reason: str,
        on: date,
        change: Change,
        *,
        line: int = 0,
        amount: Decimal | None = None,
        percent: Decimal | None = None,
        key: str = "",
        dry_run: bool = False,
    ) -> Noted:
        """Give back a part of an invoice, or propose it where a rule or the configuration wants two persons: an ``amount`` before
        tax, a ``percent`` of what was billed, or all that is left; of one ``line``, or of all (0).

        ``key`` makes it happen once; without one, the same of the same day for the same reason is the same.

        Raises:
            TollbookError: ``explain.no-such-line``, the codes of this module and of :mod:`engine.billing.memos`,
                ``run.before-documents``, ``period.closed``.
        """
        made, wanted = self._made(), Wanted(line, amount, percent)
        asked = (number, on, reason, wanted.line, wanted.amount, wanted.percent)
        digest = as_digest({str(n): value for n, value in enumerate(asked)})
        key = key or "/".join(str(value) for value in asked if value not in (None, 0))
        with made.books.reader() as reader:
            head = _head(reader, made.tenant, number)
            known = known_note(reader, made.tenant, head["entity"], key, digest)
            if known is not None:
                return known
            refuse_the_impossible(made, reader, on, change.who)
            ready = _credit(made, reader, head, wanted, (reason, on, key, digest, change.reason))
        return self.finished("credit-memo", ready, change, dry_run=dry_run)

    def debit(
        self, account: str, amount: Decimal, reason: str, on: date, change: Change, *, text: str, tax_code: str = "standard",
        product: str = "", invoice: str = "", entity: str = "", key: str = "", dry_run: bool = False,
    ) -> Noted:  # fmt: skip
        """Charge an amount by hand, before tax, to the payer of an account; an ``invoice`` is one that it corrects.

        Raises:
            TollbookError: ``account.unknown``, ``account.several``, ``explain.no-such-line``, the codes of this module,
                ``credit.unfit``, ``run.before-documents``, ``period.closed``, ``fx.no-rate``.
        """
        made = self._made()
        asked = (account, amount, on, reason, text, tax_code, product, invoice)
        digest = as_digest({str(n): value for n, value in enumerate(asked)})
        key = key or "/".join(str(value) for value in ("debit", account, on, reason, amount))
        with made.books.reader() as reader:
            owner = account_of(reader, made.tenant, account, entity)
            known = known_note(reader, made.tenant, owner.entity, key, digest)
            if known is not None:
                return known
            refuse_the_impossible(made, reader, on, change.who)
            charge = by_hand(owner, text, amount, on, owner.currency, product, tax_code)
            ready = _debit(made, reader, owner, charge, invoice, (reason, on, key, digest, change.reason))
        return self.finished("debit-memo", ready, change, dry_run=dry_run)

    def finished(self, act: str, ready: Prepared, change: Change, *, dry_run: bool) -> Noted:
        """Write a note that is ready, propose it, or only show it."""
        if dry_run:
            return _told(ready, "dry run")
        made, memo = self._made(), ready.memo
        keep(made, change)
        outcome = self._approvals.act(act, msgspec.to_builtins(memo), change)
        if not outcome.done:
            return msgspec.structs.replace(_told(ready, "proposed"), outcome=outcome)
        with made.books.reader() as reader:
            there = reader.memo(made.tenant, memo.entity, memo.key)
            assert there is not None
            number = tracing.numbers(reader, [there["id"]])[there["id"]]
        told = _told(ready, "issued")
        return msgspec.structs.replace(
            told, number=number, outcome=outcome, findings=(*told.findings, *outcome.findings)
        )


def asked(
    made: Parts, reader: Reader, facts_of: Mapping[str, Any], account: Account, net: Decimal, rate: FxRate
) -> tuple[Decision, CreditingFacts]:
    """What the rules say of a note, and of what facts.

    Raises:
        TollbookError: ``rule.no-answer``.
    """
    day: date = facts_of["day"]
    recent = reader.credited_since(made.tenant, account.entity, account.key, day - RECENT + timedelta(days=1))
    entity = reader.entities(made.tenant)[account.entity]
    facts = CreditingFacts(
        entity=entity,
        account=account,
        currency=rate.base,
        amount=net,
        functional_amount=convert(net, rate),
        recent=recent,
        **facts_of,
    )
    return made.rules.decide("crediting", facts, day), facts


def judged(
    made: Parts, reader: Reader, facts_of: Mapping[str, Any], account: Account, net: Decimal, rate: FxRate
) -> Decision:
    """What the rules say of a note that they let be made.

    Raises:
        TollbookError: ``credit.refused``, ``rule.no-answer``.
    """
    decision, facts = asked(made, reader, facts_of, account, net, rate)
    if decision.terms["decision"] == "refuse":
        what = f"a {facts.memo} note of {net:f} {rate.base} for {facts.reason!r} to {account.key} is refused"
        mend = f"see rule {decision.rule} of {decision.ruleset}"
        raise refuse(REFUSED, what, why=str(decision.terms["why"]), mend=mend, subject=f"account/{account.key}")
    return decision


def paid(reader: Reader, head: Mapping[str, Any]) -> bool:
    """Whether money came for a document, more than was refunded or charged back."""
    money = reader.settlements(
        head["tenant"], head["entity"], item=head["id"], kind=["payment", "refund", "chargeback"]
    )
    return bool(sum((row["amount"] for row in money), ZERO))


def _head(reader: Reader, tenant: str, number: str) -> dict[str, Any]:
    ident = reader.find_invoice(tenant, number)
    head = reader.invoice(ident) if ident is not None else None
    if head is None:
        raise tracing.no_invoice(reader, tenant, number)
    if head["kind"] not in CREDITED:
        what = f"{number} is a {head['kind'].replace('_', ' ')}"
        raise refuse(NO_INVOICE, what, why="it gives back already", mend="credit the invoice that it is about")
    return head


def _credit(
    made: Parts, reader: Reader, head: dict[str, Any], wanted: Wanted, asked: tuple[str, date, str, str, str]
) -> Prepared:
    reason, on, key, digest, note = asked
    refuse_expired(reader, head["id"], head["number"])
    if on < head["invoice_date"]:
        what = f"a credit note of {on} on {head['number']} of {head['invoice_date']}"
        raise refuse(UNFIT, what, mend="date it on or after the invoice")
    rows = reader.invoice_lines(head["id"])
    opens = _open(reader, rows)
    given = parts(opens, wanted, head["number"])
    net = sum((part for _, part in given), ZERO)
    payer = reader.accounts(made.tenant, head["entity"], [head["payer"]])[head["payer"]]
    decision = judged(made, reader, _facts(reader, head, rows, opens, net, reason, on), payer, net, _rate(head))
    terms = decision.terms
    charges = credits(given, rebill=terms["rebill"])
    role: Any = role_of(terms["revenue"])
    kind = terms["document"] or "credit_note"
    group = f"{head['currency']}{BY_HAND}{key}"
    issued, findings = document_on(made, reader, head, charges, on, kind, group, role)
    left = lefts(reader, sorted({charge.credits for charge in charges}))
    named = ("credit", head["entity"], payer.key, key, digest, reason, note, head["id"], head["number"], on)
    two = terms["decision"] == "approve"
    memo = Memo(*named, issued.invoice.total, decision.id, made.rules.release, two, terms["rebill"], left, issued)
    back = sum((one.amount for one in taken(reader, made.tenant, head["entity"], [issued], UNWRITTEN)), ZERO)
    return Prepared(memo, f"{decision.ruleset}/{decision.rule}", tuple(findings), back)


def _rate(head: Mapping[str, Any]) -> FxRate:
    return FxRate(head["currency"], head["functional_currency"], head["rate"], head["rate_source"], head["rate_on"])


def _facts(
    reader: Reader,
    head: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
    opens: Sequence[Numbered],
    net: Decimal,
    reason: str,
    on: date,
) -> Mapping[str, Any]:
    """What rules may look at of a credit of ``net`` on an invoice, with its lines."""
    whole = head["net"] + sum(row["tax_amount"] for row in rows if row["tax_included"])
    return {
        "memo": "credit",
        "reason": reason,
        "share": CONTEXT.divide(net, whole) if whole else ZERO,
        "credited": any(one.left != one.line.charge.amount for _, one in opens),
        "paid": paid(reader, head),
        "age": (on - head["invoice_date"]).days,
        "day": on,
    }


def asked_again(made: Parts, reader: Reader, memo: Mapping[str, Any], payer: str, net: Decimal) -> Decision:
    """What rules say of a credit note of the books, as the row ``memo`` has it, on books as they were before it.

    Raises:
        TollbookError: ``rule.no-answer``.
    """
    head = reader.invoice(memo["original"])
    assert head is not None
    rows = reader.invoice_lines(head["id"])
    facts = _facts(reader, head, rows, _open(reader, rows), net, memo["reason"], memo["day"])
    account = reader.accounts(made.tenant, head["entity"], [payer])[payer]
    return asked(made, reader, facts, account, net, _rate(head))[0]


def _debit(
    made: Parts,
    reader: Reader,
    owner: Account,
    charge: RatedCharge,
    invoice: str,
    asked: tuple[str, date, str, str, str],
) -> Prepared:
    reason, on, key, digest, note = asked
    original = reader.find_invoice(made.tenant, invoice, owner.entity) if invoice else 0
    if original is None:
        raise tracing.no_invoice(reader, made.tenant, invoice)
    payer = reader.accounts(made.tenant, owner.entity, [owner.payer])[owner.payer]
    own = reader.entities(made.tenant)[owner.entity].functional_currency
    rate = rate_of(made, reader, charge.currency, own, on)
    facts = {"memo": "debit", "reason": reason, "share": ZERO, "age": 0, "credited": False, "day": on}
    decision = judged(made, reader, facts, payer, charge.amount, rate)
    kind = decision.terms["document"] or "debit_note"
    issued, findings = document_to(made, reader, payer, [charge], on, kind, f"{BY_HAND}{key}")
    named = ("debit", owner.entity, payer.key, key, digest, reason, note, original, invoice, on)
    two = decision.terms["decision"] == "approve"
    memo = Memo(*named, issued.invoice.total, decision.id, made.rules.release, two, False, {}, issued)
    return Prepared(memo, f"{decision.ruleset}/{decision.rule}", tuple(findings))


def account_of(reader: Reader, tenant: str, key: str, entity: str) -> Account:
    """An account by its key.

    Raises:
        TollbookError: ``account.unknown``, ``account.several``.
    """
    entities = [entity] if entity else sorted(reader.entities(tenant))
    found = [there[key] for name in entities if key in (there := reader.accounts(tenant, name, [key]))]
    if len(found) > 1:
        what = f"{', '.join(one.entity for one in found)} have an account {key!r}"
        raise refuse(SEVERAL, what, mend="name the legal entity")
    if not found:
        near = [word for name in entities for word in reader.account_keys(tenant, name)]
        raise refuse(UNKNOWN_ACCOUNT, f"there is no account {key!r}", mend=did_you_mean(key, near))
    return found[0]


def _open(reader: Reader, rows: Sequence[Mapping[str, Any]]) -> list[Numbered]:
    """The lines of an invoice that charge something, by number, with what is left of them."""
    lines = billed_lines(rows)
    given = billed_lines(tracing.credits_on(reader, [line.id for line in lines]))
    numbers = {row["id"]: row["number"] for row in rows}
    mine = [line for line in lines if not line.charge.credits]
    return [(numbers[one.line.id], one) for one in open_lines([*mine, *given])]


def known_note(reader: Reader, tenant: str, entity: str, key: str, digest: str) -> Noted | None:
    """What became of the note of that key before.

    Raises:
        TollbookError: ``credit.key-conflict``.
    """
    there = reader.memo(tenant, entity, key)
    if there is None:
        return None
    head = reader.invoice(there["id"])
    assert head is not None
    if there["digest"] != digest:
        what = f"the key {key!r} is in the books as {head['number']} of {head['total']:f} {head['currency']}"
        raise refuse(CONFLICT, what, why="a document stays as it is", mend="give the new one a key of its own")
    original = tracing.numbers(reader, [there["original"]]).get(there["original"], "")
    lines = tuple((row["text"], row["amount"], row["tax_amount"]) for row in reader.invoice_lines(head["id"]))
    sums = (head["net"], head["tax"], head["total"])
    names = (head["number"], key, original, head["payer"], head["currency"])
    return Noted("issued", head["kind"], *names, *sums, "", False, lines, repeated=True)


def _told(ready: Prepared, state: str) -> Noted:
    memo, issued = ready.memo, ready.memo.issued
    invoice = issued.invoice
    lines = tuple((line.charge.text, line.charge.amount, line.tax.amount) for line in invoice.lines)
    names = ("", memo.key, memo.number, memo.account, invoice.draft.currency)
    sums = (invoice.net, invoice.tax, invoice.total)
    return Noted(
        state,
        invoice.kind,
        *names,
        *sums,
        ready.rule,
        memo.rebill,
        lines,
        False,
        ready.given_up,
        findings=ready.findings,
    )
