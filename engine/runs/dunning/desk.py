"""The desk of dunning: how customers stand, and what people agree with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from engine.base.errors import Code, Finding, TollbookError, did_you_mean, refuse
from engine.base.money import ZERO, round_to
from engine.model.dunning import ALL_ITEMS, HANDOVER, Debt, Due, Standing, Step, detail_of
from engine.model.effect import Effect
from engine.model.journal import Change
from engine.receivables.dunning import late, schedule, standing, subjects
from engine.runs.accounts.memo_desk import account_of
from engine.runs.booking import keep
from engine.runs.dunning.cases import Owing, owing
from engine.runs.dunning.claims import claimed
from engine.runs.dunning.consent import NONE, adapter_for
from engine.runs.dunning.run import effect_key, hand_over, run_dunning
from engine.runs.dunning.taking import taken_by_hand
from engine.runs.run import Parts, PartsOn, Progress, Report, silent
from engine.store.books import Books
from engine.store.reader import Reader
from engine.store.writing.dunning import Note
from engine.store.writing.settlements import as_digest

UNFIT = Code("dunning.unfit", "A hold, promise, plan or hand-over whose values cannot be meant.")
NOTHING_OPEN = Code("dunning.nothing-open", "A promise, plan or hand-over of an account that owes nothing.")
NOT_OF_ACCOUNT = Code("dunning.not-of-account", "A document that is not open, or is of another account or currency.")
NOT_HELD = Code("dunning.not-held", "Something to be ended that does not stand against dunning.")

AHEAD: Final = timedelta(days=120)
"""How far ahead the schedule is shown."""
WORDS: Final = {
    "hold": "hold",
    "insolvency": "insolvency",
    "freeze": "disputed part",
    "pending": "on its way",
    "promise": "promise",
    "plan": "instalments",
    "handover": "with the agency",
}


class Shown(msgspec.Struct, frozen=True):
    """How an account stands in a currency: its level or those of its documents, what stands against asking, what was done, and what
    follows if nothing else happens."""

    entity: str
    account: str
    name: str
    currency: str
    rule: str
    level: str
    standings: tuple[dict[str, Any], ...]
    against: tuple[dict[str, Any], ...]
    steps: tuple[dict[str, Any], ...]
    claims: tuple[dict[str, Any], ...]
    ahead: tuple[dict[str, Any], ...]


class DunningDesk:
    """What people ask of dunning, and agree with customers."""

    def __init__(self, books: Books, parts: PartsOn) -> None:
        self._books, self._parts = books, parts

    def run(
        self, on: date, change: Change, *, account: str = "", dry_run: bool = False, progress: Progress = silent
    ) -> Report:
        """Take the steps of a day; see :func:`engine.runs.dunning.run.run_dunning`."""
        return run_dunning(self._parts(on=on), on, change, account=account, dry_run=dry_run, progress=progress)

    def shown(self, key: str, on: date | None = None, entity: str = "") -> list[Shown]:
        """How an account stands on a day (default: today), by currency.

        Raises:
            TollbookError: ``account.unknown``, ``account.several``.
        """
        parts = self._parts()
        with self._books.reader() as reader:
            found, day = self._owing(parts, reader, key, entity, on)
            return [_shown(parts, reader, one, day) for one in found]

    def hold(
        self, account: str, change: Change, *, reason: str, until: date | None = None, invoice: str = "",
        amount: Decimal | None = None, kind: str = "hold", key: str = "", on: date | None = None, entity: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Let dunning stand still from a day on, of an account or of one document; with an ``amount``, of that part of it.

        Raises:
            TollbookError: ``account.unknown``, the codes of this module, ``dunning.key-conflict``.
        """
        parts = self._parts()
        with self._books.reader() as reader:
            owner, day = self._account(parts, reader, account, entity, on, change)
            debts = _open(reader, parts.tenant, owner, day)
            debt = _named(debts, [invoice], owner.key)[0] if invoice else None
        if amount is not None and (debt is None or not ZERO < amount <= debt[1].open_on(day)):
            open_ = f"{debt[1].open_on(day):f} is open" if debt else "no document is named"
            raise refuse(
                UNFIT, f"a part of {amount:f}, where {open_}", mend="name the document and a part of what is open"
            )
        if until is not None and until <= day:
            raise refuse(UNFIT, f"a hold of {day} until {until}", mend="give a later day")
        frozen = amount is not None
        kind = ("pending" if kind == "pending" else "freeze") if frozen else kind
        if kind == "pending" and not frozen:
            raise refuse(UNFIT, "what is on its way has no amount", mend="name the document and the amount")
        key = key or f"{kind}/{owner.key}/{day}/{invoice or 'all'}"
        head = (owner.entity, key, kind, owner.key, day, until or date.max, debt[0] if debt else "")
        note = Note(*head, debt[1].item if debt else ALL_ITEMS, amount or ZERO, reason=reason)
        return self._note(parts, note, change)

    def resume(
        self, account: str, change: Change, *, key: str = "", on: date | None = None, entity: str = ""
    ) -> list[dict[str, Any]]:
        """End what stands against dunning an account: one thing by its key, or all.

        Raises:
            TollbookError: ``account.unknown``, ``dunning.not-held``.
        """
        parts = self._parts()
        with self._books.reader() as reader:
            owner, day = self._account(parts, reader, account, entity, on, change)
            notes = reader.dunning_notes(parts.tenant, owner.entity, [owner.key])
        ended = {note["ends"] for note in notes}
        live = [n for n in notes if n["kind"] in WORDS and n["id"] not in ended and n["until"] > day]
        mine = [note for note in live if key in ("", note["key"])]
        if not mine:
            what = f"{key!r} does not stand against {owner.key}" if key else f"nothing stands against {owner.key}"
            raise refuse(NOT_HELD, what, mend=did_you_mean(key, [note["key"] for note in live]))
        made = []
        for note in mine:
            head = (owner.entity, f"{note['key']}/end", "end", owner.key, day)
            said = Note(*head, currency=note["currency"], ends=note["id"], reason=change.reason)
            made.append(self._note(parts, said, change))
        return made

    def promise(
        self, account: str, amount: Decimal | None, due: date, change: Change, *, invoices: Sequence[str] = (),
        currency: str = "", key: str = "", on: date | None = None, entity: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Note what a customer has promised to pay by a day, of some documents or of all that is open (default: all of it).

        Raises:
            TollbookError: ``account.unknown``, the codes of this module.
        """
        parts = self._parts()
        with self._books.reader() as reader:
            one, debts, day = self._agreed(parts, reader, account, entity, currency, invoices, on, change)
        open_ = sum((debt.open_on(day) for debt in debts), ZERO)
        amount = open_ if amount is None else amount
        within = day + timedelta(days=one.decision.terms["promise_within"])
        if amount != round_to(amount, one.currency) or not ZERO < amount <= open_:
            what = f"a promise of {amount:f} {one.currency}, where {open_:f} is open"
            raise refuse(UNFIT, what, mend="promise a part of what is open, or all of it")
        if not day <= due <= within:
            mend = f"the rule lets it be from {day} to {within}"
            raise refuse(UNFIT, f"a promise of {day} for {due}", mend=mend)
        items = [debt.item for debt in debts]
        before = [p for p in one.case.promises if {*p.items} & {*items} and p.key != key]
        most = one.decision.terms["promises"]
        if len(before) >= most:
            what = f"{len(before)} promises were made for these documents"
            raise refuse(UNFIT, what, why=f"the rule lets there be {most}", mend="agree on a plan, or go on")
        key = key or f"promise/{one.account.key}/{one.currency}/{day}/{due}"
        detail = detail_of({"due": due, "left": open_ - amount, "items": items})
        until = due + timedelta(days=one.terms.promise_grace + 1)
        head = (one.entity.key, key, "promise", one.account.key, day, until, one.currency, ALL_ITEMS, amount)
        return self._note(parts, Note(*head, detail=detail, reason=change.reason), change)

    def plan(
        self, account: str, shares: Sequence[tuple[date, Decimal]], change: Change, *, invoices: Sequence[str] = (),
        currency: str = "", key: str = "", on: date | None = None, entity: str = "",
    ) -> dict[str, Any]:  # fmt: skip
        """Note a plan to pay what is open, of some documents or of all, in instalments that sum to it.

        Raises:
            TollbookError: ``account.unknown``, the codes of this module.
        """
        parts = self._parts()
        with self._books.reader() as reader:
            one, debts, day = self._agreed(parts, reader, account, entity, currency, invoices, on, change)
        claim = sum((debt.open_on(day) for debt in debts), ZERO)
        given = sum((amount for _, amount in shares), ZERO)
        days = [on for on, _ in shares]
        if given != claim or any(amount <= ZERO for _, amount in shares):
            what = f"instalments of {given:f} {one.currency}, where {claim:f} is open"
            raise refuse(UNFIT, what, mend="let the instalments sum to what is open, each above zero")
        if days != sorted(set(days)) or days[0] < day:
            raise refuse(
                UNFIT, "instalments whose days do not rise", mend=f"begin on {day} or later, each after the last"
            )
        key = key or f"plan/{one.account.key}/{one.currency}/{day}"
        parted = [[on.isoformat(), f"{amount:f}"] for on, amount in shares]
        detail = {"parts": parted, "items": [debt.item for debt in debts]}
        until = days[-1] + timedelta(days=one.terms.plan_grace + 1)
        head = (one.entity.key, key, "plan", one.account.key, day, until, one.currency, ALL_ITEMS, claim)
        return self._note(parts, Note(*head, detail=detail, reason=change.reason), change)

    def hand_over(
        self, account: str, change: Change, *, currency: str = "", on: date | None = None, entity: str = ""
    ) -> dict[str, Any]:
        """Give what an account is late with to the agency of the rule, whatever step is next; nothing more is asked for here.

        Raises:
            TollbookError: ``account.unknown``, the codes of this module.
        """
        parts = self._parts()
        with self._books.reader() as reader:
            one, _, day = self._agreed(parts, reader, account, entity, currency, (), on, change)
        whole = late(one.case, day)
        if one.decision.terms["agency"] is None:
            what = f"rule {one.decision.rule} of {one.decision.ruleset} names no agency"
            raise refuse(UNFIT, what, mend="add agency: {name: ..., email: ...} to the rule")
        if not whole:
            raise refuse(
                NOTHING_OPEN, f"{account} is late with nothing", mend="`tollbook dunning show` says how it stands"
            )
        if any(h.kind == "handover" and h.start <= day < h.until for h in one.case.holds):
            raise refuse(UNFIT, f"{account} is with the agency", mend="`tollbook dunning resume` takes it back")
        keep(parts, change)
        cycle = max((row["cycle"] for row in one.steps), default=0)
        number = sum(row["cycle"] == cycle for row in one.steps) + 1
        name = f"handover of {day}"
        due = Due(ALL_ITEMS, max(cycle, 1), number, name, day, day, tuple(whole.items()))
        step = Step(name, 0, action="handover", charge="claim")
        claims = claimed(parts, one, step, [*whole], day)
        adapter = adapter_for(parts, one.account, one.currency, "email", day)
        if adapter == NONE:
            raise refuse(UNFIT, "no adapter brings files to the agency", mend="name one in a rule of routing")
        key = effect_key(one, due)
        with self._books.writer(change, tenant=parts.tenant) as writer:
            ident = writer.take_step(parts.tenant, taken_by_hand(one, due, step, claims, key), claims.claims)
            hand_over(writer, parts.tenant, one, ALL_ITEMS, day, change.reason, str(ident))
            effect = Effect(key, "delivery", HANDOVER, {"step": ident, "channel": "email"})
            writer.add_effects(parts.tenant, one.entity.key, [(effect, adapter)])
        sums = {"asked": sum(whole.values(), ZERO), "costs": sum((c.amount for c in claims.claims), ZERO)}
        head = {"kind": "handover", "account": one.account.key, "currency": one.currency, "day": day}
        return {**head, **sums, "agency": one.decision.terms["agency"]["name"], "effect": key}

    def _account(
        self, parts: Parts, reader: Reader, key: str, entity: str, on: date | None, change: Change
    ) -> tuple[Any, date]:
        owner = account_of(reader, parts.tenant, key, entity)
        seller = reader.entities(parts.tenant)[owner.entity]
        return owner, on or change.at.astimezone(ZoneInfo(seller.zone)).date()

    def _owing(
        self, parts: Parts, reader: Reader, key: str, entity: str, on: date | None, change: Change | None = None
    ) -> tuple[list[Owing], date]:
        owner = account_of(reader, parts.tenant, key, entity)
        seller = reader.entities(parts.tenant)[owner.entity]
        day = on or (
            change.at.astimezone(ZoneInfo(seller.zone)).date() if change else datetime.now(ZoneInfo(seller.zone)).date()
        )
        findings: list[Finding] = []
        found = owing(parts, reader, seller, [key], day, findings, whole=True)
        if findings:
            raise TollbookError(findings)
        return found, day

    def _agreed(
        self, parts: Parts, reader: Reader, key: str, entity: str, currency: str, invoices: Sequence[str],
        on: date | None, change: Change,
    ) -> tuple[Owing, list[Debt], date]:  # fmt: skip
        """What an account owes in a currency, and the documents that are meant: those that are named, else all that are open."""
        found, day = self._owing(parts, reader, key, entity, on, change)
        live = [one for one in found if any(debt.open_on(day) > ZERO for debt in one.case.debts)]
        mine = [one for one in live if currency in ("", one.currency)]
        if not mine:
            raise refuse(NOTHING_OPEN, f"{key} owes nothing{f' in {currency}' if currency else ''}")
        if len(mine) > 1:
            several = ", ".join(one.currency for one in mine)
            raise refuse(UNFIT, f"{key} owes in {several}", mend="name the currency")
        one = mine[0]
        debts = [(one.currency, debt) for debt in one.case.debts if debt.open_on(day) > ZERO]
        if invoices:
            debts = _named(debts, invoices, key)
        return one, [debt for _, debt in debts], day

    def _note(self, parts: Parts, note: Note, change: Change) -> dict[str, Any]:
        values = {
            name: value for name, value in msgspec.structs.asdict(note).items() if name not in ("digest", "start")
        }
        digest = as_digest(detail_of(values))
        with self._books.writer(change, tenant=parts.tenant) as writer:
            writer.note_dunning(parts.tenant, msgspec.structs.replace(note, digest=digest))
        names = ("kind", "key", "account", "currency", "amount", "start", "until", "reason")
        return {name: getattr(note, name) for name in names}


def _open(reader: Reader, tenant: str, owner: Any, day: date) -> list[tuple[str, Debt]]:
    found = reader.debts(tenant, owner.entity, [owner.key])
    return [(cur, debt) for (_, cur), debts in found.items() for debt in debts if debt.open_on(day) > ZERO]


def _named(debts: Sequence[tuple[str, Debt]], numbers: Sequence[str], account: str) -> list[tuple[str, Debt]]:
    known = {debt.number: (currency, debt) for currency, debt in debts}
    absent = [number for number in numbers if number not in known]
    if absent:
        what = f"{absent[0]} is not open, or not of {account}"
        raise refuse(
            NOT_OF_ACCOUNT, what, mend=did_you_mean(absent[0], known) or f"open: {', '.join(known) or 'nothing'}"
        )
    return [known[number] for number in numbers]


def _shown(parts: Parts, reader: Reader, one: Owing, day: date) -> Shown:
    numbers = {debt.item: debt.number for debt in one.debts.values()}
    stands = [standing(one.case, one.terms, day, item) for item in subjects(one.case, one.terms)]
    ended = {note["ends"]: note["start"] for note in one.notes if note["ends"]}
    states = {e.key: e.state for e in reader.effects(parts.tenant, [s["effect"] for s in one.steps if s["effect"]])}
    names = ("step", "cycle", "planned", "day", "channel", "consent", "asked", "action")
    return Shown(
        entity=one.entity.key,
        account=one.account.key,
        name=one.account.name,
        currency=one.currency,
        rule=f"{one.decision.ruleset}/{one.decision.rule} {one.decision.where}",
        level=one.terms.level,
        standings=tuple(_stands(each, numbers) for each in stands),
        against=(
            *(_note_of(note, numbers, ended, day) for note in one.notes if note["kind"] in WORDS),
            *_under_way(one, numbers, day),
        ),
        steps=tuple(
            {"about": numbers.get(row["item"], "account")}
            | {name: row[name] for name in names}
            | {"documents": [item["number"] for item in row["items"]], "letter": states.get(row["effect"], "none")}
            for row in one.steps
        ),
        claims=tuple(
            {"document": numbers.get(row["item"], ""), "debit_note": numbers.get(row["document"], "")}
            | {name: row[name] for name in ("kind", "name", "start", "until", "amount", "basis")}
            for row in one.claims
        ),
        ahead=tuple(
            {"about": numbers.get(due.item, "account"), "step": due.step, "day": due.day}
            for due in schedule(one.case, one.terms, day, day + AHEAD)
        ),
    )


def _stands(one: Standing, numbers: dict[int, str]) -> dict[str, Any]:
    return {**msgspec.structs.asdict(one), "item": numbers.get(one.item, "account")}


def _under_way(one: Owing, numbers: dict[int, str], day: date) -> list[dict[str, Any]]:
    """Parts that are on their way by what the books know, without those that somebody has noted."""
    noted = {(note["item"], note["reason"]) for note in one.notes}
    return [
        {"what": WORDS["pending"], "about": numbers.get(freeze.item, "?"), "until": freeze.until}
        | {"in_force": freeze.start <= day < freeze.until, "key": "", "amount": freeze.amount, "start": freeze.start}
        | {"reason": freeze.reason}
        for freeze in one.case.freezes
        if (freeze.item, freeze.reason) not in noted
    ]


def _note_of(note: Any, numbers: dict[int, str], ended: dict[int, date], day: date) -> dict[str, Any]:
    until = min(note["until"], ended.get(note["id"], date.max))
    about = numbers.get(note["item"], "account")
    names = ("key", "amount", "start", "reason")
    live = note["start"] <= day < until
    head = {"what": WORDS[note["kind"]], "about": about, "until": until, "in_force": live}
    return head | {name: note[name] for name in names}
