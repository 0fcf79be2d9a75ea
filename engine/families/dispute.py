"""Disputes: who works them, until when, with which evidence, and what a loss is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.model.decision import Family, Flaw
from engine.model.dispute import DisputeFacts


def check(terms: Mapping[str, Any]) -> Iterable[Flaw]:
    """A concession has the reason of a credit note, and evidence is named once."""
    if terms["assessment"] == "concession" and not terms["credit_reason"]:
        yield Flaw(("assessment",), "a concession without a reason of a credit note", "add credit_reason")
    if len(set(terms["evidence"])) < len(terms["evidence"]):
        yield Flaw(("evidence",), "evidence names something twice", "name each once")


FAMILY = Family(
    name="dispute",
    doc="How a disputed payment or invoice is worked and booked, and what it is when the customer gets the money: a price concession, "
    "a credit loss, or a claim that stands.",
    facts=DisputeFacts,
    selected_by="day on which the dispute began",
    outcome={
        "owner": {
            "type": "string",
            "required": True,
            "empty": False,
            "meta": {"description": "who works it: the owner of its ticket on the worklist"},
        },
        "respond_within": {
            "type": "days",
            "default": "7 days",
            "meta": {"description": "days in which evidence has to be in, where whoever told of it names no day"},
        },
        "evidence": {
            "type": "list",
            "default": [],
            "schema": {"type": "string", "minlength": 1},
            "meta": {"description": "kinds of evidence that are wanted, such as contract or usage_log"},
        },
        "money": {
            "type": "string",
            "allowed": ["invoices", "dispute_receivable"],
            "default": "invoices",
            "meta": {
                "description": "what the bank took is open again on the invoices at once (invoices), or is a receivable of its own until "
                "it is decided, and open on the invoices only when it is lost (dispute_receivable)"
            },
        },
        "assessment": {
            "type": "string",
            "allowed": ["concession", "credit_loss", "claim"],
            "required": True,
            "meta": {
                "description": "what a loss is: concession (a credit note lowers revenue, and tax in proportion), credit_loss (written off "
                "as an expense, the invoice and its tax stay), claim (the customer owes it all the same, and is dunned)"
            },
        },
        "credit_reason": {
            "type": "string",
            "default": "",
            "meta": {
                "description": "reason of the credit note of a concession; rules of crediting say who may give it and whether a second "
                "person approves"
            },
        },
        "fee": {
            "type": "string",
            "allowed": ["seller", "customer", "elsewhere"],
            "default": "seller",
            "meta": {
                "description": "the bank's fee: a cost (seller); a cost, and a debit note to the customer when the dispute is lost "
                "(customer); not posted here, because payouts post it (elsewhere)"
            },
        },
        "on_expiry": {
            "type": "string",
            "allowed": ["expired", "wait"],
            "default": "expired",
            "meta": {
                "description": "when evidence is no longer taken and none was sent: the dispute is lost as expired, or waits for the bank's word"
            },
        },
    },
    check=check,
)
