"""Lines whose price includes tax, as they would be without it: revenue is net."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.base.errors import Code, Finding, TollbookError, refuse
from engine.billing import invoicing
from engine.billing.crediting import credited_taxes
from engine.billing.job import Job
from engine.model.due import AccountDue, PayerDue
from engine.model.invoice import RatedCharge
from engine.runs.billing.tax_step import ask_tax
from engine.runs.run import Parts
from engine.runs.tax.fallback import fall_back
from engine.store.reader import Reader
from engine.store.reversal import reversible

NO_TAX = Code("accrual.no-tax", "A line whose price includes tax, of which nobody says how much.")


def net(
    parts: Parts, reader: Reader, job: Job, due: PayerDue, owner: AccountDue, lines: Sequence[RatedCharge]
) -> list[RatedCharge]:
    """The lines of one account, each with its net amount: its tax is asked for as a bill run of the day asks.

    Raises:
        TollbookError: ``accrual.no-tax``, and what asking for tax refuses.
    """
    findings: list[Finding] = []
    made: list[RatedCharge] = []
    places = parts.host.calls_out("tax")
    for number, draft in enumerate(
        invoicing.drafts(job.decide, job.entity, due.payer, lines, owner.contracts, job.on, frozenset())
    ):
        exempt = job.exemptions.get(due.payer.key, ())
        asked = invoicing.tax_requests(job.entity, due.payer, draft, str(number), places, exempt)
        pairs = list(zip(asked, draft.charges, strict=True))
        back = [(one.key, line) for one, line in pairs if line.credits]
        requests = [one for one, line in pairs if not line.credits and line.tax_included]
        answers, problems, silent = ask_tax(job.decide, parts.host, requests, job.on)
        findings.extend(problems)
        missing = [one for one in requests if one.key not in answers]
        if missing:
            answers.update(fall_back(parts, job, missing, silent, findings))
        if back:
            answers.update(credited_taxes(back, reversible(reader, [line.credits for _, line in back])))
        for one, line in pairs:
            if not line.tax_included:
                made.append(line)
            elif one.key in answers:
                made.append(msgspec.structs.replace(line, amount=line.amount - answers[one.key][0].amount))
            else:
                what = f"{line.charge} of {line.subscription} includes tax, and nobody says how much"
                raise TollbookError([*findings, *refuse(NO_TAX, what, mend="see why its tax cannot be told").findings])
    return made
