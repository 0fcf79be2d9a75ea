"""Effects that a plug-in tells one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.model.effect import Answer, Effect
from engine.ports.hookspecs.plugin import PortFailure


def one_by_one(effects: Sequence[Effect], act: Callable[[Effect], Answer]) -> list[Answer]:
    """The answers to effects that are told one after the other.

    A failure in which nothing was done is raised as it is where it is the first; after others were told, it is ``retry`` for
    that effect and the rest.

    Raises:
        PortFailure: as ``act`` did.
    """
    answers: list[Answer] = []
    for effect in effects:
        try:
            answers.append(act(effect))
        except PortFailure as failure:
            if not answers or failure.kind == "unknown":
                raise
            left = effects[len(answers) :]
            return [*answers, *(Answer(other.key, "retry", str(failure)) for other in left)]
    return answers
