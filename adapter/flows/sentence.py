"""Words of a person that are kept beside a deed: the reason, a name. They can be stored and shown anywhere."""

from __future__ import annotations

import unicodedata

from adapter.errors import Invalid
from mappings.intake.fields import shows
from mappings.r4.faults import Fault

LONGEST = 1000
"""Characters, as of every text in a form."""

_LINE_BREAKS = "\t\r\n"


def required(said: str, field: str, why: str) -> str:
    """The words without blanks around them. Raises Invalid naming the field; `why`: what is to be said there."""
    words = said.strip()
    if not shows(words):
        raise Invalid([Fault(field, why, "required")])
    if len(words) > LONGEST:
        raise Invalid([Fault(field, f"is longer than {LONGEST} characters", "too-long")])
    if any(unicodedata.category(one) in ("Cc", "Cs") and one not in _LINE_BREAKS for one in words):
        raise Invalid([Fault(field, "holds control characters", "value")])
    return words
