"""One file a family of rules: its facts, its outcome schema, its named methods.

The listing of this folder is the answer to "what can be configured?".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from engine.families import (
    accrual,
    allocation,
    approval,
    books,
    clearance,
    close,
    conditions,
    crediting,
    delivery,
    direct_debits,
    discounts,
    dispute,
    documents,
    dunning,
    erp,
    escalation,
    exceptions,
    impairment,
    intercompany,
    interest,
    invoicing,
    lateness,
    limits,
    matching,
    metering,
    numbering,
    payment_retry,
    posting,
    pricing,
    proration,
    purchase_orders,
    renewal,
    revrec,
    routing,
    stewardship,
    tax,
    tax_evidence,
    tax_fallback,
    tax_rounding,
    triggers,
    usage_control,
    wallets,
    writeoff,
)
from engine.model.decision import Family, Method

ALL: Mapping[str, Family] = MappingProxyType(
    {
        module.FAMILY.name: module.FAMILY
        for module in (
            conditions,
            usage_control,
            metering,
            lateness,
            pricing,
            discounts,
            proration,
            invoicing,
            purchase_orders,
            numbering,
            tax_evidence,
            tax,
            tax_fallback,
            tax_rounding,
            routing,
            clearance,
            posting,
            revrec,
            wallets,
            allocation,
            writeoff,
            accrual,
            impairment,
            intercompany,
            books,
            exceptions,
            crediting,
            renewal,
            limits,
            triggers,
            documents,
            delivery,
            erp,
            dunning,
            interest,
            payment_retry,
            direct_debits,
            matching,
            dispute,
            escalation,
            close,
            stewardship,
            approval,
        )
    }
)
"""Every family by name, in the order in which a bill run asks them; the last ones are asked by renewals, the API, between runs, by delivery, when money or master data come in, and when rules are proposed."""


def with_methods(provided: Mapping[str, Mapping[str, Method]]) -> dict[str, Family]:
    """Every family, with the methods that plug-ins add to it."""
    return {
        name: msgspec.structs.replace(family, methods={**family.methods, **provided[name]})
        if name in provided
        else family
        for name, family in ALL.items()
    }
