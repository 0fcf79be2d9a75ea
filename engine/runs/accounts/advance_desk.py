"""The desk of advances: invoices over money that came before its supply."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from engine.base.errors import Code, did_you_mean, refuse
from engine.base.money import ZERO
from engine.billing.advances import DOCUMENT, UNFIT, advance_line, is_voucher
from engine.model.account import Account
from engine.model.invoice import ADVANCE, VOUCHER
from engine.model.journal import Change
from engine.runs.accounts.advance_moves import received_enough
from engine.runs.accounts.memo_desk import MemoDesk, Noted, Prepared, account_of, judged, known_note
from engine.runs.accounts.memo_moves import Memo
from engine.runs.approvals import Approvals
from engine.runs.billing.read import BY_HAND
from engine.runs.billing.run import refuse_the_impossible
from engine.runs.booking import rate_of
from engine.runs.noting import document_to
from engine.runs.run import Parts
from engine.store.reader import Reader
from engine.store.writing.settlements import as_digest

NO_CONTRACT = Code("advance.no-contract", "An advance for a contract that the account does not have.")


class AdvanceDesk:
    """What people do with advances."""

    def __init__(self, made: Callable[[], Parts], approvals: Approvals) -> None:
        self._made, self._memos = made, MemoDesk(made, approvals)

    def invoice(
        self, account: str, amount: Decimal, on: date, change: Change, *, text: str, received: date | None = None,
        contract: str = "", tax_code: str = "standard", product: str = "", entity: str = "", key: str = "",
        expires: date | None = None, dry_run: bool = False,
    ) -> Noted:  # fmt: skip
        """Invoice money that the account has with us, tax and all, as an advance; the credit of the account pays it.  Tax and
        exchange rate are those of the day on which it was ``received``; ``contract`` is what it is for, if it is for one alone.
        With the day on which it ``expires`` it is a single-purpose voucher, which is sold whether it is paid or not.

        Raises:
            TollbookError: ``account.unknown``, ``account.several``, the codes of this module, ``advance.unfit``,
                ``credit.key-conflict``, ``credit.refused``, ``run.before-documents``, ``period.closed``, ``fx.no-rate``.
        """
        made, day = self._made(), received or on
        asked: tuple[Any, ...] = (account, amount, on, day, text, contract, tax_code, product)
        asked += (expires,) if expires else ()
        digest = as_digest({str(n): value for n, value in enumerate(asked)})
        key = key or "/".join(str(value) for value in (VOUCHER if expires else ADVANCE, account, on, amount))
        with made.books.reader() as reader:
            owner = account_of(reader, made.tenant, account, entity)
            known = known_note(reader, made.tenant, owner.entity, key, digest)
            if known is not None:
                return known
            refuse_the_impossible(made, reader, on, change.who)
            if day > on:
                mend = "date the invoice on or after the day of the money"
                raise refuse(UNFIT, f"an advance received on {day}, invoiced on {on}", mend=mend)
            payer = reader.accounts(made.tenant, owner.entity, [owner.payer])[owner.payer]
            _contracted(reader, made.tenant, owner, contract)
            if not expires:
                received_enough(reader, made.tenant, payer, amount)
            line = advance_line(owner, text, amount, day, product, tax_code, contract, expires)
            ready = self._prepared(made, reader, payer, line, (on, day, key, digest, change.reason))
        return self._memos.finished("debit-memo", ready, change, dry_run=dry_run)

    def _prepared(
        self, made: Parts, reader: Reader, payer: Account, line: Any, asked: tuple[date, date, str, str, str]
    ) -> Prepared:
        on, received, key, digest, note = asked
        own = reader.entities(made.tenant)[payer.entity].functional_currency
        rate = rate_of(made, reader, line.currency, own, received)
        facts = {"memo": ADVANCE, "reason": "", "share": ZERO, "age": 0, "credited": False, "day": on}
        decision = judged(made, reader, facts, payer, line.amount, rate)
        kind = decision.terms["document"] or ("invoice" if is_voucher(line) else DOCUMENT)
        issued, findings = document_to(made, reader, payer, [line], on, kind, f"{BY_HAND}{key}", received)
        named = (ADVANCE, payer.entity, payer.key, key, digest, "", note, 0, "", on)
        two = decision.terms["decision"] == "approve"
        memo = Memo(*named, issued.invoice.total, decision.id, made.rules.release, two, False, {}, issued)
        return Prepared(memo, f"{decision.ruleset}/{decision.rule}", tuple(findings))


def _contracted(reader: Reader, tenant: str, owner: Account, contract: str) -> None:
    if contract:
        known = [one.key for one in reader.contracts(tenant, owner.entity, [owner.key])]
        if contract not in known:
            what = f"{owner.key} has no contract {contract!r}"
            raise refuse(NO_CONTRACT, what, mend=did_you_mean(contract, known) or "leave --contract out")
