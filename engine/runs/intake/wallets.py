"""Loading what is granted in wallets, each lot with its entry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from engine.base.errors import Finding, TollbookError
from engine.base.money import CONTEXT, ZERO
from engine.ledger.posting import determine
from engine.model.journal import FxRate
from engine.model.wallet import PROMOTIONAL
from engine.runs.intake.balances import NO_VALUE, keep_rules
from engine.runs.intake.cutting import Once
from engine.runs.intake.formats import Format
from engine.runs.intake.masters import KEY_CONFLICT
from engine.runs.intake.references import Known, resolve
from engine.runs.intake.rows import CONTRADICTION, rules_of, subject_of
from engine.runs.intake.session import CHUNK, Good, Refused, Session, Source, Tally, chunks, good_rows, refused
from engine.runs.run import Rules
from engine.runs.wallets.moves import KEY_CONFLICT as OTHERWISE
from engine.runs.wallets.moves import ROLES, Booking, Grant, digest, grant_lot
from engine.store.records import Outcome
from engine.store.writer import Writer

_RATE = Decimal("1e-12")


def load(session: Session, form: Format, sources: Sequence[Source]) -> None:
    """Load all files of grants, in chunks of one transaction each."""
    known, once = Known(session), Once(form)
    for source in sources:
        tally = session.tally(source)
        try:
            for chunk in chunks(good_rows(source, rules_of(form, session.today), tally), CHUNK):
                rows = once.fresh(resolve(known, form, chunk, tally), tally)
                good = [row for row in rows if _valued(known, form, row, tally)]
                if good:
                    tally.add(session.write(partial(_grant, session, form, known, good, tally)))
                session.show(tally)
        except Refused as error:
            refused(tally, error)


def _valued(known: Known, form: Format, row: Good, tally: Tally) -> bool:
    """Whether what a lot cost is known in functional currency; what is implied is filled in."""
    values, entity = row.values, row.values["entity"]
    currency = known.find("wallets", [(entity, values["wallet"])])[entity, values["wallet"]]["currency"]
    own = known.find("entities", [(entity,)])[entity,]["functional_currency"]
    values["cost"] = _cost(values)
    values["expires_on"] = values["expires_on"] or date.max
    values["currency"], values["functional_currency"] = currency, own
    worth = values["functional_amount"]
    if currency == own or not values["cost"]:
        values["functional_amount"] = values["cost"] if currency == own else ZERO
    elif worth is None or worth <= ZERO:
        what = f"{values['cost']} {currency} has no functional_amount"
        mend = f"say what it is in {own}"
        tally.refuse_row(Finding(NO_VALUE, row.where, what, "", mend, subject=subject_of(form, values)))
        return False
    return True


def _cost(values: dict[str, Any]) -> Any:
    if values["cost"] is not None:
        return values["cost"]
    return ZERO if values["kind"] == PROMOTIONAL else values["amount"]


def _grant(session: Session, form: Format, known: Known, rows: Sequence[Good], tally: Tally, writer: Writer) -> Outcome:
    """Grant lots; those that contradict the books are quarantined."""
    rules = session.rules()
    keep_rules(session, writer, rules)
    writer.lock_wallets(session.tenant, {(row.values["entity"], row.values["wallet"]) for row in rows})
    new = same = 0
    for row in rows:
        try:
            made = grant_lot(writer, session.tenant, _prepared(known, rules, row))
        except TollbookError as error:
            for finding in error.findings:
                code = {OTHERWISE: KEY_CONFLICT}.get(finding.code, CONTRADICTION)  # type: ignore[call-overload]
                what, subject = finding.what, subject_of(form, row.values)
                tally.refuse_row(Finding(code, row.where, what, finding.why, form.correction, subject=subject))
            continue
        new, same = new + (not made.known), same + made.known
    return Outcome(new, 0, same)


def _prepared(known: Known, rules: Rules, row: Good) -> Grant:
    values = row.values
    entity, day, currency = values["entity"], values["granted_on"], values["currency"]
    wallet = known.find("wallets", [(entity, values["wallet"])])[entity, values["wallet"]]
    account = known.find("accounts", [(entity, wallet["account"])])[entity, wallet["account"]]
    accounts = determine(rules.decide, entity, currency, day)
    booked = {str(role): accounts(role, account["country"], "") for role in ROLES}
    cost, worth = values["cost"], values["functional_amount"]
    rate = CONTEXT.divide(worth, cost).quantize(_RATE, context=CONTEXT) if cost else Decimal(1)
    fx = FxRate(currency, values["functional_currency"], rate, "import", day)
    terms = (values["kind"], values["amount"].normalize(), cost.normalize(), values["expires_on"], values["priority"])
    said = digest("grant", *terms)
    head = (entity, values["wallet"], values["key"], values["kind"], values["amount"], cost, worth, day)
    return Grant(*head, values["expires_on"], values["priority"], said, Booking(day, fx, booked))
