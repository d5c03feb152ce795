"""Survival, relapse, and death with and without relapse: one function an endpoint, in the protocol's order.

Origin is day zero. A death and a relapse on the same day are a relapse. What brought a death about is the centre's word
(`vital_status.cause`) and feeds no endpoint: a death after a relapse is one of the disease, any other is none.
"""

from __future__ import annotations

from mappings.facts import Word
from mappings.registry.followed import Followed, Happened, earliest, molecular_relapse
from mappings.registry.judged import Verdict


def overall_survival(followed: Followed) -> Verdict:
    """Event: death of any cause. Nothing competes."""
    return followed.verdict(followed.death, ())


def leukaemia_free_survival(followed: Followed) -> Verdict:
    """Event: relapse, leukaemia that never went, or death. Nothing competes."""
    return followed.verdict(earliest(followed.relapse, followed.death), ())


def relapse(followed: Followed) -> Verdict:
    """Event: haematological or extramedullary relapse, or leukaemia that never went. Death without it competes."""
    return followed.verdict(followed.relapse, (followed.died,))


def molecular(followed: Followed) -> Verdict:
    """Event: molecular relapse. Death and any other relapse before it compete. No event of the other endpoints."""
    return followed.verdict(molecular_relapse(followed), (followed.relapsed, followed.died), followed.relapse)


def non_relapse_mortality(followed: Followed) -> Verdict:
    """Event: death without relapse. Relapse competes, that of the day of death too."""
    without = Happened() if followed.relapsed is not None else followed.death
    return followed.verdict(without, (followed.relapsed,), followed.relapse)


def disease_death(followed: Followed) -> Verdict:
    """Event: death after a relapse, on the day of death. Death without relapse competes."""
    after = followed.death if followed.relapsed is not None else Happened()
    other = None if followed.relapsed is not None else followed.died
    return followed.verdict(after, (other,), followed.relapse)


def disease_death_by_cause(followed: Followed) -> Verdict:
    """Sensitivity. Event: death of which relapse is told to be the cause. Death of any other cause competes."""
    causes = {cause.key for one in followed.facts.vital_status if isinstance(cause := one.fact.cause, Word)}
    of_relapse = "relapse" in causes
    untold = followed.died is not None and not causes - {"unknown"}
    note = Happened(listed=("death of a cause that was not told: not one of relapse",) if untold else ())
    event = followed.death if of_relapse else Happened()
    return followed.verdict(event, (None if of_relapse else followed.died,), note)
