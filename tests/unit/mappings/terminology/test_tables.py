"""What we may send: every code seen twice or our own, and nothing that waits in the unvalidated table."""

from __future__ import annotations

import pytest

from mappings.intake import words
from mappings.terminology.systems import SYSTEMS, LocalCode, parse
from mappings.terminology.tables import READ_ONLY, TABLES, rows, table, unit_rows, units, unvalidated

ROWS = [
    pytest.param(name, row, id=f"{name}-{row.key}") for name in (*TABLES, *READ_ONLY) for row in table(name).values()
]
WITHOUT_CHECK = {"NCIT", "EDQM", "CPT"}
HEAD = "key,text,codes,unit,source,status\n"
UNITS_HEAD = "key,text,codes,unit,power,source,status\n"


def sent():
    return {(code.name, code.value) for name in TABLES for row in table(name).values() for code in row.codes}


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_every_row_says_where_its_codes_were_seen(name, row):
    standard = [code for code in row.codes if not isinstance(code, LocalCode)]
    assert row.status == ("V2" if standard else "local")
    assert row.source
    if standard:
        assert row.source.replace("; local", "").count(";") >= 1, "seen in two places"


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_every_row_is_worded_and_measured_in_a_unit_that_we_know(name, row):
    assert row.text == row.text.strip() != ""
    assert row.unit in ("", *units())
    assert len([code for code in row.codes if isinstance(code, LocalCode)]) <= 1
    assert len(set(row.codes)) == len(row.codes)


def test_nothing_is_sent_that_waits_for_a_terminology_server():
    assert sent() & {(row.system, row.code) for row in unvalidated()} == set()


def test_what_is_only_read_is_not_sent():
    read = {(code.name, code.value) for name in READ_ONLY for row in table(name).values() for code in row.codes}
    assert read
    assert read & sent() == set()


def test_what_waits_says_why_and_is_well_formed():
    for row in unvalidated():
        assert row.reason
        assert row.table in (*TABLES, "routes")
        assert row.system in SYSTEMS or row.system in WITHOUT_CHECK
        if row.system in SYSTEMS:
            assert parse(f"{row.system}:{row.code}").value == row.code


@pytest.mark.parametrize(
    ("system", "code", "why"),
    [
        ("RXNORM", "1011", "anti-thymocyte globulin of horse or rabbit"),
        ("RXNORM", "1204", "the horse product"),
        ("ATC", "L04AA03", "antilymphocyte immunoglobulin of the horse"),
        ("ATC", "S01XA18", "ciclosporin eye drops"),
        ("SNOMED", "768651008", "does not say the species"),
        ("SNOMED", "409330005", "mycophenolic acid is not mofetil"),
        ("RXNORM", "265323", "mycophenolate is not mofetil"),
        ("SNOMED", "386907005", "fludarabine, seen once"),
        ("LOINC", "103154-1", "the recipient's share"),
        ("LOINC", "102113-8", "deprecated"),
        ("LOINC", "49025-0", "a ratio, no count"),
        ("LOINC", "93022-2", "multiple myeloma"),
        ("SNOMED", "426768001", "a complication, no engraftment"),
        ("ICD10CM", "C92.00", "the default of any untreated leukaemia"),
        ("ICD10CM", "D89.812", "acute on chronic"),
    ],
)
def test_known_traps_are_not_sent(system, code, why):
    assert (system, code) not in sent(), why


def test_anti_thymocyte_globulin_is_the_rabbits():
    codes = [f"{code.name}:{code.value}" for code in table("drugs")["atg"].codes]
    assert codes == ["ATC:L04AA04", "RXNORM:225741"]


def test_who_icd_10_never_carries_a_clinical_modification():
    """WHO ICD-10 has no fifth character."""
    assert {code for system, code in sent() if system == "ICD10"} == {"C92.0"}


def test_one_concept_of_ours_has_one_text():
    texts: dict[str, set[str]] = {}
    for name in TABLES:
        for row in table(name).values():
            for code in row.codes:
                if isinstance(code, LocalCode):
                    texts.setdefault(code.value, set()).add(row.text)
    assert {code: said for code, said in texts.items() if len(said) > 1} == {}


@pytest.mark.parametrize("words", words.LISTS, ids=lambda found: found.name)
def test_every_word_of_the_interface_has_an_answer(words):
    said = {key.removeprefix(f"{words.name}/") for key in table("answers") if key.startswith(f"{words.name}/")}
    assert said == set(words.admitted)


def test_stages_scores_and_visits_have_answers():
    answers = table("answers")
    assert all(f"agvhd-stage/{stage}" in answers for stage in range(max(words.ACUTE_ORGANS.values()) + 1))
    assert all(f"cgvhd-score/{score}" in answers for score in range(4))
    assert all(f"visit/{visit}" in answers for visit in words.VISITS)
    assert all(f"infection/{word}" in table("conditions") for word in words.INFECTION_KIND.words)
    assert all(f"infection/{word}" in table("conditions") for word in words.INFECTION_AGENT.words)
    assert all(word in table("drugs") for word in words.IMMUNOSUPPRESSANT.words)


def test_a_table_that_does_not_exist_is_an_error():
    with pytest.raises(KeyError, match="no terminology table is called 'devices'"):
        table("devices")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("key,text\n", r"x\.csv:1: the columns are key,text,codes"),
        ("", r"x\.csv:1: the columns"),
        (HEAD + "a,A,LOCAL:a,,local\n", r"x\.csv:2: 5 cells stand where 6 belong"),
        (HEAD + "a,A,LOINC:29463-8,,LC; OHDSI,V2\n", r"x\.csv:2: '29463-8' fails the check digit of LOINC"),
        (HEAD + "a,A,LOCAL:a,,local,local\na,B,LOCAL:b,,local,local\n", r"x\.csv:3: the key 'a' stands twice"),
        (HEAD + "a,,LOCAL:a,,local,local\n", r"x\.csv:2: a row needs a key and a text"),
        (HEAD + "a,A,,,local,local\n", r"x\.csv:2: a row needs a code"),
        (HEAD + "a,A,LOCAL:a,,local,V1\n", r"x\.csv:2: a status is one of V2, local"),
        (HEAD + "a,A,LOCAL:a,,CH,V2\n", r"x\.csv:2: the status is 'local' when"),
        (HEAD + "a,A,LOINC:29463-7,,CH,local\n", r"x\.csv:2: the status is 'local' when"),
    ],
)
def test_a_bad_row_is_refused_by_file_and_line(text, told):
    with pytest.raises(ValueError, match=told):
        rows("x.csv", text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (UNITS_HEAD + "kg,kilogram,UCUM:g,mg,6,x,V2\n", r"u\.csv:2: the code of a unit is its key"),
        (UNITS_HEAD + "kg,kilogram,UCUM:kg,mg,six,x,V2\n", r"u\.csv:2: invalid literal"),
        (UNITS_HEAD + "kg,kilogram,UCUM:kg,mg,6,x,V1\n", r"u\.csv:2: a status is one of V2, grammar"),
        (UNITS_HEAD + 2 * "g,gram,UCUM:g,mg,3,x,V2\n", r"u\.csv:3: the key .g. stands twice"),
    ],
)
def test_a_bad_unit_is_refused_by_file_and_line(text, told):
    with pytest.raises(ValueError, match=told):
        unit_rows("u.csv", text)
