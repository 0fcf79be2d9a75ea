"""Schemas of messages: each is one, its example is valid by it, and the types of the code agree with it."""

from __future__ import annotations

from typing import Any

import jsonschema
import msgspec
import pytest

from engine.base.errors import TollbookError
from engine.model.exchange import INBOUND, OUTBOUND, Outbound
from engine.runs.exchange.reading import read
from engine.runs.exchange.schemas import schemas

pytestmark = pytest.mark.capability("A7.1")
ALL = schemas()


@pytest.mark.parametrize("name", ALL)
def test_the_example_of_a_schema_is_valid(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(ALL[name])
    (example,) = ALL[name]["examples"]
    jsonschema.Draft202012Validator(ALL[name]).validate(example)
    kind, _, way = name.partition(".")
    if way == "in":
        message = read(msgspec.json.encode(example).decode(), "crm")
        assert type(message.data) is INBOUND[kind].data
    else:
        msgspec.convert(msgspec.convert(example, Outbound).data, OUTBOUND[kind].data)


@pytest.mark.parametrize("name", [name for name in ALL if name.endswith(".in")])
def test_schema_and_code_refuse_the_same(name: str) -> None:
    """Each field that is required is missed by both, and one that nobody knows is refused by both."""
    (example,) = ALL[name]["examples"]
    validator = jsonschema.Draft202012Validator(ALL[name])
    data_name = ALL[name]["properties"]["data"]["$ref"].rpartition("/")[2]
    wrong: list[tuple[str, dict[str, Any]]] = [("data.colour", {**example["data"], "colour": "red"})]
    for field in ALL[name]["$defs"][data_name]["required"]:
        wrong.append((f"data.{field}", {key: value for key, value in example["data"].items() if key != field}))
    for place, data in wrong:
        bad = {**example, "data": data}
        assert not validator.is_valid(bad)
        with pytest.raises(TollbookError) as refused:
            read(msgspec.json.encode(bad).decode(), "crm")
        assert refused.value.findings[0].where.file == place
