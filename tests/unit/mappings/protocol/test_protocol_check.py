"""The machine check finds what a schema cannot see; what ships is sound. Fault by fault: test_broken_protocols."""

from __future__ import annotations

import copy
from decimal import Decimal

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.protocol import definition, names, wording
from mappings.protocol.check import Wording, check
from tests.lib.clauses import clauses, uncited
from tests.lib.tree import ROOT

NAME = "set-haplo-pdli"
DOCUMENT = yaml.safe_load(definition(NAME))
TRIAL = Wording(wording(NAME), "trial.txt")


@pytest.fixture
def document():
    return copy.deepcopy(DOCUMENT)


def told(document):
    return check(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), "mine.yaml", TRIAL)


def found(document):
    return {(fault.path, fault.code) for fault in told(document)}


@pytest.mark.parametrize("name", names())
def test_what_ships_is_sound(name):
    assert check(definition(name), f"{name}.yaml", Wording(wording(name))) == []


def test_a_drug_on_a_rest_day_is_found(document):
    document["phases"][0]["lines"][2]["days"] = {"from": -12, "to": -8, "count": 5}
    assert ("etoposide", "business-rule") in found(document)


def test_a_slip_in_a_day_is_found_though_every_rule_is_kept(document):
    """D-11 to D-9 is a possible protocol, but not this one."""
    document["phases"][0]["lines"][1]["days"] = {"from": -11, "to": -9, "count": 3}
    (fault,) = told(document)
    assert (fault.path, fault.severity) == ("cyclophosphamide", "error")
    assert "does not say day -11" in fault.message


def test_a_drug_that_is_dosed_elsewhere_counts_on_its_days_too(document):
    line = {"key": "more", "title": "More busulfan", "drug": "busulfan", "dose": "AUC 5", "days": {"each_of": [-5]}}
    line |= {"open": "not calculated", "source": "Busulfan IV 3.2 mg / kg / day for 2 days (J-5 and J-4)"}
    document["phases"][2]["open_lines"] = [line]
    messages = {fault.message for fault in told(document) if fault.path == "more"}
    assert any("given by busulfan too on D-5" in message for message in messages)


def test_days_of_a_tapered_line_end_where_the_taper_may_begin(document):
    rest = {"key": "late-rest", "title": "Rest", "procedure": "rest", "source": "Rest days J-8 and J-6"}
    document["phases"][6]["rests"] = [rest | {"days": {"each_of": [34, 35]}}]
    assert {f.message for f in told(document) if f.path == "mycophenolate"} == {
        "is given on rest days D+34 of late-rest"
    }


def test_faults_stand_in_the_order_of_the_lines(document):
    document["endpoints"][0]["measures"] = ["luck"]
    document["phases"][0]["lines"][0]["drug"] = "thiotepum"
    lines = [fault.line for fault in told(document)]
    assert len(lines) == 2
    assert lines == sorted(lines)


def test_an_interpretation_may_say_what_the_sentence_says_in_words(document):
    line = document["phases"][0]["lines"][0]
    line["dose"]["amount"] = 7
    assert ("thiotepa", "value") in found(document)
    line["interpretation"] = "read as 7 mg/kg"
    assert found(document) == set()


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("Cyclophosphamide 1,250 mg/m² on days -12 to -9", "1250"),
        ("Cyclophosphamid 1,25 mg / m2 (D–12, D−9)", "1.25"),
        ("Cyclophosphamide 50mg per m2 from J - 12 to J - 9", "50"),
        ("Cyclophosphamide 50mg/m^2 J - 12 J - 9", "50.0"),
    ],
)
def test_sentences_write_numbers_in_many_ways(document, sentence, said):
    line = document["phases"][0]["lines"][1]
    line |= {"source": sentence, "interpretation": "for 4 days"}
    line["dose"]["amount"] = said
    assert {fault.message for fault in told(document) if "does not say" in fault.message and fault.path != ""} == {
        f'the wording does not say "{sentence}"'
    }


@pytest.mark.parametrize(
    ("sentence", "names_it"),
    [
        ("CYCLOSPORINE 3 mg/kg/day i.v. from D+6", True),
        ("Ciclosporina 3 mg/kg/day intravenously from D+6", True),
        ("Cyclosporin A 3 mg/kg/day into a vein from D+6", True),
        ("CSA 3 mg/kg/day IV from D+6", False),
        ("Tacrolimus 3 mg/kg/day IV from D+6", False),
    ],
)
def test_a_drug_is_known_by_its_name_in_any_spelling_and_a_route_by_its_words(document, sentence, names_it):
    document["phases"][4]["lines"][1]["source"] = sentence
    missed = {fault.message.partition(":")[0] for fault in told(document) if fault.path == "ciclosporin"}
    wanted = {f'the wording does not say "{sentence}"'}
    assert missed == wanted | (set() if names_it else {"its sentence does not say ciclosporin (Ciclosporin)"})


