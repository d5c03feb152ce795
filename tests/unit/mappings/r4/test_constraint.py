"""What a StructureDefinition can say, on made-up profiles: the verdict and the sentences agree, each at its place."""

from __future__ import annotations

import pytest

from mappings.canonicals import DEFAULT_BASE
from mappings.r4 import constraint, held, kept, value_sets
from tests.lib.specimens import specimen

LOINC = "http://loinc.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
CORE = "http://hl7.org/fhir/StructureDefinition/"


def concept(code, system=LOINC):
    return {"coding": [{"system": system, "code": code}]}


def profile(*elements, kind="Observation"):
    """A profile from (id, what it says of the element) pairs."""
    said = [{"id": id_, "path": id_, **more} for id_, more in elements]
    return {"resourceType": "StructureDefinition", "type": kind, "differential": {"element": said}}


def told(definition, resource):
    """(place, code) of each fault; the quick verdict has to be the same."""
    root = constraint.read(definition, DEFAULT_BASE)
    found = [(fault.path, fault.code) for fault in held.faults(resource, root, resource["resourceType"], "this")]
    assert kept.quick(root)(resource) is (found == [])
    return found


def observation(**more):
    return specimen("Observation") | more


FIXED = profile(
    ("Observation.status", {"fixedCode": "final"}), ("Observation.code", {"patternCodeableConcept": concept("1")})
)


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"code": concept("1")}, []),
        ({"code": {"coding": [{"system": "http://x", "code": "y"}, *concept("1")["coding"]], "text": "z"}}, []),
        ({"code": concept("2")}, [("Observation.code", "value")]),
        ({"code": {"text": "1"}}, [("Observation.code", "value")]),
        ({"code": "1"}, [("Observation.code", "value")]),
        ({"code": {"coding": "1"}}, [("Observation.code", "value")]),
        ({"code": concept("1"), "status": "amended"}, [("Observation.status", "value")]),
    ],
)
def test_a_fixed_value_is_all_and_a_pattern_is_part_of_what_stands_there(more, where):
    assert told(FIXED, observation(**more)) == where


def test_what_is_asked_is_said_in_words():
    root = constraint.read(FIXED, DEFAULT_BASE)
    said = [f.message for f in held.faults(observation(status="amended"), root, "Observation", "the profile p")]
    assert said == ["must be final (the profile p)", "must hold 1 of http://loinc.org (the profile p)"]
    other = profile(
        ("Observation.valueQuantity", {"patternQuantity": {"unit": "mg", "code": "mg"}}),
        ("Observation.note", {"patternAnnotation": {"text": "seen", "authorString": "me"}}),
        ("Observation.method", {"patternCodeableConcept": {"coding": [{"code": "a"}, {"code": "b"}]}}),
    )
    made = observation(note=[{"text": "x"}], method={"text": "x"})
    said = [f.message for f in held.faults(made, constraint.read(other, DEFAULT_BASE), "Observation", "p")]
    assert said == ["must hold mg (p)", "must hold text seen, authorString me (p)", "must hold a and b (p)"]


NUMBERS = profile(
    ("Observation.category", {"min": 1, "max": "2"}),
    ("Observation.method", {"max": "0"}),
    ("Observation.effective[x]", {"min": 1, "type": [{"code": "dateTime"}]}),
    ("Observation.value[x]", {"max": "0"}),
    ("Observation.device", {"min": 0, "max": "1"}),
)


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({}, []),
        ({"category": None}, [("Observation.category", "required")]),
        ({"category": [{}] * 3}, [("Observation.category", "structure")]),
        ({"method": {"text": "x"}}, [("Observation.method", "structure")]),
        ({"effectiveDateTime": None}, [("Observation.effective[x]", "required")]),
        ({"effectiveDateTime": None, "_effectiveDateTime": {"id": "x"}}, []),
        (
            {"effectiveDateTime": None, "effectiveInstant": "2026-03-02T10:00:00Z"},
            [("Observation.effectiveInstant", "structure")],
        ),
        ({"valueString": "x"}, [("Observation.value[x]", "structure")]),
    ],
)
def test_how_often_and_in_which_type_an_element_stands(more, where):
    made = {**observation(category=[{"text": "x"}]), **more}
    made = {k: v for k, v in made.items() if v is not None and (k != "valueQuantity")}
    assert told(NUMBERS, made) == where


def test_a_type_of_a_choice_is_limited_also_where_none_need_stand():
    only = profile(("Observation.value[x]", {"type": [{"code": "Quantity"}]}))
    assert told(only, observation()) == []
    told_of = told(only, {**observation(), "valueQuantity": None, "valueString": "x"} | {"valueBoolean": True})
    assert told_of == [("Observation.valueBoolean", "structure"), ("Observation.valueString", "structure")]


