"""By which way a letter goes: the first that the customer consents to, as port ``consent`` says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from engine.base.errors import Code, Finding, TollbookError, Where
from engine.model.account import Account
from engine.model.dunning import Step
from engine.model.routing import RoutingFacts
from engine.ports.consent_answers import consent_flaws
from engine.ports.failure import AdapterFailed
from engine.ports.hookspecs.consent import Consent, ConsentRequest
from engine.runs.run import Parts

NOT_KNOWN = Code("dunning.consent-not-known", "A letter that waits, because nobody could say whether it may go.")
NO_CHANNEL = Code(
    "dunning.no-channel", "A step without a letter, because the customer consents to none of its channels."
)

PORT: Final = "consent"
PURPOSE: Final = "dunning"
NONE: Final = "none"


class Asked(msgspec.Struct, frozen=True):
    """Who is to be written to by which step; ``key`` names it.  ``unsaid`` says that no signal is a yes."""

    key: str
    account: Account
    step: Step
    currency: str
    unsaid: bool = False


class Way(msgspec.Struct, frozen=True):
    """By which ``channel`` a letter goes, empty where by none, and what was answered for each.

    ``waits`` says that it is not known whether it may go.
    """

    channel: str
    consent: dict[str, Any] = {}
    waits: bool = False
    findings: tuple[Finding, ...] = ()


def ways(parts: Parts, asked: Sequence[Asked], day: date) -> dict[str, Way]:
    """By which way each letter goes, by key.  Where no adapter is asked, that is the first channel of the step.

    A source that fails has not consented: the letter waits, unless the law requires it.
    """
    adapters = _adapters(parts, asked, day)
    answers: dict[tuple[str, str], Consent] = {}
    failed: dict[str, str] = {}
    for name in sorted(set(adapters.values()) - {NONE}):
        mine = [one for one in asked if adapters[one.key] == name]
        requests = {_name(one, channel): _request(one, channel) for one in mine for channel in one.step.channels}
        try:
            told: Sequence[Consent] = parts.host.ask(name, "consent_ask", list(requests.values()), consent_flaws)
        except AdapterFailed as failure:
            told, failed[name] = failure.answered, "; ".join(dict.fromkeys(f.what for f in failure.findings))
        except TollbookError as failure:
            told, failed[name] = (), "; ".join(dict.fromkeys(f.what for f in failure.findings))
        by_key = {answer.key: answer for answer in told}
        for one in mine:
            for channel in one.step.channels:
                if _name(one, channel) in by_key:
                    answers[one.key, channel] = by_key[_name(one, channel)]
    return {one.key: _way(one, adapters[one.key], answers, failed.get(adapters[one.key], "")) for one in asked}


def adapter_for(parts: Parts, account: Account, currency: str, channel: str, day: date) -> str:
    """The adapter that brings a letter; ``none`` where nobody does.

    Raises:
        TollbookError: ``rule.no-answer`` of routing.
    """
    facts = RoutingFacts("delivery", account.entity, account.country, currency, day, channel)
    name: str = parts.rules.decide("routing", facts, day).terms["adapter"]
    return name


def _adapters(parts: Parts, asked: Sequence[Asked], day: date) -> dict[str, str]:
    """Who is asked for each; nobody where no adapter of the port is there."""
    if not parts.host.adapters(PORT):
        return dict.fromkeys((one.key for one in asked), NONE)
    return {
        one.key: parts.rules.decide(
            "routing", RoutingFacts(PORT, one.account.entity, one.account.country, one.currency, day), day
        ).terms["adapter"]
        for one in asked
    }


def _way(one: Asked, adapter: str, answers: Mapping[tuple[str, str], Consent], failed: str) -> Way:
    channels = one.step.channels
    if adapter == NONE or not channels:
        return Way(channels[0] if channels else "")
    told = {channel: answers[one.key, channel] for channel in channels if (one.key, channel) in answers}
    consent: dict[str, Any] = {
        channel: {"state": answer.state, "source": answer.source, "since": answer.since and answer.since.isoformat()}
        for channel, answer in told.items()
    }
    for channel in channels:
        if channel not in told and not one.step.by_law:
            return Way("", consent, True, (_waits(one, adapter, channel, failed),))
        if channel in told and (told[channel].state == "given" or (one.unsaid and told[channel].state == "unknown")):
            return Way(channel, consent)
    if one.step.by_law:
        return Way(channels[-1], consent | {"by_law": True})
    return Way("", consent, False, (_silent(one, consent),))


def _name(one: Asked, channel: str) -> str:
    return f"{one.key}/{channel}"


def _request(one: Asked, channel: str) -> ConsentRequest:
    return ConsentRequest(_name(one, channel), one.account.entity, one.account.key, channel, PURPOSE)


def _subject(one: Asked) -> str:
    return f"account/{one.account.entity}/{one.account.key}"


def _waits(one: Asked, adapter: str, channel: str, failed: str) -> Finding:
    said = f": {failed}" if failed else ""
    what = f"{adapter} did not say whether {one.account.key} may be written to by {channel}{said}"
    why = "what is not known is no consent; the step is taken once it is"
    return Finding(NOT_KNOWN, Where(f"adapter/{adapter}"), what, why, "run dunning again", subject=_subject(one))


def _silent(one: Asked, consent: Mapping[str, Any]) -> Finding:
    said = ", ".join(f"{channel} {answer['state']}" for channel, answer in consent.items())
    what = f"step {one.step.name} of {one.account.key} goes without a letter: {said}"
    mend = "ask the customer for consent, or name another channel in the rule"
    return Finding(NO_CHANNEL, Where(f"account/{one.account.key}"), what, "", mend, "warning", _subject(one))
