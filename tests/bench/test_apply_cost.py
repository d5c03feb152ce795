"""What `$apply` costs, against what cannot be saved: encoding its own answer, and validating it."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from time import process_time

import pytest

from mappings.plan import Body, Order, apply
from mappings.protocol import Protocol, load
from mappings.r4 import wire
from mappings.r4.validate import require_valid
from tests.bench.table import show
from tests.lib.plans import COURSE

pytestmark = pytest.mark.bench
SET = load("set-haplo-pdli")


def order(protocol: Protocol = SET, **changes) -> Order:
    body = Body(Decimal(70), Decimal(175), date(2026, 2, 10), date(2026, 2, 10))
    facts = {"day_zero": date(2026, 3, 2), "body": body}
    made = datetime(2026, 2, 12, 9, 0, tzinfo=UTC)
    return Order(protocol, subject="Patient/synthetic", course=COURSE, made=made, **(facts | changes))


def median_ms(act: Callable[[], object], times: int = 200) -> float:
    act()
    found = []
    for _ in range(times):
        start = process_time()
        act()
        found.append(process_time() - start)
    return statistics.median(found) * 1000


def whole(asked: Order) -> bytes:
    plan = apply(asked).care_plan
    require_valid(plan)
    return wire.encode(plan)


def test_the_whole_apply_against_encoding_and_validating_its_own_answer():
    plan = apply(order()).care_plan
    encoding, validating = median_ms(lambda: wire.encode(plan)), median_ms(lambda: require_valid(plan))
    total = median_ms(lambda: whole(order()))
    ratio = total / (encoding + validating)
    show(
        "$apply of the whole protocol, one process",
        ("encode the answer", f"{encoding:.2f} ms"),
        ("validate it (schema, invariants, what is contained)", f"{validating:.2f} ms"),
        ("whole: inputs, plan, second reckoning, validation, encoding", f"{total:.2f} ms"),
        ("whole / (encode + validate), at most 3", f"{ratio:.2f}"),
    )
    assert ratio <= 3


def grown(factor: int) -> Protocol:
    """The protocol with each of its drug lines `factor` times, under keys of their own."""
    phases = [
        replace(
            phase,
            lines=tuple(
                replace(line, key=f"{line.key}-x{number}" if number else line.key)
                for number in range(factor)
                for line in phase.lines
                if not number or line.days.until is None
            ),
        )
        for phase in SET.phases
    ]
    return replace(SET, phases=tuple(phases))


def test_cost_per_action_stays_flat_from_ten_to_a_thousand_actions():
    few = replace(SET, phases=tuple(p for p in SET.phases if p.key in ("sequential-chemotherapy", "transplant")))
    many = grown(51)
    costs = []
    for protocol in (few, SET, many):
        drugs = sum(1 for one in apply(order(protocol)).resources if one["resourceType"] == "MedicationRequest")
        costs.append((drugs, median_ms(lambda p=protocol: apply(order(p)).resources, 20) / drugs * 1000))
    ratio = max(cost for _, cost in costs) / min(cost for _, cost in costs)
    show(
        "cost per drug order",
        *((f"{drugs} orders", f"{cost:.0f} us each") for drugs, cost in costs),
        ("dearest / cheapest, at most 2.5", f"{ratio:.2f}"),
    )
    assert costs[-1][0] >= 1000
    assert costs[-1][1] <= 2.5 * costs[1][1]