@pytest.mark.parametrize(("unit", "where"), [("10*9/L", []), ("mg", [("Observation.valueQuantity", "value")])])
def test_a_value_of_a_choice_is_asked_in_whichever_type_it_stands(unit, where):
    asked = profile(("Observation.value[x]", {"patternQuantity": {"code": unit}, "type": [{"code": "Quantity"}]}))
    assert told(asked, observation()) == where


def test_a_choice_is_sliced_by_its_types():
    sliced = profile(
        ("Observation.value[x]", {"slicing": {"discriminator": [{"type": "type", "path": "$this"}], "rules": "open"}}),
        ("Observation.value[x]:valueQuantity", {"min": 1}),
        ("Observation.value[x]:valueQuantity.code", {"fixedCode": "mg"}),
    )
    assert told(sliced, observation()) == [("Observation.valueQuantity.code", "value")]
    assert told(sliced, {k: v for k, v in observation().items() if k != "valueQuantity"}) == [
        ("Observation.valueQuantity", "required")
    ]


# ---- slices


def parts(by, rules="open", **slices):
    """Observation.component in slices, each told by what it says of the path that discriminates."""
    discriminators = [{"type": kind, "path": path} for kind, path in by]
    elements = [("Observation.component", {"slicing": {"discriminator": discriminators, "rules": rules}})]
    for name, said in slices.items():
        for path, more in said.items():
            elements.append((f"Observation.component:{name}{path}", more))
    return profile(*elements)


def components(*codes):
    return observation(component=[{"code": concept(code), "valueString": "x"} for code in codes])


A_OR_B = {
    "a": {"": {"min": 1, "max": "1"}, ".code": {"patternCodeableConcept": concept("a")}},
    "b": {
        "": {"max": "1"},
        ".code": {"patternCodeableConcept": concept("b")},
        ".value[x]": {"type": [{"code": "string"}]},
    },
}


@pytest.mark.parametrize("path", ["code", "code.coding", "code.coding.code"])
def test_slices_by_a_value_or_a_pattern_at_or_above_the_path(path):
    for kind in ("value", "pattern"):
        sliced = parts([(kind, path)], **A_OR_B)
        assert told(sliced, components("a", "b", "c")) == []
        assert told(sliced, components("b")) == [("Observation.component", "required")]
        assert told(sliced, components("a", "b", "b")) == [("Observation.component", "structure")]


def test_a_closed_slicing_takes_nothing_else_and_a_slice_limits_its_own():
    sliced = parts([("pattern", "code")], rules="closed", **A_OR_B)
    assert told(sliced, components("a", "c")) == [("Observation.component[1]", "structure")]
    wrong = components("a", "b")
    wrong["component"][1] = {"code": concept("b"), "valueInteger": 1}
    assert told(sliced, wrong) == [("Observation.component[1].valueInteger", "structure")]


def test_slices_by_a_fixed_value_of_a_child_of_a_child():
    sliced = parts([("value", "code.text")], only={"": {"max": "1"}, ".code.text": {"fixedString": "x"}})
    assert told(sliced, observation(component=[{"code": {"text": "x"}}, {"code": {"text": "y"}}])) == []
    assert told(sliced, observation(component=[{"code": {"text": "x"}}] * 2)) == [
        ("Observation.component", "structure")
    ]
    assert told(sliced, observation(component=[{"valueString": "no code"}])) == []


def test_slices_by_whether_an_element_exists():
    sliced = parts(
        [("exists", "dataAbsentReason")],
        missing={"": {"max": "1"}, ".dataAbsentReason": {"min": 1}},
        there={"": {"max": "1"}, ".dataAbsentReason": {"max": "0"}},
    )
    one, other = {"code": concept("a"), "dataAbsentReason": {"text": "x"}}, {"code": concept("a"), "valueString": "x"}
    assert told(sliced, observation(component=[one, other])) == []
    assert told(sliced, observation(component=[one, one])) == [("Observation.component", "structure")]
    assert told(sliced, observation(component=[other, other])) == [("Observation.component", "structure")]


def entries(kind, path, **said):
    return profile(
        ("Bundle.entry", {"slicing": {"discriminator": [{"type": kind, "path": path}], "rules": "open"}}),
        ("Bundle.entry:patient", {"min": 1, "max": "1"}),
        (f"Bundle.entry:patient.{path}", said),
        kind="Bundle",
    )


def bundle(*resources):
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


