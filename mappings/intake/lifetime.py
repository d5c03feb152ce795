"""Is the patient of an enrolment of an age that a person can have?"""

from __future__ import annotations

from datetime import date

from mappings.facts import Enrolment, PartialDate
from mappings.facts.plausible import Limits, years
from mappings.r4.faults import Fault


def faults(enrolment: Enrolment, as_of: date, limits: Limits) -> list[Fault]:
    """A birth so long ago that it is a typing error, by our own limit; every day that the date can mean is asked."""
    born = enrolment.birth_date
    if not isinstance(born, PartialDate) or years(born.latest, as_of) <= limits.oldest_years:
        return []
    age = years(born.latest, as_of)
    limit = f"above {limits.oldest_years} (our own limit, [dosing] oldest_years) it is taken for a typing error"
    return [Fault("birth_date", f"{born} makes the patient {age} years old: {limit}", "value")]
