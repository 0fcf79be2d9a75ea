"""How ``tollbook dispute`` shows disputes."""

from __future__ import annotations

from engine.cli.common import coins, out, table
from engine.model.dispute import DisputeRecord
from engine.model.dispute_views import DisputeRun, Frozen, Shown, Told


def print_disputes(found: list[DisputeRecord]) -> None:
    """Print disputes, one a line."""
    columns = ("key", "account", "stage", "state", "amount", "", "reason", "due", "owner", "done")
    rows = [
        (
            d.key,
            d.account,
            d.stage,
            d.state,
            coins(d.amount, d.currency),
            d.currency,
            d.reason,
            str(d.due or ""),
            d.owner,
            str(d.closed_on or ""),
        )
        for d in found
    ]
    table("", columns, rows, right=(4,))


def print_freezes(found: list[Frozen]) -> None:
    """Print frozen parts, one a line."""
    rows = [
        (
            f.account,
            f.number,
            coins(f.freeze.amount, f.currency),
            f.currency,
            str(f.freeze.start),
            _until(f),
            f.freeze.reason,
        )
        for f in found
    ]
    table("", ("account", "document", "amount", "", "from", "until", "reason"), rows, right=(2,))


def _until(found: Frozen) -> str:
    return "open" if found.freeze.until.year == 9999 else str(found.freeze.until)


def print_told(made: Told) -> None:
    """Print how a dispute stands, and what was done about what it has cost."""
    now, dispute = made.standing, made.dispute
    money = f"{coins(now.amount, dispute.currency)} {dispute.currency}"
    end = f", done on {dispute.closed_on}" if dispute.closed_on else ""
    word = " (was known)" if made.known else ""
    out.print(f"{dispute.key}: {now.stage} of {money} is {now.state.replace('_', ' ')}{end}{word}", markup=False)
    for loss in made.losses:
        document = f" as {loss.document}" if loss.document else ""
        waits = "" if loss.done else f", waits for approval {loss.approval}"
        amount = coins(loss.amount, dispute.currency)
        out.print(
            f"  {loss.what.replace('_', ' ')} of {amount} for {loss.number or 'the fee'}{document}{waits}", markup=False
        )


def print_shown(shown: Shown) -> None:
    """Print everything about a dispute."""
    dispute, now, there = shown.dispute, shown.standing, shown.position
    of = f"payment {dispute.payment}" if dispute.payment else ", ".join(one.number for one in dispute.items)
    currency = dispute.currency
    out.print(f"{dispute.key}, a {dispute.kind} dispute of {of} by {dispute.account} ({dispute.entity})", markup=False)
    out.print(
        f"{now.stage} of {coins(now.amount, currency)} {currency}, round {now.round}: {now.state}; evidence is due "
        f"{now.due or 'never'}; {dispute.owner} is in charge, ticket {shown.ticket or 'none'}",
        markup=False,
    )
    sums = ", ".join(f"{name} {coins(getattr(there, name), currency)}" for name in ("opened", "held", "lost", "fees"))
    out.print(f"in the books: {sums}; {shown.rule}", markup=False)
    rows = [(f"{e['at']:%Y-%m-%d %H:%M}", e["kind"], e["event"], e["heard_from"]) for e in shown.events]
    table("what happened", ("at", "what", "id", "told by"), rows)
    if shown.evidence:
        files = [(e["kind"], e["name"], str(e["size"]), e["sha256"]) for e in shown.evidence]
        table("evidence", ("shows", "file", "bytes", "SHA-256"), files, right=(2,))
    if shown.missing and not dispute.closed_on:
        out.print(f"evidence that is missing: {', '.join(shown.missing)}", markup=False)
    legs = [(str(s["day"]), s["item"], coins(s["amount"], currency), s["key"]) for s in shown.settlements]
    if legs:
        table("open again, or paid again", ("day", "document", "amount", "key"), legs, right=(2,))


def print_ran(made: DisputeRun) -> None:
    """Print what a run did."""
    for key in made.expired:
        out.print(f"{key}: evidence is no longer taken; it expires", markup=False)
    for step in made.climbed:
        out.print(f"{step.dispute}: step {step.step} of {step.day}, {step.before} -> {step.to}", markup=False)
    for one in made.told:
        print_told(one)
    out.print(f"{len(made.expired)} expired, {len(made.climbed)} steps, {len(made.told)} gone on with", markup=False)
