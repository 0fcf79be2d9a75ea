"""Answers about tax ids, and evidence of where consumers are, kept and acted on by rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import stories

RULES = """
ruleset: tax_evidence/union
priority: 10
effective: {from: 2020-01-01}
rules:
  - {id: refused, when: account.tax_id != null and tax_id_answer == "invalid", then: {treat: consumer, note: the number is not registered}}
  - {id: unasked, when: account.tax_id != null and tax_id_answer == "none", then: {treat: hold, note: ask VIES about the number}}
  - {id: stale, when: account.tax_id != null and tax_id_age != null and tax_id_age > 90, then: {treat: as_is, note: the answer is old}}
  - {id: unproved, when: account.tax_id == null and country_differs, then: {treat: hold}}
  - {id: good, then: {treat: as_is}}
""".replace("country_differs", "account.country != entity.country and pieces < 2")
EVIDENCE = (
    "entity,account,key,kind,country,tax_id,valid,checked_on,reference,source",
    "E1,A1,v1,tax_id,DE,DE999999999,true,2025-09-01,WAPIAAAAX1,VIES",
    "E1,A2,v1,tax_id,DE,DE111111111,true,2025-01-01,WAPIAAAAX2,VIES",
    "E1,A2,v2,tax_id,DE,DE111111111,false,2025-12-31,WAPIAAAAX3,VIES",
    "E1,A3,v1,tax_id,DE,DE000000000,true,2025-12-31,WAPIAAAAX4,VIES",  # not the number that he has
    "E1,A4,a1,billing_address,FR,,true,2025-12-31,,crm",
    "E1,A4,a2,ip_address,FR,,true,2025-12-31,,web",
    "E1,A5,a1,billing_address,FR,,true,2025-12-31,,crm",
    "E1,A5,a2,ip_address,BE,,true,2025-12-31,,web",
)


@pytest.mark.capability("A5.5")
def test_evidence_says_as_whom_buyers_are_taxed(tmp_path: Path, database_url: str) -> None:
    """A good answer is the reverse charge, a bad one makes a consumer, none holds; a consumer abroad has two pieces."""
    keys = ("A1", "A2", "A3", "A4", "A5", "A6")
    places = ("DE,DE999999999", "DE,DE111111111", "DE,DE222222222", "FR,", "FR,", "NL,")
    folder = stories.write(
        tmp_path,
        rules={"tax_evidence/union.yaml": RULES},
        accounts=(
            "entity,key,name,country,tax_id,currency,zone",
            *(f"E1,{key},{key},{place},EUR,Europe/Amsterdam" for key, place in zip(keys, places, strict=True)),
        ),
        subscriptions=("entity,key,account,anchor_day", *(f"E1,S-{key},{key},1" for key in keys)),
        subscription_events=(
            "entity,subscription,key,kind,on,plan,quantity",
            *(f"E1,S-{key},1,start,2026-01-01,team,1" for key in keys),
        ),
        usage=("entity,subscription,meter,key,at,quantity",),
        tax_evidence=EVIDENCE,
    )
    with stories.opened(folder, database_url) as app:
        stories.load(app, folder / "data")
        report = stories.bill(app, "2026-01-01")
        billed = {one["payer"]: one for one in stories.invoices(app)}
        taxed = {
            key: (one["lines"][0]["tax_category"], str(one["lines"][0]["tax_rate"].normalize()))
            for key, one in billed.items()
        }
        assert taxed == {"A1": ("AE", "0"), "A2": ("S", "0.19"), "A4": ("S", "0.2"), "A6": ("S", "0.21")}
        noted = {one.subject: one.what for one in report.findings if one.code == "tax.no-evidence"}
        assert noted == {
            "account/A1": "A1 is taxed as its account says: the answer is old",
            "account/A2": "A2 is taxed as a consumer: the number is not registered",
            "account/A3": "A3 is held: ask VIES about the number",
            "account/A5": "A5 is held: evidence is missing",
        }
        told = "\n".join(f"{step.name} {step.details}" for step in app.explain(f"{billed['A2']['number']}#1").steps)
        assert "WAPIAAAAX3" in told and "not good" in told
        more = (EVIDENCE[0], "E1,A3,v2,tax_id,DE,DE222222222,true,2026-01-05,WAPIAAAAX5,VIES")
        stories.load(app, stories.deliver(folder, "more", tax_evidence=more))
        stories.bill(app, "2026-01-10")
        assert [one["payer"] for one in stories.invoices(app) if one["period"] == "2026-01-10"] == ["A3"]
        assert {name: found for name, found in app.verify().items() if found} == {}
