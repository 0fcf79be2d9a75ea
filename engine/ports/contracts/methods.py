"""The contract of the port ``methods`` as tests."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from engine.base.document import Shape, parse, validate
from engine.model.decision import Method
from engine.ports.contracts.harness import Setup, stage

Sample = tuple[Mapping[str, Any], Any, Any]
"""Terms of a rule as they are written, facts, and what the method makes of them."""


class MethodsContract:
    """The contract of adapters that add methods to families of rules.  Override :meth:`samples`."""

    setup: Setup
    port: ClassVar[str] = "methods"

    def samples(self) -> Mapping[tuple[str, str], Sequence[Sample]]:
        """Family and method -> what it makes of some terms and facts; at least one for each method."""
        raise NotImplementedError(f"{type(self).__name__} has no samples()")

    @pytest.fixture
    def methods(self, tmp_path: Path) -> dict[tuple[str, str], Method]:
        """What the plug-in provides, as the host takes it."""
        found = stage(self.setup, self.port, tmp_path).host.methods()
        return {(family, name): method for family, named in found.items() for name, method in named.items()}

    def test_every_method_is_described_and_shown(self, methods: dict[tuple[str, str], Method]) -> None:
        """A docstring, a description of each term, and a sample."""
        assert methods.keys() == self.samples().keys()
        for method in methods.values():
            assert (method.function.__doc__ or "").strip()
            assert [term for term, rules in method.schema.items() if not rules.get("meta", {}).get("description")] == []

    def test_a_sample_comes_to_what_it_says(self, methods: dict[tuple[str, str], Method]) -> None:
        """Its terms are such as a rule may have, and the method makes of them what is expected."""
        for which, samples in self.samples().items():
            for terms, facts, expected in samples:
                given = self.resolved(methods[which], terms)
                assert methods[which].of(given)(given, facts) == expected, which

    def test_the_same_facts_have_the_same_result(self, methods: dict[tuple[str, str], Method]) -> None:
        """Whenever, and from several threads at once; terms and facts are not changed."""
        for which, samples in self.samples().items():
            for terms, facts, expected in samples:
                given = self.resolved(methods[which], terms)
                kept, before = copy.deepcopy(given), msgspec.to_builtins(facts, enc_hook=repr)
                function = methods[which].of(given)
                with ThreadPoolExecutor(4) as pool:
                    results = list(pool.map(lambda _, f=function, g=given, x=facts: f(g, x), range(8)))
                assert results == [expected] * 8
                assert (given, msgspec.to_builtins(facts, enc_hook=repr)) == (kept, before)

    def test_a_term_that_nobody_knows_is_refused(self, methods: dict[tuple[str, str], Method]) -> None:
        """The schema names every term that the method takes."""
        for which, samples in self.samples().items():
            terms = {**samples[0][0], "no_such_term": 1}
            _, findings = validate(parse(b"", "terms"), Shape(methods[which].schema), data=terms)
            assert [finding.code for finding in findings], which

    def resolved(self, method: Method, terms: Mapping[str, Any]) -> Mapping[str, Any]:
        """Terms with units resolved and defaults filled in, as a decision has them."""
        values, findings = validate(parse(b"", "terms"), Shape(method.schema), data=dict(terms))
        assert findings == [], findings
        assert method.check is None or list(method.check(values)) == []
        return values
