"""Is the patient of an enrolment of an age that a person can have?"""

from __future__ import annotations

from datetime import date

from mappings.facts import Enrolment, PartialDate, Transplant
from mappings.facts.plausible import Limits, years
from mappings.r4.faults import Fault


def faults(enrolment: Enrolment, as_of: date, limits: Limits) -> list[Fault]:
    """A birth so long ago that it is a typing error, by our own limit; every day that the date can mean is asked.

    Nobody is younger than the graft, so the limit holds for its day where no birth is told.
    """
    born, graft = enrolment.birth_date, enrolment.transplant
    if isinstance(born, PartialDate):
        path, day = "birth_date", born.latest
    elif isinstance(graft, Transplant) and graft.day_zero:
        path, day = "transplant.date", graft.day_zero
    else:
        return []
    age = years(day, as_of)
    if age <= limits.oldest_years:
        return []
    limit = f"above {limits.oldest_years} (our own limit, [dosing] oldest_years) it is taken for a typing error"
    told = f"{born} makes" if path == "birth_date" else f"{day} would make"
    return [Fault(path, f"{told} the patient {age} years old: {limit}", "value")]
