"""A call of a service, and feedback: every member that is needed is checked, with its path; the rest is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.plan import hook_call, hook_feedback
from mappings.r4.faults import FaultyInput

INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
CONTEXT = {"userId": "Practitioner/1", "patientId": "ehr-1"}
ORDER = {"resourceType": "MedicationRequest", "id": "m1", "subject": {"reference": "Patient/ehr-1"}}


def call(hook="patient-view", context=(), **more):
    said = {"hook": hook, "hookInstance": INSTANCE, "context": {**CONTEXT, **dict(context)}} | more
    return {name: value for name, value in said.items() if value is not None}


def bundle(*resources, **entry):
    return {"resourceType": "Bundle", "entry": [{"resource": one, **entry} for one in resources]}


def faults(document, service="regimen-standing"):
    with pytest.raises(FaultyInput) as refused:
        hook_call.read(document, service)
    return [fault.path for fault in refused.value.faults]


def test_a_sound_call_is_read():
    said = call(prefetch={"patient": None}, fhirServer="https://ehr.example/fhir", extension={"x": 1})
    read = hook_call.read(said, "regimen-standing")
    assert (read.hook, read.instance, read.patient, read.drafts) == ("patient-view", INSTANCE, "ehr-1", {})
    assert hook_call.read(call(context={"patientId": "Patient/ehr-1"}), "regimen-standing").patient == "ehr-1"


@pytest.mark.parametrize(
    ("document", "paths"),
    [
        ([], ["hook", "hookInstance", "context"]),
        (None, ["hook", "hookInstance", "context"]),
        (call(hook="order-sign"), ["hook", "context.draftOrders"]),
        (call(hook=7), ["hook"]),
        (call(hookInstance="1"), ["hookInstance"]),
        (call(hookInstance=None), ["hookInstance"]),
        (call(hookInstance=f"urn:uuid:{INSTANCE}"), ["hookInstance"]),
        (call() | {"context": "x"}, ["context"]),
        (call(context={"patientId": " "}), ["context.patientId"]),
        (call(context={"userId": None}), ["context.userId"]),
        (call(prefetch=[]), ["prefetch"]),
        (call(fhirAuthorization={"access_token": "x"}), ["fhirServer"]),
        (call(prefetch={"patient": {"resourceType": "Patient", "id": "ehr-2"}}), ["prefetch.patient"]),
    ],
)
def test_each_member_that_is_missing_or_wrong_is_named(document, paths):
    assert faults(document) == paths


@pytest.mark.parametrize(
    ("context", "paths"),
    [
        ({}, ["context.draftOrders", "context.selections"]),
        ({"draftOrders": ORDER, "selections": []}, ["context.draftOrders"]),
        ({"draftOrders": {"resourceType": "Bundle", "entry": {}}, "selections": []}, ["context.draftOrders.entry"]),
        ({"draftOrders": bundle({"id": "x"}), "selections": []}, ["context.draftOrders.entry[0].resource"]),
        (
            {"draftOrders": {"resourceType": "Bundle", "entry": [7]}, "selections": []},
            ["context.draftOrders.entry[0].resource"],
        ),
        ({"draftOrders": bundle(ORDER), "selections": ["MedicationRequest/m2"]}, ["context.selections[0]"]),
        ({"draftOrders": bundle(ORDER), "selections": [7]}, ["context.selections[0]"]),
        (
            {"draftOrders": bundle(ORDER | {"subject": {"reference": "Patient/ehr-2"}}), "selections": ["m1"]},
            ["context.draftOrders.entry[0].resource.subject"],
        ),
    ],
)
def test_drafts_and_selections_are_those_of_this_patient(context, paths):
    assert faults(call("order-select", context), "order-check") == paths


def test_selected_orders_are_asked_about_and_all_of_them_when_signing():
    other = ORDER | {"id": "m2", "subject": {}}
    context = {"draftOrders": bundle(ORDER, other), "selections": ["MedicationRequest/m2", "m2"]}
    select = hook_call.read(call("order-select", context), "order-check")
    assert (list(select.drafts), select.chosen) == (
        ["MedicationRequest/m1", "MedicationRequest/m2"],
        ("MedicationRequest/m2",),
    )
    sign = hook_call.read(call("order-sign", context), "order-check")
    assert sign.chosen == ("MedicationRequest/m1", "MedicationRequest/m2")
    assert hook_call.read(call("order-sign", {"draftOrders": {"resourceType": "Bundle"}}), "order-check").chosen == ()


def test_an_order_without_an_id_is_known_by_its_place():
    nameless = {name: said for name, said in ORDER.items() if name != "id"}
    read = hook_call.read(call("order-sign", {"draftOrders": bundle(nameless, fullUrl="urn:uuid:1")}), "order-check")
    assert read.chosen == ("MedicationRequest/entry-0",)
    assert set(read.linked) == {"MedicationRequest/entry-0", "urn:uuid:1"}


@pytest.mark.parametrize(
    ("prefetch", "fetched"),
    [
        ({}, None),
        ({"patient": None}, None),
        ({"patient": {"resourceType": "OperationOutcome"}}, None),
        ({"patient": {"resourceType": "Patient", "id": "ehr-1"}}, {"resourceType": "Patient", "id": "ehr-1"}),
    ],
)
def test_what_was_not_prefetched_is_not_assumed(prefetch, fetched):
    assert hook_call.read(call(prefetch=prefetch), "regimen-standing").fetched("patient") == fetched


def test_the_discovery_lists_what_can_be_called():
    services = hook_call.discovery()["services"]
    assert [(one["id"], one["hook"]) for one in services] == [
        ("regimen-standing", "patient-view"),
        ("order-check", "order-select"),
        ("order-check", "order-sign"),
    ]
    assert all(hook_call.known(one["id"]) for one in services)
    assert not hook_call.known("another")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "context",
                    "hook",
                    "draftOrders",
                    "entry",
                    "resource",
                    "selections",
                    "prefetch",
                    "patient",
                    "resourceType",
                    "id",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["regimen-standing", "order-check"]))
def test_nothing_that_is_sent_is_an_error_of_ours(document, service):
    with pytest.raises(FaultyInput):
        hook_call.read(document, service)
    with pytest.raises(FaultyInput):
        hook_feedback.read(document)


OVERRIDDEN = {"card": INSTANCE, "outcome": "overridden", "outcomeTimestamp": "2026-07-02T10:05:31Z"}


def test_feedback_is_read():
    accepted = OVERRIDDEN | {
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": "s"}],
        "outcomeTimestamp": "2026-07-02t10:05:31.5+02:00",
    }
    why = {"reason": {"system": "urn:x", "code": "override-newer-facts"}, "userComment": "seen today"}
    one, two, three = hook_feedback.read({"feedback": [OVERRIDDEN, accepted, OVERRIDDEN | {"overrideReason": why}]})
    assert (one.card, one.outcome, one.reason, one.comment) == (INSTANCE, "overridden", None, None)
    assert (two.outcome, two.suggestions) == ("accepted", ("s",))
    assert (three.reason, three.comment) == ("urn:x|override-newer-facts", "seen today")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"card": None}, "card"),
        ({"outcome": "ignored"}, "outcome"),
        ({"outcome": None}, "outcome"),
        ({"outcomeTimestamp": "2026-07-02"}, "outcomeTimestamp"),
        ({"outcomeTimestamp": "2026-07-02T10:05:31"}, "outcomeTimestamp"),
        ({"outcomeTimestamp": "2026-02-30T10:05:31Z"}, "outcomeTimestamp"),
        ({"outcomeTimestamp": 7}, "outcomeTimestamp"),
        ({"outcome": "accepted"}, "acceptedSuggestions"),
        ({"outcome": "accepted", "acceptedSuggestions": [{}]}, "acceptedSuggestions"),
        ({"overrideReason": "no"}, "overrideReason"),
    ],
)
def test_feedback_that_cannot_be_read_names_its_member(changes, path):
    with pytest.raises(FaultyInput) as refused:
        hook_feedback.read({"feedback": [OVERRIDDEN, OVERRIDDEN | changes]})
    assert [fault.path for fault in refused.value.faults] == [f"feedback[1].{path}"]


@pytest.mark.parametrize("document", [{}, [], {"feedback": []}, {"feedback": {}}])
def test_feedback_has_at_least_one_entry(document):
    with pytest.raises(FaultyInput, match="feedback"):
        hook_feedback.read(document)
