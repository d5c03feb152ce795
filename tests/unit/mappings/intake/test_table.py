"""A CSV file says what the JSON document says, however a spreadsheet saved it; what it can mean twice is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.intake import schema, table
from mappings.r4.faults import FaultyInput
from tests.lib import flat
from tests.lib.any_document import ENROLMENTS, FOLLOW_UPS
from tests.lib.leaves import full

HEAD = "centre;patient;visit;date;"
WHO = "FR-037;P-1;m3;2026-04-13;"


def lines(data):
    return lambda: iter(data.splitlines(keepends=True))


def entries(data, charset=None):
    layout = table.survey(lines(data), charset=charset)
    table.require_known(layout)
    return list(table.read(lines(data), layout))


def documents(data, charset=None):
    return [one.document for one in entries(data, charset)]


def one(columns, cells, charset=None):
    """The document of one row of a follow-up, without what it is known by."""
    (made,) = documents(f"{HEAD}{columns}\r\n{WHO}{cells}\r\n".encode(), charset)
    return {key: value for key, value in made.items() if key not in ("centre", "patient", "visit", "date")}


def refused(data, charset=None):
    with pytest.raises(FaultyInput) as error:
        entries(data if isinstance(data, bytes) else data.encode(), charset)
    return {fault.path: fault.message for fault in error.value.faults}


def notes(text):
    return table.survey(lines(text.encode())).notes


@pytest.mark.parametrize("kind", ["enrolment", "follow_up"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_row_says_what_the_whole_document_says(kind, delimiter):
    document = full(kind)
    (made,) = documents(flat.table(document, delimiter=delimiter))
    assert made == document


def plain(document):
    """Without what a cell cannot hold: blanks at its ends are no content, and an object that says nothing is none."""
    values = [value for _, value in flat.cells(document)]
    return all(not isinstance(value, str) or (value and value == value.strip()) for value in values)


@settings(max_examples=60)
@given(st.one_of(FOLLOW_UPS, ENROLMENTS).filter(plain))
def test_whatever_a_centre_can_say_can_be_said_in_a_row(document):
    read = schema.follow_up if "visit" in document else schema.enrolment
    (made,) = documents(flat.table(document))
    # a number of a name's digits stays text, and an empty object is no cell; what is meant is the same
    assert read(made, date(2026, 9, 2)) == read(_without_empty(document), date(2026, 9, 2))


def _without_empty(node):
    if not isinstance(node, dict):
        return [_without_empty(one) for one in node] if isinstance(node, list) else node
    return {key: _without_empty(value) for key, value in node.items() if value != {}}


def test_visits_and_enrolments_may_stand_in_one_file():
    made = documents(flat.table(full("enrolment"), full("follow_up")))
    assert [schema.kind_of(document) for document in made] == ["enrolment", "follow-up"]


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf"])
def test_a_byte_order_mark_is_no_part_of_the_first_name(before):
    (made,) = documents(before + b"centre,patient,visit,date\nFR-037,P-1,m3,2026-04-13\n")
    assert made["centre"] == "FR-037"


@pytest.mark.parametrize("above", ["sep=;\r\n", "SEP=;\n", '"sep=;"\r\n', "sep=;;;;\r\n", "\ufeffsep=;\r\n"])
def test_the_line_by_which_excel_is_told_the_separator_is_no_row(above):
    """Rows are counted as Excel shows them, without that line; lines as an editor does."""
    data = f"{above}{HEAD}relapse.date;relapse.kind\r\n{WHO}2026-04-01;molecular\r\n{WHO}2026-04-01;bad;x\r\n".encode()
    good, bad = entries(data)
    assert good.document["relapse"] == {"date": "2026-04-01", "kind": "molecular"}
    assert [(one.row, one.line) for one in (good, bad)] == [(2, 3), (3, 4)]
    assert bad.faults
    assert "the line sep=; above the header is no row" in notes(f"sep=;\n{HEAD}\n")


@pytest.mark.parametrize("blank", ["\u00a0", "\u202f"])
def test_hard_blanks_between_thousands_are_no_part_of_a_number(blank):
    columns = "engraftment.counts.1.date;engraftment.counts.1.platelets;engraftment.counts.1.neutrophils"
    said = one(columns, f"2026-04-01;150{blank}000{blank}/uL;1{blank}234,50 /uL")["engraftment"]["counts"][0]
    assert (said["platelets"]["value"], said["platelets"]["unit"]) == (150000, "/uL")
    assert said["neutrophils"]["value"] == Decimal("1234.50")
    unclear = one("measurements.karnofsky", f"1{blank}23")["measurements"]["karnofsky"]
    assert unclear == f"1{blank}23", "no group of three"


def test_a_column_called_sep_is_none():
    assert "names no column" in refused("sep;other\r\n;1\r\n")["$"]


@pytest.mark.parametrize(("encoding", "told"), [("utf-8", "utf-8"), ("cp1252", "windows-1252")])
def test_french_letters_survive_in_either_encoding(encoding, told):
    data = f"{HEAD}response.note\n{WHO}décédée à l’hôpital\n".encode(encoding)
    layout = table.survey(lines(data))
    assert layout.encoding == told
    assert next(table.read(lines(data), layout)).document["response"] == {"note": "décédée à l’hôpital"}


def test_a_charset_that_was_said_is_kept_to():
    data = f"{HEAD}response.note\n{WHO}décédée\n"
    assert documents(data.encode("cp1252"), "ISO-8859-1")[0]["response"]["note"] == "décédée"
    assert "is not utf-8, as was said" in refused(data.encode("cp1252"), "UTF-8")["$"]
    assert "charset utf-7 is not read" in refused(data, "utf-7")["$"]


@pytest.mark.parametrize(
    "data", ["centre,patient\nA,B\n".encode("utf-16"), b"centre,patient\nA\x00,B\n", b"centre\n\x81"]
)
def test_what_is_no_text_that_we_know_is_refused(data):
    assert "neither UTF-8 nor Windows-1252" in refused(data)["$"]


def test_numbers_keep_their_digits_whatever_the_decimal_sign():
    assert one("chimerism.1.donor_percent", "99,20")["chimerism"] == [{"donor_percent": Decimal("99.20")}]
    assert one("chimerism.1.donor_percent", "99.20")["chimerism"] == [{"donor_percent": Decimal("99.20")}]
    assert one("chimerism.1.donor_percent", "99")["chimerism"] == [{"donor_percent": 99}]
    assert str(one("chimerism.1.donor_percent", "0,520")["chimerism"][0]["donor_percent"]) == "0.520"


def test_the_decimal_comma_is_told():
    assert "decimal comma, as in 0,52" in notes(f"{HEAD}chimerism.1.donor_percent\n{WHO}0,52\n")
    assert "decimal comma" not in str(notes(f"{HEAD}chimerism.1.donor_percent\n{WHO}0.52\n"))


def test_a_comma_that_may_divide_thousands_is_refused():
    """`1,234` in a file that commas separate, or tabs: English spreadsheets group digits so."""
    data = 'centre,patient,visit,date,chimerism.1.donor_percent\nA,B,m1,2026-04-01,"1,234"\n'
    assert "can mean thousands or decimals" in str(notes(data))
    assert documents(data.encode())[0]["chimerism"] == [{"donor_percent": "1,234"}]
    surer = data + 'A,C,m1,2026-04-01,"0,5"\n'
    assert [made["chimerism"][0]["donor_percent"] for made in documents(surer.encode())] == [
        Decimal("1.234"),
        Decimal("0.5"),
    ]


def test_both_decimal_signs_in_one_file_are_not_chosen_between():
    data = f"{HEAD}chimerism.1.donor_percent\n{WHO}0,52\nA;B;m1;2026-04-01;0.52\n"
    assert "both as 0,52 and with a point" in str(notes(data))
    assert [made["chimerism"][0]["donor_percent"] for made in documents(data.encode())] == ["0,52", Decimal("0.52")]


def test_an_amount_stands_in_one_cell_or_in_several():
    cd4 = {"value": Decimal("0.120"), "unit": "10*9/L"}
    assert one("immune_reconstitution.cd4", "0,120 10*9/L")["immune_reconstitution"] == {"cd4": cd4}
    assert one("immune_reconstitution.cd4.value;immune_reconstitution.cd4.unit", "0,120;10*9/L") == {
        "immune_reconstitution": {"cd4": cd4}
    }
    below = {"value": 5, "unit": "/uL", "comparator": "<"}
    assert one("immune_reconstitution.cd4", "<5 /uL")["immune_reconstitution"] == {"cd4": below}
    assert one("immune_reconstitution.cd4", "< 5 /uL")["immune_reconstitution"] == {"cd4": below}
    weighed = {"value": 70, "unit": "kg", "date": "2026-04-01"}
    assert one("measurements.weight;measurements.weight.date", "70 kg;2026-04-01")["measurements"] == {
        "weight": weighed
    }


def test_french_dates_are_read_where_the_file_tells_the_day_from_the_month():
    data = "centre;patient;visit;date;relapse.date\nA;B;m1;13/04/2026;3/4/2026\nA;C;m1;2026-04-13;04/2026\n"
    assert "dates are dd/mm/yyyy, as in 13/04/2026" in notes(data)
    first, second = documents(data.encode())
    assert (first["date"], first["relapse"]["date"]) == ("2026-04-13", "2026-04-03")
    assert (second["date"], second["relapse"]["date"]) == ("2026-04-13", "2026-04")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (("03/04/2026", "05/06/2026"), "no date of the file tells the day from the month"),
        (("04/13/2026", "05/06/2026"), "the month stands first in some"),
        (("04/13/2026", "13/06/2026"), "the month stands first in some"),
    ],
)
def test_dates_that_can_be_read_two_ways_are_refused(said, why):
    data = HEAD + "\n" + "".join(f"A;{number};m1;{day};\n" for number, day in enumerate(said))
    assert why in str(notes(data))
    assert [made["date"] for made in documents(data.encode())] == list(said), (
        "left as written, so that they are refused"
    )


@pytest.mark.parametrize(
    ("said", "meant"), [("VRAI", True), ("non", False), ("1", True), ("False", False), ("si", "si")]
)
def test_true_and_false_in_english_and_french(said, meant):
    assert one("gvhd.acute.1.steroid_refractory", said)["gvhd"]["acute"] == [{"steroid_refractory": meant}]


def test_looked_and_found_nothing_is_a_column_of_the_list():
    assert one("gvhd.acute.none;infections.none", "true;oui") == {"gvhd": {"acute": []}, "infections": []}
    assert one("gvhd.acute.none;response.note", "false;x") == {"response": {"note": "x"}}, "says nothing"
    assert one("gvhd.acute.none", "maybe") == {"gvhd": {"acute": "maybe"}}, "which the form refuses"


def test_why_a_value_is_missing_has_its_column():
    said = one("immune_reconstitution.cd4.not_done;immune_reconstitution.cd4.note", "not-performed;no tube")
    assert said == {"immune_reconstitution": {"cd4": {"not_done": "not-performed", "note": "no tube"}}}


def test_names_may_be_in_any_case_and_empty_columns_are_none():
    (made,) = documents(b"CENTRE;Patient;Visit;DATE;Quality_Of_Life.Scores.PWB;;\nA;B;m1;2026-04-01;3;;;\n")
    assert made == {"centre": "A", "patient": "B", "visit": "m1", "date": "2026-04-01"} | {
        "quality_of_life": {"scores": {"PWB": 3}}
    }


def test_a_cell_may_hold_line_breaks_and_rows_are_counted_as_spreadsheets_do():
    data = f'{HEAD}response.note\n{WHO}"two\nlines"\n\n;;;;;\n{WHO.replace("P-1", "P-2")}x\n'.encode()
    first, second = entries(data)
    assert first.document["response"]["note"] == "two\nlines"
    assert [(one.row, one.line) for one in (first, second)] == [(2, 2), (5, 6)]


def test_items_close_up_and_keep_their_numbers_for_the_report():
    (row,) = entries(f"{HEAD}gvhd.acute.1.onset;gvhd.acute.3.onset;gvhd.acute.3.skin\n{WHO};2026-04-01;9\n".encode())
    assert row.document["gvhd"]["acute"] == [{"onset": "2026-04-01", "skin": 9}]
    with pytest.raises(FaultyInput) as error:
        schema.follow_up(row.document, date(2026, 9, 2))
    (told,) = row.refusals(error.value.faults)
    assert (told.row, told.column, told.value) == (2, "gvhd.acute.3.skin", "9")


def test_a_column_that_nobody_knows_is_refused_before_any_row():
    told = refused(f"{HEAD}chimersm.1.date;mood;gvhd;gvhd.acute\n{WHO};;;\n")
    assert told["chimersm.1.date"] == "no such column; is chimerism meant?"
    assert set(told) == {"chimersm.1.date", "mood", "gvhd", "gvhd.acute"}


def test_a_column_that_stands_twice_is_refused():
    assert refused(f"{HEAD}Date\n{WHO}2026-04-01\n") == {"date": "this column stands twice"}


@pytest.mark.parametrize("data", [b"", b"\n", b"a,b\n1,2\n", b'"centre', b"1;2;3\n"])
def test_a_file_without_a_known_name_in_its_first_row_is_none(data):
    assert "names no column that is known" in refused(data)["$"]


def test_a_row_that_is_too_long_is_refused_alone():
    first, second = entries(f"{HEAD}\n{WHO};more\n{WHO}\n".encode())
    assert "has more cells than the header has names: 6 and 4" in first.faults[0].message
    assert second.document is not None


def test_a_quotation_that_never_ends_is_told_and_ends_the_reading():
    first, second = entries(f'{HEAD}response.note\n{WHO}x\n{WHO}"never\n{WHO}y\n'.encode())
    assert first.document is not None
    assert (second.row, second.line) == (3, 3)
    assert "cannot be read, nor what follows" in second.faults[0].message


def test_a_value_that_is_said_twice_is_refused_by_its_path():
    (row,) = entries(f"{HEAD}immune_reconstitution.cd4;immune_reconstitution.cd4.value\n{WHO}5 /uL;6\n".encode())
    assert [fault.path for fault in row.faults] == ["immune_reconstitution.cd4.value"]


def test_a_list_is_not_both_empty_and_filled():
    for columns, cells in (("none;gvhd.acute.1.onset", "true;2026-04-01"), ("1.onset;gvhd.acute.none", "2026-04-01;1")):
        (row,) = entries(f"{HEAD}gvhd.acute.{columns}\n{WHO}{cells}\n".encode())
        assert [fault.code for fault in row.faults] == ["duplicate"]


def test_the_date_of_an_amount_may_stand_before_it():
    weighed = {"value": 70, "unit": "kg", "date": "2026-04-01"}
    assert one("measurements.weight.date;measurements.weight", "2026-04-01;70 kg")["measurements"] == {
        "weight": weighed
    }


def test_a_section_of_a_visit_in_a_row_of_an_enrolment_is_refused_by_its_column():
    data = b"centre,patient,protocol,sex,relapse.date\nA,B,set-haplo-pdli,female,2026-04-01\n"
    (row,) = entries(data)
    with pytest.raises(FaultyInput) as error:
        schema.enrolment(row.document, date(2026, 9, 2))
    (told,) = row.refusals(error.value.faults)
    assert (told.path, told.row) == ("relapse", 2)
