"""Where the metadata of the R4B model classes is cut, silent or not R4: what R4 4.0.1 has instead."""

from __future__ import annotations

_COMPARATOR = ("<", "<=", ">=", ">")
_MEASURES = ("Quantity", "Duration", "Age", "Count", "Distance")

CODES: dict[tuple[str, str], tuple[str, ...]] = {
    ("Observation", "status"): tuple(
        "registered preliminary final amended corrected cancelled entered-in-error unknown".split()
    ),
    ("Task", "status"): tuple(
        "draft requested received accepted rejected ready cancelled in-progress on-hold failed completed "
        "entered-in-error".split()
    ),
    ("QuestionnaireItem", "type"): tuple(
        "group display question boolean decimal integer date dateTime time string text url choice open-choice "
        "attachment reference quantity".split()
    ),
    ("Encounter", "status"): tuple(
        "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown".split()
    ),
    ("EncounterStatusHistory", "status"): tuple(
        "planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown".split()
    ),
    ("DeviceUdiCarrier", "entryType"): tuple("barcode rfid manual card self-reported unknown".split()),
    ("OperationOutcomeIssue", "code"): tuple(
        "invalid structure required value invariant security login unknown expired forbidden suppressed processing "
        "not-supported duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly "
        "business-rule conflict transient lock-error no-store exception timeout incomplete throttled "
        "informational".split()
    ),
    ("ActivityDefinition", "kind"): tuple(
        "Appointment AppointmentResponse CarePlan Claim CommunicationRequest Contract DeviceRequest "
        "EnrollmentRequest ImmunizationRecommendation MedicationRequest NutritionOrder ServiceRequest SupplyRequest "
        "Task VisionPrescription".split()
    ),
    ("TimingRepeat", "when"): tuple(
        "MORN MORN.early MORN.late NOON AFT AFT.early AFT.late EVE EVE.early EVE.late NIGHT PHS HS WAKE C CM CD CV AC "
        "ACM ACD ACV PC PCM PCD PCV".split()
    ),
    **{(measure, "comparator"): _COMPARATOR for measure in _MEASURES},
}
"""Required code lists that the metadata lacks or cuts."""

CONCEPTS: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {
    ("Condition", "clinicalStatus"): (
        "http://terminology.hl7.org/CodeSystem/condition-clinical",
        ("active", "recurrence", "relapse", "inactive", "remission", "resolved"),
    ),
    ("Condition", "verificationStatus"): (
        "http://terminology.hl7.org/CodeSystem/condition-ver-status",
        ("unconfirmed", "provisional", "differential", "confirmed", "refuted", "entered-in-error"),
    ),
    ("Measure", "improvementNotation"): (
        "http://terminology.hl7.org/CodeSystem/measure-improvement-notation",
        ("increase", "decrease"),
    ),
    ("MeasureReport", "improvementNotation"): (
        "http://terminology.hl7.org/CodeSystem/measure-improvement-notation",
        ("increase", "decrease"),
    ),
}
"""Required bindings on CodeableConcepts: one coding must be of this system and list."""

NOT_R4 = {
    ("Extension", "valueCodeableReference"),
    ("Extension", "valueRatioRange"),
    ("PlanDefinition", "subjectCanonical"),
    ("PlanDefinitionAction", "subjectCanonical"),
    ("ActivityDefinition", "subjectCanonical"),
}
"""Elements of R4B that R4 does not have."""

TARGETS = {("Observation", "subject"): ("Patient", "Group", "Device", "Location")}
"""Reference targets that R4B widened."""

OPEN = {("CapabilityStatement", "format"), ("Expression", "language")}
"""Code elements whose list in the metadata is only a beginning: MIME types and extensible expression languages."""
