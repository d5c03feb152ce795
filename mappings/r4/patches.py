"""Where the metadata of the R4B model classes is cut, silent or not R4: what R4 4.0.1 has instead."""

from __future__ import annotations

from mappings.r4.typenames import ALL_TYPES, RESOURCE_TYPES

_COMPARATOR = ("<", "<=", ">=", ">")
_MEASURES = ("Quantity", "Duration", "Age", "Count", "Distance")
_FHIR_VERSIONS = tuple(
    "0.01 0.05 0.06 0.11 0.0.80 0.0.81 0.0.82 0.4.0 0.5.0 1.0.0 1.0.1 1.0.2 1.1.0 1.4.0 1.6.0 1.8.0 "
    "3.0.0 3.0.1 3.3.0 3.5.0 4.0.0 4.0.1".split()
)

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
    ("DiagnosticReport", "status"): tuple(
        "registered partial preliminary final amended corrected appended cancelled entered-in-error unknown".split()
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
    ("AuditEvent", "action"): tuple("CRUDE"),
    ("AuditEvent", "outcome"): tuple("0 4 8 12".split()),
    ("AuditEventAgentNetwork", "type"): tuple("12345"),
    **{(measure, "comparator"): _COMPARATOR for measure in _MEASURES},
    ("Composition", "confidentiality"): ("U", "L", "M", "N", "R", "V"),
    ("CapabilityStatement", "fhirVersion"): _FHIR_VERSIONS,
    ("StructureDefinition", "fhirVersion"): _FHIR_VERSIONS,
    ("ImplementationGuide", "fhirVersion"): _FHIR_VERSIONS,
    ("ImplementationGuideDefinitionResource", "fhirVersion"): _FHIR_VERSIONS,
    ("CapabilityStatementRestResource", "type"): tuple(sorted(RESOURCE_TYPES)),
    ("OperationDefinition", "resource"): tuple(sorted(RESOURCE_TYPES)),
    ("SearchParameter", "base"): tuple(sorted(RESOURCE_TYPES)),
    ("SearchParameter", "target"): tuple(sorted(RESOURCE_TYPES)),
    ("Questionnaire", "subjectType"): tuple(sorted(RESOURCE_TYPES)),
    ("ImplementationGuideGlobal", "type"): tuple(sorted(RESOURCE_TYPES)),
    ("OperationDefinitionParameter", "type"): tuple(sorted(ALL_TYPES)),
    ("DataRequirement", "type"): tuple(sorted(ALL_TYPES)),
    ("ParameterDefinition", "type"): tuple(sorted(ALL_TYPES)),
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
    ("PlanDefinition", "subjectCanonical"),
    ("PlanDefinitionAction", "subjectCanonical"),
    ("ActivityDefinition", "subjectCanonical"),
}
"""Elements of R4B that R4 does not have."""

TARGETS: dict[tuple[str, str], tuple[str, ...]] = {
    ("Observation", "subject"): ("Patient", "Group", "Device", "Location"),
    ("ActivityDefinition", "productReference"): ("Medication", "Substance"),
    ("GroupMember", "entity"): (
        "Patient",
        "Practitioner",
        "PractitionerRole",
        "Device",
        "Medication",
        "Substance",
        "Group",
    ),
}
"""Reference targets that R4B widened."""

NOT_R4_TYPES = {"CodeableReference", "RatioRange"}
"""Data types of R4B that R4 does not have: `valueRatioRange`, `fixedCodeableReference` and their like."""

META_CHOICES: dict[str, tuple[str, ...]] = {
    "Extension": ("value",),
    "ElementDefinition": ("defaultValue", "fixed", "pattern"),
    "ElementDefinitionExample": ("value",),
}
"""Choices of R4 that may be a Meta, which the library left out."""

SIMPLE_QUANTITIES: frozenset[tuple[str, str]] = frozenset(
    {
        ("ActivityDefinition", "quantity"),
        ("CarePlanActivityDetail", "dailyAmount"),
        ("CarePlanActivityDetail", "quantity"),
        ("MedicationRequestDispenseRequest", "quantity"),
        ("MedicationRequestDispenseRequestInitialFill", "quantity"),
        ("MedicationAdministrationDosage", "dose"),
        ("MedicationAdministrationDosage", "rateQuantity"),
        ("ObservationReferenceRange", "low"),
        ("ObservationReferenceRange", "high"),
        ("Dosage", "maxDosePerAdministration"),
        ("Dosage", "maxDosePerLifetime"),
        ("DosageDoseAndRate", "doseQuantity"),
        ("DosageDoseAndRate", "rateQuantity"),
        ("Range", "low"),
        ("Range", "high"),
        ("SampledData", "origin"),
    }
)
"""Quantities that may not carry a comparator (`sqty-1`): a dose is never "less than 5 mg"."""

OPEN = {("CapabilityStatement", "format"), ("Expression", "language")}
"""Code elements whose list in the metadata is only a beginning: MIME types and extensible expression languages."""
