"""What the resources of two patients have in common as the very same object cannot be changed, and is nobody's."""

from __future__ import annotations

from datetime import date

from mappings.canonicals import DEFAULT
from mappings.intake import schema
from mappings.outcomes import map_course
from mappings.r4.build import Ids, course_id
from mappings.r4.frozen import Frozen, FrozenList
from mappings.r4.wire import encode
from tests.lib.leaves import full

AS_OF = date(2026, 9, 2)


def course_of(patient):
    enrolled = schema.enrolment(full("enrolment") | {"patient": patient}, AS_OF)
    visit = schema.follow_up(full("follow_up") | {"patient": patient}, AS_OF)
    ids = Ids(course_id(DEFAULT, enrolled.centre, enrolled.patient, enrolled.protocol))
    return ids, [one.resource for one in map_course(enrolled, [visit], ids)]


def objects(node):
    """Every object and list of a resource, by what it is in memory."""
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    own = {id(node): node} if isinstance(node, dict | list) else {}
    return own | {place: one for child in inner for place, one in objects(child).items()}


def test_what_two_patients_share_never_changes_and_tells_nothing_of_either():
    (ids, one), (_, other) = course_of("P-0001"), course_of("P-0002")
    mine, theirs = objects(one), objects(other)
    shared = [mine[place] for place in mine.keys() & theirs.keys()]
    assert len(shared) > 100
    for said in shared:
        assert isinstance(said, Frozen | FrozenList)
        text = encode(said).decode()
        assert ids.course not in text
        assert "2026-" not in text
        assert "P-000" not in text
        assert '"reference"' not in text
        assert '"value"' not in text


def test_a_code_that_many_say_is_one_object():
    _, resources = course_of("P-0001")
    subsets = [one for one in resources if "engraft-immune-subset" in one["meta"]["profile"][0]]
    assert len(subsets) == 5
    assert len({id(one["category"]) for one in subsets}) == len({id(one["meta"]) for one in subsets}) == 1
    assert len({id(one["subject"]) for one in resources if "subject" in one}) == 1
