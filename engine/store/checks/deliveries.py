"""Checks of deliveries: every way is in the outbox and follows one that failed, and inboxes hold what was put into them."""

from __future__ import annotations

import base64
import binascii
import hashlib

import sqlalchemy as sa

from engine.base.errors import Code, Finding, Where
from engine.model.delivering import digest_of_files
from engine.store.session import Session
from engine.store.tables import DELIVERY_WAY, EFFECT, INBOX_DOCUMENT, INBOX_FILE

NOT_TIED = Code("delivery.not-tied", "A way of a document, or a document in an inbox, that the outbox does not know.")


def deliveries_tie(session: Session, tenant: str) -> list[Finding]:
    """Ways are in the outbox for the adapter that they name, those taken instead follow one that is there, and what is in an inbox was
    accepted, with the files whose digests its evidence has."""
    return [*_ways(session, tenant), *_instead(session, tenant), *_inbox(session, tenant), *_files(session, tenant)]


def _ways(session: Session, tenant: str) -> list[Finding]:
    way, effect = DELIVERY_WAY.c, EFFECT.c
    there = sa.exists().where(
        effect.tenant == tenant, effect.port == "delivery", effect.key == way.effect, effect.adapter == way.adapter
    )
    statement = sa.select(way.effect, way.adapter).where(way.tenant == tenant, ~there).order_by(way.id)
    return [_wrong(row.effect, f"its way by {row.adapter} is not in the outbox") for row in session.rows(statement)]


def _instead(session: Session, tenant: str) -> list[Finding]:
    way, before = DELIVERY_WAY.c, DELIVERY_WAY.alias("before")
    there = sa.exists().where(before.c.tenant == tenant, before.c.effect == way.instead_of)
    mine = (way.tenant == tenant, way.instead_of != "", ~there)
    statement = sa.select(way.effect, way.instead_of).where(*mine).order_by(way.id)
    return [_wrong(r.effect, f"it goes instead of {r.instead_of}, which never went") for r in session.rows(statement)]


def _inbox(session: Session, tenant: str) -> list[Finding]:
    box, effect = INBOX_DOCUMENT.c, EFFECT.c
    mine = (effect.tenant == tenant, effect.port == "delivery", effect.key == box.effect)
    statement = (
        sa.select(box.effect, box.sha256, effect.state, effect.answer)
        .select_from(INBOX_DOCUMENT.outerjoin(EFFECT, sa.and_(*mine)))
        .where(box.tenant == tenant)
        .order_by(box.id)
    )
    found = []
    for row in session.rows(statement):
        evidence = (row.answer or {}).get("evidence", {})
        if row.state != "accepted" or evidence.get("sha256") != row.sha256:
            found.append(_wrong(row.effect, "it is in an inbox, and its delivery is not accepted with its digest"))
    return found


def _files(session: Session, tenant: str) -> list[Finding]:
    file, box = INBOX_FILE.c, INBOX_DOCUMENT.c
    statement = (
        sa.select(file.inbox, file.name, file.sha256, file.content, box.effect, box.sha256.label("whole"))
        .select_from(INBOX_FILE.join(INBOX_DOCUMENT, box.id == file.inbox))
        .where(file.tenant == tenant)
        .order_by(file.inbox, file.id)
    )
    digests: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    found = []
    for row in session.rows(statement):
        digests.setdefault(row.effect, (row.whole, []))[1].append((row.name, row.sha256))
        if hashlib.sha256(_bytes(row.content)).hexdigest() != row.sha256:
            found.append(_wrong(row.effect, f"its file {row.name} is not what was put into the inbox"))
    found += [
        _wrong(effect, "its files are not those that were put into the inbox")
        for effect, (whole, files) in digests.items()
        if digest_of_files(files) != whole
    ]
    return found


def _bytes(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error:
        return b""


def _wrong(effect: str, what: str) -> Finding:
    why = "ways and inboxes are only ever added to, each with its effect"
    mend = "find what changed it, and restore the books"
    return Finding(NOT_TIED, Where(f"effect/{effect}"), f"{effect}: {what}", why, mend, subject=f"effect/{effect}")
