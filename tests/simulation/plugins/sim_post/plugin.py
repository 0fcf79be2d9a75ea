"""A post office that keeps the contract of its port, by key, and answers badly when the simulation says so."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from engine.model.effect import Answer, Effect
from engine.ports.hookspecs import Context, Transient, hookimpl
from tests.simulation.outside import note, noted, said, say


class SimulatedPost:
    """Delivers each key once; writes down every receipt and every act."""

    def __init__(self, context: Context) -> None:
        self.home = context.home

    @hookimpl
    def delivery_send(self, effects: Sequence[Effect]) -> Any:
        """Take the next way of answering, and answer so."""
        state = said(self.home, "post.json")
        modes = state.get("modes", [])
        mode = modes[0] if modes else "ok"
        say(self.home, "post.json", {**state, "modes": modes[1:]})
        if mode == "transient":
            raise Transient("closed for today")
        refused = len(effects) // 2 if mode in ("partial", "retry") else 0
        done, later = effects[refused:], effects[:refused]
        answers = [self._deliver(effect, mode, state.get("sure", True)) for effect in done]
        if mode == "timeout":
            time.sleep(2.5)
        if mode == "silent":
            return None
        if mode == "retry":
            answers += [Answer(effect.key, "retry", "no stamps") for effect in later]
        if mode == "double":
            answers += answers[:1]
        return answers[::-1]

    def _deliver(self, effect: Effect, mode: str, sure: bool) -> Answer:
        """Keep the act under its key; ``final`` where the engine must have seen the answer."""
        digest = hashlib.sha256(msgspec.json.encode(effect.payload, order="sorted")).hexdigest()
        before = {act["key"]: act for act in noted(self.home, "acts.jsonl")}
        final = sure and mode in ("ok", "partial", "retry")
        note(self.home, "receipts.jsonl", {"key": effect.key, "digest": digest, "final": final})
        if effect.key in before and before[effect.key]["digest"] != digest:
            return Answer(effect.key, "rejected", "the key was used for another document")
        if effect.key not in before:
            payload = effect.payload
            act = {"key": effect.key, "digest": digest, "kind": payload["kind"], "number": payload["number"]}
            note(self.home, "acts.jsonl", act | {"total": payload["total"], "currency": payload["currency"]})
        return Answer(effect.key, "accepted", evidence={"digest": digest})
