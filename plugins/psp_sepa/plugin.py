"""Direct debits of the SEPA schemes as files for a bank, and what the bank says of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime, time
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from engine.base import iban
from engine.model.effect import Answer, Effect
from engine.model.payment import PaymentAnswer, PaymentRequest
from engine.ports.hookspecs import Context, hookimpl
from engine.ports.hookspecs.places import Folder, Place
from engine.ports.hookspecs.psp import (
    Capability,
    Description,
    EventRequest,
    Events,
    FileRequest,
    Files,
    PaymentFile,
)

from . import pain008, reasons, refunds
from .charset import plain
from .days import CutOff
from .events import Reading
from .kept import Kept, Sent, digest_of
from .pain008 import Batch, Collection, Creditor, Unfit

READS: Final = ("pain.002", "camt.053", "camt.054")
SETTLES: Final = 2
"""Days of settlement from sending a file to money, at the earliest."""


class PspSepa:
    """Collects by files.  Its journal knows which collection is in which file, so that none is in two."""

    def __init__(self, context: Context) -> None:
        given = self.settings = context.settings
        names = Creditor.__struct_fields__
        told = {"name": given["creditor_name"], "identifier": iban.compact(given["creditor_id"])}
        told |= {"iban": iban.compact(given["iban"]), "bic": iban.compact(given["bic"])}
        self.creditor = Creditor(**{name: told.get(name) or given.get(name, "") for name in names})
        for name, wrong in (
            ("creditor_id", iban.creditor_fault(self.creditor.identifier)),
            ("iban", iban.iban_fault(self.creditor.iban)),
            ("bic", self.creditor.bic and iban.bic_fault(self.creditor.bic)),
        ):
            if wrong:
                raise ValueError(f"{name}: {given[name]!r} {wrong}")
        self.zone = ZoneInfo(given["zone"])
        ahead = {"CORE": given["core_days"], "B2B": given["b2b_days"]}
        self.cut_off = CutOff(time.fromisoformat(given["cut_off"]), ahead)
        self.kept = Kept(context.home / f"out/{context.adapter}.db")
        self.folder = Folder(context.home / given["folder"])
        self._password = context.secrets["password"] if given["host"] else ""
        if given["host"] and not given["host_key"]:
            raise ValueError("host_key: an SFTP server has to be known by its public key; ssh-keyscan prints it")

    @hookimpl
    def psp_describe(self) -> Description:
        """Direct debits in euros from accounts within SEPA."""
        one = Capability(
            "sepa_debit",
            currencies=("EUR",),
            countries=tuple(iban.SEPA),
            least=pain008.LEAST,
            most=pain008.MOST,
            settlement_days=SETTLES,
            cost_fixed=Decimal(self.settings["cost"]),
        )
        return Description((one,), (self.settings["message"], refunds.VERSIONS[self.settings["message"]], *READS))

    @hookimpl
    def psp_charge(self, effects: Sequence[Effect]) -> list[Answer]:
        """Put the collections that were not put under their keys into one file, and the file where the bank takes it."""
        with self.kept.held():
            return self._charged(effects)

    @hookimpl
    def psp_refund(self, effects: Sequence[Effect]) -> list[Answer]:
        """Send money back to the accounts that it was collected from, as one file of credit transfers."""
        with self.kept.held():
            fresh, answers = refunds.sorted_out(effects, self.kept, self.creditor)
            if fresh:
                moment = self._now()
                name, data = refunds.file_of(fresh, self.creditor, self.settings["message"], moment)
                said = {one.key: one.answer(name) for one in fresh}
                sent = [Sent(one.key, one.digest, name, one.end_to_end, said[one.key]) for one in fresh]
                self.kept.begin(name, data, {}, sent)
            return self._sent(effects, answers)

    @hookimpl
    def psp_status(self, effects: Sequence[Effect]) -> list[Answer]:
        """What the journal has under each key; a file that may not have reached the bank is put again by telling."""
        return [
            self._known(effect) or Answer(effect.key, "retry", "nothing was put under the key") for effect in effects
        ]

    @hookimpl
    def psp_files(self, requests: Sequence[FileRequest]) -> list[Files]:
        """The file of the payments, as it would be put at noon of the day; nothing is put or kept."""
        return [self._previewed(request) for request in requests]

    @hookimpl
    def psp_events(self, requests: Sequence[EventRequest]) -> list[Events]:
        """What pain.002, camt.053 and camt.054 say of collections of ours."""
        reading = Reading(self.kept, self.creditor.iban)
        return [reading.events(request) for request in requests]

    def _now(self) -> datetime:
        return datetime.now(self.zone)

    def _known(self, effect: Effect) -> Answer | None:
        """The answer under a key that was taken before; None for one whose file is not known to have arrived."""
        sent = self.kept.sent(effect.key)
        if sent is None:
            return None
        if sent.digest != digest_of(effect.payload):
            return Answer(effect.key, "rejected", "the key was used before for something else")
        return Answer(effect.key, "accepted", evidence=sent.evidence) if self.kept.arrived(sent.file) else None

    def _charged(self, effects: Sequence[Effect]) -> list[Answer]:
        answers: dict[str, Answer] = {}
        fresh: dict[str, PaymentRequest] = {}
        for effect in effects:
            known = self._known(effect)
            if known is not None:
                answers[effect.key] = known
            elif self.kept.sent(effect.key) is None:
                request = _request(effect, answers)
                if request is not None:
                    fresh[effect.key] = request
        moment = self._now()
        batch, left = self._batch(fresh, moment)
        answers |= {key: _declined(key, why) for key, why in left.items()}
        if batch.groups:
            self._begin(batch, {effect.key: effect for effect in effects}, moment)
        return self._sent(effects, answers)

    def _batch(self, requests: dict[str, PaymentRequest], moment: datetime) -> tuple[Batch, dict[str, Unfit]]:
        """The file of the payments that can be collected, and why the others cannot."""
        left: dict[str, Unfit] = {}
        collections = []
        names: set[str] = set()
        for key, request in requests.items():
            name = pain008.end_to_end(key, request)
            if self.kept.key_of(name) not in (None, key) or name in names:
                name = pain008.end_to_end(key, msgspec.structs.replace(request, attempt=0))
            wrong = pain008.unfit(request, self.creditor)
            mandate = request.method.mandate
            if wrong is not None or mandate is None:
                left[key] = wrong or Unfit("MD01", "there is no mandate")
                continue
            names.add(name)
            scheme = pain008.SCHEMES[mandate.scheme]
            due = self.cut_off.due(request.day, moment, scheme)
            words = request.text or ", ".join(item.number for item in request.items) or request.reference
            collections.append(Collection(key, name, request.amount, due, scheme, mandate, plain(words, 140)))
        return pain008.batch_of(collections), left

    def _begin(self, batch: Batch, effects: dict[str, Effect], moment: datetime) -> None:
        """Write down which collection is in which file, with the file: from here on they are in no other."""
        data = pain008.file_of(batch, self.creditor, self.settings["message"], moment)
        sent = []
        for group, some in batch.groups.items():
            for one in some:
                answer = PaymentAnswer(one.end_to_end, "processing", one.amount, "EUR")
                more = {"file": batch.message_id, "group": group, "due": one.due.isoformat(), "scheme": one.scheme}
                evidence = {**_plain(answer), **more, "reference": effects[one.key].payload["reference"]}
                sent.append(
                    Sent(one.key, digest_of(effects[one.key].payload), batch.message_id, one.end_to_end, evidence)
                )
        groups = {name: [one.end_to_end for one in some] for name, some in batch.groups.items()}
        self.kept.begin(batch.message_id, data, groups, sent)

    def _sent(self, effects: Sequence[Effect], answers: dict[str, Answer]) -> list[Answer]:
        """Put the files that have not arrived; the answers of all."""
        waiting = [effect.key for effect in effects if effect.key not in answers]
        files = {sent.file for key in waiting if (sent := self.kept.sent(key)) is not None}
        if files:
            with self._place() as place:
                for name in sorted(files):
                    data = self.kept.content(name)
                    where = place.put(f"{name}.xml", data)
                    self.kept.end(name, where, sha256(data).hexdigest())
        for key in waiting:
            entry = self.kept.sent(key)
            assert entry is not None
            answers[key] = Answer(key, "accepted", evidence=entry.evidence)
        return [answers[effect.key] for effect in effects]

    def _previewed(self, request: FileRequest) -> Files:
        moment = datetime.combine(request.day, time(), self.zone)
        batch, left = self._batch(request.payments, moment)
        said = {key: f"{why.code}: {why.text}" for key, why in left.items()}
        if not batch.groups:
            return Files(request.key, (), said)
        version = self.settings["message"]
        data = pain008.file_of(batch, self.creditor, version, moment)
        keys = tuple(one.key for some in batch.groups.values() for one in some)
        return Files(request.key, (PaymentFile(f"{batch.message_id}.xml", version, data, keys),), said)

    def _place(self) -> AbstractContextManager[Place]:
        given = self.settings
        if not given["host"]:
            return nullcontext(self.folder)
        from engine.ports.hookspecs.sftp import Server

        names = ("host", "port", "user", "host_key", "folder")
        return Server(password=self._password, **{name: given[name] for name in names}).connected()


def _request(effect: Effect, answers: dict[str, Answer]) -> PaymentRequest | None:
    try:
        return msgspec.convert(effect.payload, PaymentRequest, strict=False)
    except msgspec.ValidationError as error:
        answers[effect.key] = Answer(effect.key, "rejected", f"the payload is no payment: {error}")
        return None


def _declined(key: str, why: Unfit) -> Answer:
    reason = f"{reasons.reason(why.code).kind}: {why.text}"
    return Answer(key, "rejected", reason, _plain(PaymentAnswer(state="failed", code=why.code)))


def _plain(answer: PaymentAnswer) -> dict[str, Any]:
    made: dict[str, Any] = msgspec.to_builtins(answer, enc_hook=str, builtin_types=())
    return made
