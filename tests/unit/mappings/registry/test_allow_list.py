"""The rules themselves: what they name exists, and a slip in them is refused."""

from __future__ import annotations

import pytest

from mappings.canonicals import DEFAULT
from mappings.registry.allow_list import Table, admitted, allow_list, known_profile, parse

TAIL = """
[types.Meta]
profile = "profile"
[types.CodeableConcept]
coding = "coding"
[extensions]
[codings]
"""


def rules(text):
    return parse(text + TAIL)


def test_six_resource_types_may_leave():
    medicines = {"MedicationStatement", "MedicationAdministration"}
    assert set(allow_list().resources) == {"Patient", "Condition", "Observation", "Procedure", *medicines}


def tables(table, path):
    yield path, table
    for name, rule in table.rules.items():
        if isinstance(rule, Table):
            yield from tables(rule, f"{path}.{name}")


FREE = {"display", "text", "note", "name", "telecom", "address", "contact", "photo", "div", "comment", "description"}


@pytest.mark.parametrize("kind", allow_list().resources)
def test_no_element_of_free_text_is_on_the_list(kind):
    for path, table in tables(allow_list().resources[kind], kind):
        assert not FREE & set(table.rules), path
        assert not [
            name
            for name in table.rules
            if name.endswith(("String", "Attachment", "Annotation", "Time"))
            and name
            not in (
                *("deceasedDateTime", "onsetDateTime", "abatementDateTime"),
                *("effectiveDateTime", "performedDateTime", "valueDateTime"),
            )
        ]


def test_a_rule_that_is_none_is_refused_by_its_place():
    with pytest.raises(ValueError, match=r"Patient\.gender: 'codes' is no rule"):
        rules('[resources.Patient]\ngender = "codes"\n')


def test_a_need_without_a_rule_is_refused():
    with pytest.raises(ValueError, match="Patient needs name"):
        rules('[resources.Patient]\ngender = ["male"]\nneeds = ["name"]\n')


def test_a_change_needs_no_rule_since_it_holds_back_what_cannot_leave():
    assert rules('[resources.Patient]\nchanges = ["link"]\n').resources["Patient"].changes == ("link",)


def test_codes_leave_by_table_or_by_list_and_no_other_way():
    found = admitted(DEFAULT)
    assert ("http://loinc.org", "26515-7") in found
    assert (DEFAULT.local, "haploidentical") in found
    assert ("http://terminology.hl7.org/CodeSystem/condition-clinical", "active") in found
    assert ("http://terminology.hl7.org/CodeSystem/condition-clinical", "Dubois") not in found
    assert ("http://loinc.org", "2160-0") not in found
    assert (DEFAULT.local, "dubois") not in found


def test_profiles_are_those_we_have():
    assert known_profile(DEFAULT.profile("engraft-patient"), DEFAULT)
    assert known_profile(DEFAULT.extension("engraft-patient"), DEFAULT)
    assert not known_profile("engraft-dubois", DEFAULT)
