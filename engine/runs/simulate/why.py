"""Why another rule answers than before, in words: what of a condition holds now, or fails, that did not."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from engine.model.decision import Trace, Tried


def told(names: tuple[str, str], known: Sequence[Collection[str]], before: Trace, after: Trace) -> tuple[str, ...]:
    """Why the rule ``names[1]`` answers where ``names[0]`` did; ``known`` are the rules of both sides, and both traces are of the
    same facts."""
    one, other = names
    was, now = _by_name(before).get(other), _by_name(after).get(one)
    found = []
    if one not in known[1]:
        found.append(f"{one} is gone")
    elif now is not None and not now.matched:
        found.append(f"{one} no longer holds: {now.failed}{_near(now)}")
    if other not in known[0]:
        new = _by_name(after).get(other)
        found.append(f"{other} is new: {new.condition if new is not None and new.condition else 'always holds'}")
    elif was is not None and not was.matched:
        found.append(f"{other} holds and did not: {was.failed}{_near(was)}")
    return tuple(found) or (f"{other} is asked before {one}",)


def _by_name(trace: Trace) -> Mapping[str, Tried]:
    return {f"{one.ruleset}#{one.rule}": one for one in trace.tried}


def _near(one: Tried) -> str:
    return f" ({one.near})" if one.near else ""
