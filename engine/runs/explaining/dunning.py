"""Why a customer was dunned, or was not: the steps that were taken, what they cost, what stands against asking, and the rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from engine.base.errors import Code, refuse
from engine.base.money import ZERO, written
from engine.model.dunning import detail_of
from engine.runs.explaining.again import Again
from engine.runs.explaining.words import Details, Explanation, RulesOf, Step, first, rule_of
from engine.store import tracing
from engine.store.reader import Reader

NO_SUCH_ACCOUNT = Code("explain.no-such-account", "An account that is to be explained and is not in the books.")
KIND = "dunning"


def explain_dunning(
    reader: Reader, tenant: str, rules_of: RulesOf, again: Again, name: tuple[str, str, str], everything: bool
) -> Explanation:
    """Explain the dunning of an account, ``name`` being its legal entity, its key and a step (empty: all of them).

    Raises:
        TollbookError: ``explain.no-such-account``.
    """
    entity, key, wanted = name
    if key not in reader.accounts(tenant, entity, [key]):
        mend = "write dunning:ENTITY/ACCOUNT, or dunning:ENTITY/ACCOUNT/STEP; `tollbook dunning show` lists accounts"
        raise refuse(NO_SUCH_ACCOUNT, f"{entity} has no account {key!r}", mend=mend)
    rows = [row for row in reader.dunning_steps(tenant, entity, [key]) if wanted in ("", row["step"])]
    steps = _against(reader, tenant, entity, key)
    claims = reader.dunning_claims(tenant, entity, [key])
    chosen = tracing.decisions(reader, sorted({row["decision"] for row in (*rows, *claims) if row["decision"]}))
    for row in rows:
        steps += _taken(row, claims, chosen)
    by = [reader.run(ident) for ident in sorted({row["run_id"] for row in rows}, reverse=True)]
    looked = [run for run in by if run is not None and run.kind == KIND]
    if not rows and not wanted:
        looked = [*islice(reader.runs_back(tenant, KIND), 1)]
    for run in looked if everything else looked[:1]:
        steps.append(Step("asked again", f"what run {run.id} of {run.period} asked of the rules"))
        steps += again.dunning(rules_of, run, key, everything)
    release = looked[0].release if looked else ""
    asked = sum((row["asked"] for row in rows[-1:]), ZERO)
    amount = f"{written(asked, rows[-1]['currency'])} asked last" if rows else "nothing was asked"
    subject = f"dunning:{entity}/{key}" + (f"/{wanted}" if wanted else "")
    return Explanation(subject, f"{len(rows)} steps were taken", amount, release, tuple(steps))


def _against(reader: Reader, tenant: str, entity: str, key: str) -> list[Step]:
    """Holds, promises, instalments and the like, with their days and reasons."""
    notes = reader.dunning_notes(tenant, entity, [key])
    ended = {note["ends"]: note for note in notes if note["ends"]}
    steps = []
    for note in notes:
        if note["ends"]:
            continue
        end = ended.get(note["id"])
        until = f"ended on {end['start']}: {end['reason']}" if end else f"until {note['until']}"
        details: Details = tuple((str(name), str(value)) for name, value in detail_of(note["detail"]).items())
        money = f" of {written(note['amount'], note['currency'])}" if note["amount"] else ""
        steps.append(
            Step(
                "hold", f"{note['kind']}{money} {note['key']} from {note['start']}, {until}; {note['reason']}", details
            )
        )
    return steps


def _taken(
    row: Mapping[str, Any], claims: Sequence[Mapping[str, Any]], chosen: Mapping[int, Mapping[str, Any]]
) -> list[Step]:
    """A step that was taken: for which documents, by which rule, at what cost, and its letter."""
    money = f"{written(row['asked'], row['currency'])}"
    text = f"{row['step']} on {row['day']} (planned {row['planned']}): {row['action']} by {row['channel'] or 'nobody'}, {money}"
    details: list[tuple[str, str]] = []
    if row["decision"] in chosen:
        details.append(("rule", rule_of(chosen[row["decision"]])))
    details += [(str(one["number"]), ", ".join(f"{k} {v}" for k, v in one.items() if k not in ("item", "number"))) for one in row["items"]]  # fmt: skip
    if row["effect"]:
        details.append(("letter", row["effect"]))
    steps = [Step("step", text, first(tuple(details), everything=False))]
    for claim in claims:
        if claim["step_id"] == row["id"]:
            rule = chosen.get(claim["decision"])
            told = f"{claim['kind'].replace('_', ' ')} {claim['name']} {written(claim['amount'], claim['currency'])}, {claim['basis']}"
            details = [("days", f"{claim['start']} to {claim['until']}")]
            details += [("rule", rule_of(rule))] if rule else []
            steps.append(Step("cost", told.strip(), tuple(details)))
    return steps