def test_slices_by_the_type_of_a_resource():
    sliced = entries("type", "resource", type=[{"code": "Patient"}])
    assert told(sliced, bundle(specimen("Patient"), specimen("Observation"))) == []
    assert told(sliced, bundle(specimen("Observation"))) == [("Bundle.entry", "required")]


def test_slices_by_the_profile_that_a_resource_names():
    ours = f"{DEFAULT_BASE}/StructureDefinition/engraft-patient"
    sliced = entries("profile", "resource", type=[{"code": "Patient", "profile": [ours]}])
    assert told(sliced, bundle(specimen("Patient") | {"meta": {"profile": [None, f"{ours}|0.1.0"]}})) == []
    assert told(sliced, bundle(specimen("Patient"))) == [("Bundle.entry", "required")]


def test_a_slice_that_is_told_by_itself():
    sliced = profile(
        (
            "Observation.category",
            {"slicing": {"discriminator": [{"type": "pattern", "path": "$this"}], "rules": "open"}},
        ),
        ("Observation.category:lab", {"min": 1, "patternCodeableConcept": concept("laboratory", CATEGORY)}),
        ("Observation.category:seen", {"max": "1"}),
        ("Observation.category:seen.text", {"fixedString": "seen"}),
        ("Observation.category:seen.coding", {"max": "1"}),
    )
    assert told(sliced, observation(category=[concept("laboratory", CATEGORY), {"text": "seen"}])) == []
    assert told(sliced, observation(category=[{"text": "seen"}] * 2)) == [
        ("Observation.category", "required"),
        ("Observation.category", "structure"),
    ]


def test_extensions_are_told_by_their_url_also_when_their_profile_alone_says_it():
    donor, other = f"{DEFAULT_BASE}/StructureDefinition/transplant-donor", "http://x/y"
    sliced = profile(
        ("Procedure.extension:donor", {"min": 1, "type": [{"code": "Extension", "profile": [donor]}]}),
        ("Procedure.extension:other", {"max": "0"}),
        ("Procedure.extension:other.url", {"fixedUri": other}),
        kind="Procedure",
    )
    made = specimen("Procedure") | {"extension": [{"url": donor, "valueString": "x"}]}
    assert told(sliced, made) == []
    assert told(sliced, specimen("Procedure")) == [("Procedure.extension", "required")]
    assert told(sliced, made | {"extension": [*made["extension"], {"url": "http://x/z", "valueString": "x"}]}) == []
    wrong = made | {"extension": [*made["extension"], {"url": other, "valueString": "x"}]}
    assert told(sliced, wrong) == [("Procedure.extension", "structure")]


def test_slices_without_a_way_to_tell_them_take_everything():
    loose = parts([], all={"": {"min": 2}})
    assert told(loose, components("a", "b")) == []
    assert told(loose, components("a")) == [("Observation.component", "required")]


# ---- references and codes


@pytest.mark.parametrize(
    ("targets", "reference", "legal"),
    [
        ([f"{CORE}Patient"], "Patient/1", True),
        ([f"{CORE}Patient"], "Group/1", False),
        ([f"{CORE}Patient"], "https://h.example/fhir/Group/1", False),
        ([f"{CORE}Patient"], "urn:uuid:0b7c9d6e-6f0e-5f0a-9b1e-3a5d1c2b4f60", True),
        ([f"{CORE}Patient"], None, True),
        ([f"{CORE}Resource"], "Group/1", True),
        ([f"{DEFAULT_BASE}/StructureDefinition/engraft-patient"], "Group/1", False),
        (["http://x/StructureDefinition/y"], "Group/1", True),
        ([], "Group/1", True),
    ],
)
def test_a_reference_leads_to_a_profiled_type(targets, reference, legal):
    aimed = profile(("Observation.subject", {"type": [{"code": "Reference", "targetProfile": targets}]}))
    subject = {"reference": reference} if reference else {"display": "somebody"}
    assert told(aimed, observation(subject=subject)) == ([] if legal else [("Observation.subject.reference", "value")])


SETS = {
    "letters": {"include": [{"system": LOINC, "concept": [{"code": "a"}, {"code": "b"}]}]},
    "fewer": {
        "include": [{"valueSet": [f"{DEFAULT_BASE}/ValueSet/letters"]}],
        "exclude": [{"system": LOINC, "concept": [{"code": "b"}]}],
    },
    "whole": {
        "include": [
            {"system": "http://snomed.info/sct", "filter": [{"property": "concept", "op": "is-a", "value": "1"}]},
            {"system": LOINC},
        ]
    },
    "own": {"include": [{"system": f"{DEFAULT_BASE}/CodeSystem/engraft"}]},
    "foreign": {"include": [{"valueSet": ["http://x/y"]}]},
    "both": {"include": [{"valueSet": [f"{DEFAULT_BASE}/ValueSet/letters", f"{DEFAULT_BASE}/ValueSet/own"]}]},
    "units": {"include": [{"system": "http://unitsofmeasure.org", "concept": [{"code": "10*9/L"}]}]},
}
OWN = {"concept": [{"code": "x", "concept": [{"code": "y"}]}]}


