"""Whatever somebody sends, the answer is ours: never a 500, always an OperationOutcome, nothing stored half."""

from __future__ import annotations

import copy

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mappings.r4.wire import decode
from tests.unit.adapter.web.applying import ADA, ENROLMENT, parameters, weight

FOLLOW_UP = {
    "centre": "FR-037",
    "patient": "P-0001",
    "visit": "m3",
    "date": "2026-06-02",
    "vital_status": {"status": "alive", "date": "2026-06-02"},
    "engraftment": {"neutrophils": {"status": "engrafted", "date": "2026-03-17"}},
    "response": {"date": "2026-05-30", "category": "CR", "mrd": {"result": "negative", "method": "flow"}},
    "gvhd": {"assessed": "2026-06-02", "acute": [{"onset": "2026-04-20", "grade": "II", "skin": 3}]},
}
APPLY = parameters(data=[ADA, weight("ada", "70")])
CAREFUL = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

_leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.decimals(allow_nan=False, allow_infinity=False, places=2),
    st.text(max_size=8),
    st.sampled_from(["2026-02-30", "Patient/x", "\x00", "70 kg", "alive", "kg", "$", "a.b", "\U0001f600"]),
)
anything = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places(node, above=()):
    """The path of every value in a document."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, inner in items:
        yield (*above, key)
        yield from places(inner, (*above, key))


@st.composite
def spoilt(draw, document):
    """The document with one or two of its values replaced by anything, or removed."""
    made = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 2))):
        *above, last = draw(st.sampled_from(sorted(places(made), key=str)))
        node = made
        for key in above:
            node = node[key]
        if isinstance(node, dict) and draw(st.booleans()):
            del node[last]
        else:
            node[last] = draw(anything)
        if not made:
            break
    return made


def judged(answer):
    """The answer is a success, or a refusal in our shape that names something."""
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.content_type.startswith("application/fhir+json")
        assert decode(answer.data)["issue"][0]["diagnostics"]


@CAREFUL
@given(document=anything | spoilt(ENROLMENT))
def test_any_enrolment(ward, document):
    judged(ward.ask("POST", "/enrolments", document=document))


@CAREFUL
@given(document=anything | spoilt(FOLLOW_UP))
def test_any_follow_up(ward, document):
    ward.ask("POST", "/enrolments", document=ENROLMENT)
    judged(ward.ask("POST", "/follow-ups", document=document))


@CAREFUL
@given(document=anything | spoilt(APPLY), operation=st.sampled_from(["apply", "r5.apply"]))
def test_any_question_for_a_plan(ward, document, operation):
    judged(ward.ask("POST", f"/fhir/PlanDefinition/set-haplo-pdli/${operation}", "ehr", document=document))
    judged(ward.ask("POST", f"/fhir/PlanDefinition/${operation}", "ehr", document=document))


@CAREFUL
@given(data=st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_bytes(ward, data):
    for path in ("/enrolments", "/follow-ups", "/fhir/PlanDefinition/$apply"):
        judged(ward.ask("POST", path, data=data, content_type="application/json"))
    judged(ward.ask("POST", "/webhook/chu-a", None, data=data, headers={"Authorization": "Bearer open sesame"}))


NAMES = "_id identifier patient subject status code date value-quantity title _profile _tag _lastUpdated x".split()
NAMES += "code:not date:missing subject:Patient title:contains _count _after _sort _include _revinclude".split()
NAMES += "_summary _elements _total _format".split()


@CAREFUL
@example(kind="Observation", query=[("date:missing", "\x00")])
@given(
    kind=st.sampled_from(["Patient", "Observation", "CarePlan", "PlanDefinition"]),
    query=st.lists(st.tuples(st.sampled_from(NAMES), st.text("aeP/|,\\$09-é\x00 :*%", max_size=6)), max_size=3),
)
def test_any_search(ward, kind, query):
    judged(ward.ask("GET", f"/fhir/{kind}", query_string=query))
    judged(ward.ask("POST", f"/fhir/{kind}/_search", data=dict(query)))


@pytest.mark.parametrize("id_", ["%00", "..", "a" * 5000, "%F0%9F%98%80", "%ff", "a%2Fb", "'; DROP TABLE", "-"])
@pytest.mark.parametrize("path", ["/fhir/Patient/{}", "/fhir/Patient/{}/_history", "/enrolments/{}", "/follow-ups/{}"])
def test_any_id(ward, path, id_):
    judged(ward.ask("GET", path.format(id_)))
