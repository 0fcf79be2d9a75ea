"""What was answered before, answered again; README.md says how a call is found."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args, get_type_hints

import msgspec

from engine.model.cassette import Cassette, Taped, mark
from engine.ports.hookspecs import PORTS, Context, Permanent, PortFailure, Transient, Unknown, hookimpl
from engine.ports.hookspecs.psp import Capability, Description

HIDDEN: Final = "***"
"""What stands for a secret in the request log."""
FAILURES: Final[Mapping[str, type[PortFailure]]] = {"transient": Transient, "permanent": Permanent, "unknown": Unknown}


Entry = tuple[Taped, Mapping[str, Any], Mapping[str, Any] | None]
"""A call, one item of it, and its answer."""


def alike(taped: Any, asked: Any) -> bool:
    """Whether something is as it was taped; what was masked then may be anything."""
    if isinstance(taped, str) and HIDDEN in taped:
        return True
    if isinstance(taped, Mapping) and isinstance(asked, Mapping):
        return taped.keys() == asked.keys() and all(alike(taped[name], asked[name]) for name in taped)
    if isinstance(taped, list) and isinstance(asked, list | tuple):
        return len(taped) == len(asked) and all(map(alike, taped, asked))
    return bool(taped == asked)


class Player:
    """One cassette.  Nothing is called, and nothing is kept but where in the cassette it is."""

    def __init__(self, context: Context) -> None:
        self.file = str(context.settings["file"])
        try:
            data = (context.home / self.file).read_bytes()
            self.cassette = msgspec.json.decode(data, type=Cassette)
        except OSError as error:
            raise ValueError(f"the cassette {self.file!r} cannot be read: {error.strerror}") from None
        except msgspec.MsgspecError as error:
            raise ValueError(f"{self.file!r} is no cassette: {error}") from None
        self.name, self.recorded = context.adapter, context.settings["source"] or self.cassette.adapter
        self.entries: dict[tuple[str, str], list[Entry]] = {}
        self.heard: Counter[tuple[str, str]] = Counter()
        self.lock = threading.Lock()
        for call in self.cassette.calls:
            answers = {str(one.get("key")): one for one in call.answer or ()}
            for item in call.request:
                key = str(item.get("key"))
                self.entries.setdefault((call.hook, key), []).append((call, item, answers.get(key)))

    def play(self, hook: str, items: Sequence[Any]) -> list[Any]:
        """The answers to the items of a call; what failed fails again."""
        with self.lock:
            return [answer for item in items if (answer := self._answer(hook, item)) is not None]

    def _answer(self, hook: str, item: Any) -> Any:
        asked = msgspec.to_builtins(item, enc_hook=repr, str_keys=True)
        tape = [entry for entry in self.entries.get((hook, item.key), ()) if alike(entry[1], asked)]
        if not tape:
            raise Permanent(
                f"the cassette {self.file} has no call of {hook} with the item {item.key!r} as it was asked"
            )
        which = (hook, mark(item))
        call, _, answer = tape[min(self.heard[which], len(tape) - 1)]
        self.heard[which] += 1
        if call.outcome in ("failed", "timed-out"):
            raise FAILURES.get(call.kind, Unknown)(f"as on the cassette: {call.error}")
        return None if answer is None else self._read(hook, answer)

    def _read(self, hook: str, answer: Mapping[str, Any]) -> Any:
        """An answer of the kind that the hook gives."""
        spec = PORTS[self.cassette.port].spec
        (kind,) = get_args(get_type_hints(getattr(spec, hook))["return"])
        if answer.get("source") == self.recorded:
            answer = {**answer, "source": self.name}
        flaws = []
        for one in get_args(kind) or (kind,):
            try:
                return msgspec.convert(answer, one)
            except msgspec.ValidationError as error:
                flaws.append(str(error))
        raise Permanent(f"the cassette {self.file} has an answer of {hook} that is none: {'; '.join(flaws)}")

    @hookimpl
    def psp_describe(self) -> Description:
        """The methods and currencies that were paid with."""
        seen: dict[str, set[str]] = {}
        for call in self.cassette.calls:
            for item in call.request if call.hook == "psp_charge" else ():
                payload = item["payload"]
                seen.setdefault(payload["method"]["kind"], set()).add(payload["currency"])
        return Description(
            tuple(msgspec.convert({"method": m, "currencies": sorted(c)}, Capability) for m, c in seen.items())
        )

    @hookimpl
    def clearance_status(self, effects: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("clearance_status", effects)

    @hookimpl
    def clearance_submit(self, effects: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("clearance_submit", effects)

    @hookimpl
    def consent_ask(self, requests: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("consent_ask", requests)

    @hookimpl
    def delivery_receipts(self, requests: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("delivery_receipts", requests)

    @hookimpl
    def delivery_send(self, effects: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("delivery_send", effects)

    @hookimpl
    def delivery_status(self, effects: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("delivery_status", effects)

    @hookimpl
    def erp_post(self, effects: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("erp_post", effects)

    @hookimpl
    def erp_status(self, effects: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("erp_status", effects)

    @hookimpl
    def fx_rates(self, requests: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("fx_rates", requests)

    @hookimpl
    def psp_cancel(self, effects: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("psp_cancel", effects)

    @hookimpl
    def psp_capture(self, effects: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("psp_capture", effects)

    @hookimpl
    def psp_charge(self, effects: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("psp_charge", effects)

    @hookimpl
    def psp_events(self, requests: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("psp_events", requests)

    @hookimpl
    def psp_files(self, requests: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("psp_files", requests)

    @hookimpl
    def psp_payouts(self, requests: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("psp_payouts", requests)

    @hookimpl
    def psp_refund(self, effects: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("psp_refund", effects)

    @hookimpl
    def psp_status(self, effects: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("psp_status", effects)

    @hookimpl
    def registration_check(self, requests: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("registration_check", requests)

    @hookimpl
    def tax_addresses(self, requests: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("tax_addresses", requests)

    @hookimpl
    def tax_commit(self, effects: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("tax_commit", effects)

    @hookimpl
    def tax_documents(self, requests: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("tax_documents", requests)

    @hookimpl
    def tax_quote(self, requests: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("tax_quote", requests)

    @hookimpl
    def tax_refund(self, effects: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("tax_refund", effects)

    @hookimpl
    def tax_status(self, effects: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("tax_status", effects)

    @hookimpl
    def tax_void(self, effects: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("tax_void", effects)

    @hookimpl
    def usage_since(self, requests: Sequence[Any]) -> list[Any]:
        """As on the cassette."""
        return self.play("usage_since", requests)