@pytest.fixture
def sets(monkeypatch):
    def artefact(kind, name, base):
        if kind == "ValueSet":
            return {"compose": SETS[name]} if name in SETS else None
        return OWN

    monkeypatch.setattr(value_sets, "artefact", artefact)
    value_sets.value_set.cache_clear()
    yield lambda name: {"strength": "required", "valueSet": f"{DEFAULT_BASE}/ValueSet/{name}|0.1.0"}
    value_sets.value_set.cache_clear()


@pytest.mark.parametrize(
    ("name", "coding", "legal"),
    [
        ("letters", (LOINC, "a"), True),
        ("letters", (LOINC, "c"), False),
        ("letters", ("http://x", "a"), False),
        ("fewer", (LOINC, "a"), True),
        ("fewer", (LOINC, "b"), False),
        ("whole", (LOINC, "anything"), True),
        ("whole", ("http://snomed.info/sct", "91861009"), True),
        ("whole", ("http://x", "a"), False),
        ("own", (f"{DEFAULT_BASE}/CodeSystem/engraft", "y"), True),
        ("own", (f"{DEFAULT_BASE}/CodeSystem/engraft", "z"), False),
        ("foreign", ("http://x", "a"), True),
        ("both", ("http://x", "a"), True),
        ("nowhere", ("http://x", "a"), True),
    ],
)
def test_a_required_binding_to_a_value_set_of_ours(sets, name, coding, legal):
    bound = profile(("Observation.code", {"binding": sets(name)}))
    made = observation(code={"coding": [{"system": coding[0], "code": coding[1]}]})
    assert told(bound, made) == ([] if legal else [("Observation.code", "code-invalid")])


def test_a_binding_holds_for_every_coded_type_and_for_no_other(sets):
    bound = profile(
        ("Observation.value[x]", {"binding": sets("letters")}),
        ("Observation.status", {"binding": sets("letters")}),
        ("Observation.component", {}),
        ("Observation.component.valueQuantity", {"binding": sets("units")}),
    )
    base = {"resourceType": "Observation", "status": "a", "code": {"text": "x"}}
    assert told(bound, base | {"valueDateTime": "2026"}) == []
    assert told(bound, base | {"valueCodeableConcept": {"text": "a"}}) == [
        ("Observation.valueCodeableConcept", "code-invalid")
    ]
    assert told(bound, base | {"status": "c"}) == [("Observation.status", "code-invalid")]
    assert told(bound, base | {"component": [{"valueQuantity": specimen("Observation")["valueQuantity"]}]}) == []
    assert told(bound, base | {"component": [{"valueQuantity": {"value": 1}}]}) == [
        ("Observation.component[0].valueQuantity", "code-invalid")
    ]
    whole = profile(("Observation.status", {"binding": sets("whole")}))
    assert told(whole, base) == []


@pytest.mark.parametrize("strength", ["extensible", "preferred", "example"])
def test_a_binding_that_is_not_required_asks_nothing(sets, strength):
    assert (
        told(profile(("Observation.code", {"binding": sets("letters") | {"strength": strength}})), observation()) == []
    )


def test_a_value_that_is_only_said_to_be_missing_is_asked_nothing():
    asked = profile(
        ("Observation.issued", {"min": 1, "fixedInstant": "2026-03-02T10:00:00Z"}),
        ("Observation.category", {"min": 2, "patternCodeableConcept": {"text": "x"}}),
    )
    made = observation(_issued={"id": "x"}, category=[None, {"text": "x"}])
    assert told(asked, made) == []


@pytest.mark.parametrize(
    ("said", "unread"),
    [
        ({"min": 1, "patternCode": "x", "comment": "for people"}, set()),
        ({"minValueInteger": 1, "maxLength": 3}, {"minValueInteger", "maxLength"}),
        (
            {"slicing": {"discriminator": [{"type": "value", "path": "extension('http://x').value"}], "rules": "open"}},
            {"extension('http://x').value"},
        ),
        ({"slicing": {"discriminator": [{"type": "position", "path": "$this"}], "rules": "open"}}, {"position"}),
    ],
)
def test_what_is_not_understood_is_named(said, unread):
    assert constraint.unread(profile(("Observation.category", said))) == unread
