"""What CIBMTR's CRID service is asked, and what it answers: its own JSON, not FHIR.

It gives a patient's research number for a name, date of birth and sex, or makes one. The names are the caller's and are
kept nowhere.

Source: CIBMTR Reporting guide, "CRID Lookup or Creation" (PUT <base>/CRID, five required attributes, code tables). The
guide shows the answer as a picture only: `perfectMatch[].crid`, else `crid`, as NMDP's own client and the reference
converter (mcode/medmorph-to-cibmtr) read it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from mappings.r4.build import Element
from mappings.r4.faults import Fault, FaultyInput

REQUIRED = {"first_name": "firstName", "last_name": "lastName"}
"""What the centre says, beside what the enrolment says, and CIBMTR's name of it."""

OPTIONAL = {
    "ssn": "ssn",
    "mothers_maiden_name": "mothersMaidenName",
    "race": "race",
    "ethnicity": "ethnicity",
    "nmdp_rid": "nmdpRid",
    "ebmt_cic": "ebmtCic",
    "ebmt_id": "ebmtId",
    "cibmtr_team": "cibmtrTeam",
    "cibmtr_iubmid": "cibmtrIubmid",
}
"""What helps it to tell patients apart, if the centre has it."""

RACES = ("1002-5", "2028-9", "2054-5", "2076-8", "2106-3", "ASKU", "UNK")
ETHNICITIES = ("2135-2", "2186-5", "UNK")
GENDERS = {"female": "F", "male": "M"}
"""CIBMTR takes these two."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}", re.ASCII)
_CRID = re.compile(r"[1-9]\d{0,18}", re.ASCII)


def asked(identity: Mapping[str, str], birth_date: str, sex: str, ccn: str) -> Element:
    """The body of the PUT. `identity`: names of REQUIRED and OPTIONAL, empty where not known.

    Raises FaultyInput naming each field that CIBMTR would not take; its value is not told.
    """
    faults = [Fault(name, "is needed", "required") for name in REQUIRED if not identity.get(name, "").strip()]
    if not _DAY.fullmatch(birth_date):
        faults.append(Fault("birth_date", "CIBMTR wants the whole date of birth in the enrolment"))
    if sex not in GENDERS:
        faults.append(Fault("sex", "CIBMTR takes female and male"))
    patient: Element = {
        "firstName": identity.get("first_name", "").strip(),
        "lastName": identity.get("last_name", "").strip(),
        "birthDate": birth_date,
        "gender": GENDERS.get(sex, ""),
    }
    for name, theirs in OPTIONAL.items():
        if said := identity.get(name, "").strip():
            fault, patient[theirs] = _checked(name, said)
            faults += [fault] if fault else []
    if faults:
        raise FaultyInput(faults)
    return {"ccn": ccn, "patient": patient}


def assigned(answer: Mapping[str, Any]) -> str:
    """The CRID. Raises FaultyInput where it is not one number: nothing is guessed."""
    matches = answer.get("perfectMatch")
    if matches is None or matches == []:
        found = [answer.get("crid")]
    elif isinstance(matches, list) and all(isinstance(one, dict) for one in matches):
        found = [one.get("crid") for one in matches]
    else:
        raise FaultyInput([Fault("perfectMatch", "the answer is not one that we know")])
    numbers = {number for one in found if (number := _number(one))}
    if len(numbers) > 1:
        raise FaultyInput([Fault("perfectMatch", "CIBMTR knows several such patients: ask its staff which one it is")])
    if not numbers or None in map(_number, found):
        raise FaultyInput([Fault("crid", "the answer has no CRID")])
    return numbers.pop()


def _number(said: Any) -> str | None:
    """As a number or as its digits; `True` is none."""
    text = said if isinstance(said, str) else str(said) if isinstance(said, int) else ""
    return text if _CRID.fullmatch(text) else None


def _checked(name: str, said: str) -> tuple[Fault | None, Any]:
    check: Callable[[str], tuple[str, Any]] = _CHECKS.get(name, lambda text: ("", text))
    wrong, value = check(said)
    return (Fault(name, wrong) if wrong else None), value


def _race(said: str) -> tuple[str, Any]:
    codes = said.split(";")
    return ("" if set(codes) <= set(RACES) else f"codes of {', '.join(RACES)}, with ; between"), codes


def _ethnicity(said: str) -> tuple[str, Any]:
    return ("" if said in ETHNICITIES else f"one of {', '.join(ETHNICITIES)}"), said


def _ssn(said: str) -> tuple[str, Any]:
    return ("" if _SSN.fullmatch(said) else "is written ###-##-####"), said


def _whole(said: str) -> tuple[str, Any]:
    return ("", int(said)) if _CRID.fullmatch(said) else ("is a whole number", said)


_CHECKS = {"race": _race, "ethnicity": _ethnicity, "ssn": _ssn, "nmdp_rid": _whole, "cibmtr_team": _whole}