class TestTotals:
    """1600 mg/m2 of cyclophosphamide are 4 x 400 mg/m2, and 1.6 g/m2 are the same."""

    @pytest.mark.parametrize(
        ("which", "amount", "unit"),
        [("course", 1600, "mg/m2"), ("course", "1.6", "g/m2"), ("course", "1600.00", "mg/m2"), ("day", "0.4", "g/m2")],
    )
    def test_a_right_total_is_no_fault(self, document, which, amount, unit):
        line = document["phases"][0]["lines"][1]
        line |= {"total": {which: {"amount": amount, "unit": unit}}, "interpretation": f"{amount} {unit} in all"}
        assert found(document) == set()

    @settings(max_examples=40)
    @given(days=st.integers(1, 9), amount=st.decimals("0.1", 900, places=2), slip=st.sampled_from([0, 1, -1]))
    def test_a_total_is_a_fault_if_and_only_if_it_is_no_sum(self, days, amount, slip):
        document = copy.deepcopy(DOCUMENT)
        line = document["phases"][0]["lines"][1]
        total = amount * days + slip * Decimal("0.01")
        line["dose"]["amount"] = str(amount)
        line["days"] = {"from": -12, "to": -13 + days, "count": days}
        line["total"] = {"course": {"amount": str(total), "unit": "mg/m2"}}
        faults = [fault for fault in told(document) if "total is stated as" in fault.message]
        assert len(faults) == abs(slip)
        for fault in faults:
            assert f"{days} x {amount} mg/m2" in fault.message
            assert f"stated as {total} mg/m2" in fault.message


class TestWording:
    def test_without_a_wording_it_is_said_that_nobody_compared(self):
        (fault,) = check(definition(NAME), "mine.yaml")
        assert (fault.severity, fault.code) == ("warning", "incomplete")
        assert "no wording stands beside this file" in fault.message

    def test_every_clause_that_is_left_out_is_missed(self, document):
        """Without its line, the sentence of thiotepa is cited by nobody."""
        del document["phases"][0]["lines"][0]
        (fault,) = told(document)
        line = next(n for n, words in enumerate(wording(NAME).splitlines(), 1) if "Thiotepa 5 mg" in words)
        assert (fault.file, fault.line) == ("trial.txt", line)
        assert "Thiotepa 5 mg / kg / day for 1 day (D-13)" in fault.message

    def test_a_sentence_across_lines_is_found_where_it_begins(self):
        trial = Wording("First.\n\n  - Second\n    goes on.\n")
        assert list(trial.uncited(["First."])) == [(9, "Second goes on.")]
        assert trial.line(9) == 3
        assert list(trial.uncited(["First.", "Second goes", "on."])) == []

    @pytest.mark.parametrize("name", names())
    def test_it_agrees_with_the_other_way_of_counting(self, name):
        """The spec tests find what is uncited in their own way; headings are what is left there."""
        quoted = [source for _, source in clauses(name)]
        left = {words for _, words in Wording(wording(name)).uncited(quoted)}
        assert left == {words.removeprefix("- ") for words in uncited(name)}

    def test_a_long_sentence_is_told_in_short(self, document):
        document["setting"][1]["source"] += " with one word more"
        (fault,) = [fault for fault in told(document) if fault.path == "marketing-authorization"]
        assert fault.message.endswith('..."')
        assert len(fault.message) < 130


VALUES = st.sampled_from(
    [None, True, 0, -1, 3, 99999999999, "", "x", "D-13", [], {}, [1, 2], {"from": 1}, {"key": "x"}, "*a", "5 mg", 2.5]
)


@settings(max_examples=60)
@given(data=st.data())
def test_whatever_is_broken_the_check_answers_with_lines(data):
    """Any value of any sound protocol replaced by anything, or left out: faults with a line, never a crash."""
    kdn5 = yaml.safe_load((ROOT / "tests" / "protocols" / "kdn5.yaml").read_text("utf-8"))
    whole = copy.deepcopy(data.draw(st.sampled_from([DOCUMENT, kdn5])))
    node = whole
    while True:
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else list(range(len(node)))))
        if not node[key] or not isinstance(node[key], dict | list) or data.draw(st.booleans()):
            break
        node = node[key]
    if data.draw(st.booleans()):
        node[key] = data.draw(VALUES)
    else:
        del node[key]
    text = yaml.safe_dump(whole, allow_unicode=True, sort_keys=False)
    for fault in check(text, "mine.yaml", TRIAL):
        last = len((wording(NAME) if fault.file == "trial.txt" else text).splitlines())
        assert 1 <= (fault.line or 0) <= last
