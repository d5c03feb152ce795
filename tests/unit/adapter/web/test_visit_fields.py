"""Where faults stand on a visit's form, and what is on it."""

from __future__ import annotations

from adapter.web.visit_fields import MOST_ITEMS, added, controls, dropped, first_field, gaps, items, marked
from mappings.intake import asked
from mappings.r4.faults import Fault

M6 = asked.visit("m6")


def names(fields):
    return list(controls(M6, fields))


def test_a_fault_stands_beside_its_field_or_beside_what_is_nearest_around_it():
    fields = {"gvhd.acute.1.onset": "2026"}
    told = marked(
        [
            Fault("gvhd.acute.1.treatment.9", "one"),
            Fault("gvhd.acute.7.onset", "two"),
            Fault("vital_status.cause", "three"),
            Fault("centre", "four"),
        ],
        names(fields),
    )
    assert told.beside["gvhd.acute.1.treatment"] == ["one"]
    assert told.beside["gvhd.acute"] == ["two"]
    assert told.listed == [
        ("", "", "four"),
        ("vital_status.cause", "Cause of death", "three"),
        ("gvhd.acute", "Acute GVHD", "two"),
        ("gvhd.acute.1.treatment", "Treatment of acute GVHD", "one"),
    ]
    assert told.first == "vital_status.cause"


def test_where_no_fault_has_a_place_nothing_is_first():
    assert marked([Fault("centre", "unknown")], names({})).first == ""
    assert first_field(names({}), "nothing") == ""


def test_every_name_is_on_the_page_once():
    found = [one.name for one in names({"gvhd.acute.1.course.2.date": "2026", "shown:infections": "2"})]
    assert len(found) == len(set(found))
    assert "gvhd.acute.1.course.2.date" in found
    assert "infections.2.kind" in found
    assert "immune_reconstitution.cd4.unit" in found
    assert "gvhd.acute.1.treatment.7" in found


def test_a_list_grows_and_shrinks_with_what_is_in_its_items():
    fields = {"infections.1.kind": "viral", "infections.2.kind": "fungal", "shown:infections": "3"}
    assert items(fields, "infections") == 3
    assert items(added(fields, "infections"), "infections") == 4
    less = dropped(fields, "infections", 1)
    assert less == {"infections.1.kind": "fungal", "shown:infections": "2"}
    assert items(dropped({}, "dli", 1), "dli") == 0
    nested = {"gvhd.acute.2.onset": "2026", "shown:gvhd.acute": "2", "shown:gvhd.acute.2.course": "1"}
    assert dropped(nested, "gvhd.acute", 1) == {
        "gvhd.acute.1.onset": "2026",
        "shown:gvhd.acute": "1",
        "shown:gvhd.acute.1.course": "1",
    }


def test_words_that_are_not_known_stand_after_the_boxes_and_there_is_room_for_one_more():
    path = "gvhd.acute.1.treatment"
    assert gaps({f"{path}.2": "ecp"}, path, 8) == [(f"{path}.9", f"{path}.9")]
    fields = {f"{path}.1.not_done": "unknown", f"{path}.2": "ecp", f"{path}.11.note": "abroad"}
    assert gaps(fields, path, 8) == [
        (f"{path}.11", f"{path}.11"),
        (f"{path}.12", f"{path}.1"),
        (f"{path}.13", f"{path}.13"),
    ]
    on_page = [one.name for one in names(fields)]
    assert f"{path}.12.not_done" in on_page
    assert f"{path}.13.note" in on_page


def test_no_list_grows_without_end():
    assert items({"shown:dli": "99999999"}, "dli") == MOST_ITEMS
    assert items({"shown:dli": "²"}, "dli") == 0
    assert items(added({"shown:dli": str(MOST_ITEMS)}, "dli"), "dli") == MOST_ITEMS
