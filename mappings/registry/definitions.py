"""The endpoints in words that a clinician can check: the report and the Measures print them, docs/endpoints.md too."""

from __future__ import annotations

VERSION = "1"
"""Of the definitions. Raised when one of them changes what is counted."""

DEFINITIONS: dict[str, str] = {
    "os": ("Event: death of any cause. Nothing competes."),
    "response": (
        "Complete (CR, CRh, CRi) or partial (PR) remission by ELN 2022 at the assessment nearest each date "
        "in its window; a morphological leukaemia-free state is told apart. Of all grafted, where the dead "
        "and those not assessed have none, and of those assessed."
    ),
    "relapse": (
        "Event: haematological or extramedullary relapse, or leukaemia that never went. Death without it "
        "competes. A molecular relapse is none."
    ),
    "disease-death": (
        "Event: death after a relapse, on the day of death. Death without relapse competes. By sequence, "
        "not by the cause that was told."
    ),
    "lfs": ("Event: relapse, leukaemia that never went, or death. Nothing competes."),
    "nrm": (
        "Event: death without relapse. Relapse competes, that of the day of death too. By sequence, not by "
        "the cause that was told."
    ),
    "agvhd-2-4": (
        "Event: the first day on which acute GVHD was of grade II or worse (MAGIC). Relapse and death "
        "without it compete. Who was never looked at stays at risk to the last contact and is listed."
    ),
    "agvhd-3-4": (
        "Event: the first day on which acute GVHD was of grade III or worse (MAGIC). Relapse and death "
        "without it compete. Who was never looked at stays at risk to the last contact and is listed."
    ),
    "cgvhd": (
        "Event: the first day of chronic GVHD of any severity. Relapse and death without it compete. Who "
        "was never looked at stays at risk to the last contact and is listed."
    ),
    "cgvhd-moderate-severe": (
        "Event: the first day on which chronic GVHD was moderate or severe (NIH 2014). Relapse and death "
        "without it compete. Who was never looked at stays at risk to the last contact and is listed."
    ),
    "grfs": (
        "Event: acute GVHD of grade III or IV, chronic GVHD that needs systemic therapy (Holtan 2015) or is "
        "severe (EBMT), relapse, or death. Nothing competes."
    ),
    "neutrophil-engraftment": (
        "Event: the first of three consecutive counts on different days of at least 0.5 G/L after the "
        "nadir; where the counts do not show it, the day that the centre reports. Death and a second graft "
        "compete."
    ),
    "platelet-engraftment": (
        "Event: the first of three consecutive counts on different days of at least 20 G/L, each without a "
        "platelet transfusion in the seven days before it; where the counts do not show it, the day that "
        "the centre reports. Death and a second graft compete."
    ),
    "pdli-feasibility": (
        "Given: at least one prophylactic infusion of donor lymphocytes. Possible: on some day from 120 on, "
        "alive and without relapse, the protocol's gate was met (no systemic immunosuppressant for a "
        "calendar month, no active GVHD, acute GVHD never above grade II). Of all grafted, and of those "
        "alive and relapse-free on day 120."
    ),
    "pdli-gvhd": (
        "Of patients with an infusion, from the day of the first. Event: the first GVHD, acute or chronic, "
        "that began after it. Relapse and death compete."
    ),
    "immune-cd4": (
        "Absolute count per microlitre of blood nearest each date in its window: number of patients, "
        "median, quartiles (R's type 7), range."
    ),
    "immune-cd8": (
        "Absolute count per microlitre of blood nearest each date in its window: number of patients, "
        "median, quartiles (R's type 7), range."
    ),
    "immune-treg": (
        "Absolute count per microlitre of blood nearest each date in its window: number of patients, "
        "median, quartiles (R's type 7), range."
    ),
    "immune-nk": (
        "Absolute count per microlitre of blood nearest each date in its window: number of patients, "
        "median, quartiles (R's type 7), range."
    ),
    "immune-b": (
        "Absolute count per microlitre of blood nearest each date in its window: number of patients, "
        "median, quartiles (R's type 7), range."
    ),
    "chimerism": (
        "Donor share nearest each date in its window: full above 95 %, mixed from 5 to 95 %, absent below 5 "
        "%. Of those assessed; T cells and myeloid cells are counted apart."
    ),
    "relapse-molecular": (
        "Sensitivity. Event: relapse that only the residual disease shows. Any other relapse and death "
        "before it compete."
    ),
    "disease-death-by-cause": (
        "Sensitivity. Event: death of which relapse is told to be the cause. Death of any other cause, or of none"
        " told, competes."
    ),
    "agvhd-2-4-death-alone": ("The same with death alone competing."),
    "agvhd-3-4-death-alone": ("The same with death alone competing."),
    "cgvhd-death-alone": ("The same with death alone competing."),
    "cgvhd-moderate-severe-death-alone": ("The same with death alone competing."),
    "immune-cd4-recovered": (
        "More than 50 CD4 lymphocytes per microlitre at two consecutive dates before day 100. Of all "
        "grafted, and of those with two counts."
    ),
}
"""By endpoint, in the order of the protocol."""

RULES: tuple[str, ...] = (
    (
        "Time runs in whole days from day zero, the calendar date of the first transplant; a second "
        "transplant is no new origin. Only patients with a dated transplant by the cut-off count."
    ),
    (
        "Follow-up ends on the last day that the patient is known alive (any dated contact), on death, or "
        "at the cut-off, whichever is first. On one day the event comes before what competes, and that "
        "before the end of follow-up; a relapse and a death on one day are a relapse."
    ),
    (
        "An event before day zero, after death or without a date is excluded and listed, and so is a death "
        "without a date; the patient stays with what is certain. What is known to the month counts on its "
        "15th, moved into the time from the graft to death where the month reaches into it, and is listed "
        "(D)."
    ),
    (
        "Leukaemia that never went (D): who was assessed and never in remission (CR, CRh, CRi) up to day "
        "105 fails for relapse and survival free of it on the first assessment that shows no response or a "
        "partial remission; a later remission does not undo it. Who was never assessed has not failed, and "
        "is listed."
    ),
    (
        "Windows of assessments (D): day 30 within 7, 90 within 15, 180 within 30, 365 within 45, 730 "
        "within 60 days; the nearest, of two equally near the earlier."
    ),
    (
        "GVHD counts on the first day of its course that reached the grade, else on its onset; rows say how "
        "many were dated by onset."
    ),
    (
        "Survival is Kaplan-Meier's estimate with Greenwood's standard error, incidence Aalen and "
        "Johansen's with several causes, both with intervals of 95 % on the scale log(-log); shares have "
        "Clopper and Pearson's exact interval. Nothing is estimated past the last day of follow-up, unless "
        "nobody was censored on it. Where survival is 1 or 0 it has neither standard error nor interval "
        "(R writes a standard error of 0 at 1); where an incidence is 0 or 1 it has no interval."
    ),
)
"""What holds for all. D marks a decision of ours that no source fixes."""
