"""Compiles a JSON Schema for each R4 resource type from the field metadata of fhir.resources, and ships it as JSON.

    make schemas        writes mappings/r4/schemas/

The metadata is R4B's; `patches` holds what R4 4.0.1 has otherwise. Contained and bundled resources are left open in the
schema: `validate` looks at each by its own type. fhir.* is imported only while compiling.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Sequence
from typing import Any

from mappings.r4.patches import (
    CODES,
    CONCEPTS,
    META_CHOICES,
    NOT_R4,
    NOT_R4_TYPES,
    OPEN,
    SIMPLE_QUANTITIES,
    TARGETS,
)
from mappings.r4.primitives import ID, PRIMITIVES, Schema, text

TYPES = tuple(
    "ActivityDefinition AuditEvent BiologicallyDerivedProduct Bundle CapabilityStatement CarePlan CareTeam CodeSystem "
    "Composition ConceptMap Condition Consent Device DiagnosticReport Encounter Goal Group ImplementationGuide Library "
    "List Location Measure MeasureReport Medication MedicationAdministration MedicationRequest MedicationStatement "
    "MessageHeader NamingSystem Observation OperationDefinition OperationOutcome Organization Parameters Patient "
    "PlanDefinition Practitioner PractitionerRole Procedure Provenance Questionnaire QuestionnaireResponse "
    "RelatedPerson RequestGroup ResearchStudy ResearchSubject SearchParameter ServiceRequest Specimen "
    "StructureDefinition Subscription Substance Task ValueSet".split()
)
"""Resource types that we write, or take from others."""


def compile_type(name: str) -> Schema:
    """JSON Schema (2020-12) of one resource type with every data type that it uses."""
    return _Compiler().document(name)


class _Compiler:
    def __init__(self) -> None:
        self.defs: dict[str, Schema] = {}

    def document(self, name: str) -> Schema:
        from fhir.resources.R4B import get_fhir_model_class

        root = self._model(get_fhir_model_class(name))
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **root, "$defs": self.defs}

    def _model(self, model: Any) -> Schema:
        name = str(model.get_resource_type())
        if name in ("Resource", "DomainResource"):
            return {"type": "object"}
        if name not in self.defs:
            self.defs[name] = {}
            self.defs[name] = self._object(name, model)
        return {"$ref": f"#/$defs/{name}"}

    def _object(self, name: str, model: Any) -> Schema:
        out = _Shape()
        if model.has_resource_base():
            out.properties["resourceType"] = {"const": name}
            out.required.append("resourceType")
        fields = {key: field for key, field in model.model_fields.items() if key != "fhir_comments"}
        for key, field in fields.items():
            wire = field.alias or key
            if not key.endswith("__ext") and (name, wire) not in NOT_R4:
                self._field(name, wire, field, f"{key}__ext" in fields, out)
        for choice in META_CHOICES.get(name, ()):
            out.properties[f"{choice}Meta"] = self._named("Meta")
            out.choices.setdefault((choice, False), []).append((f"{choice}Meta",))
        if name == "Extension":
            # telling 50 types apart would be most of the cost of a schema: a rule of `datatype_rules` does it
            out.choices.clear()
        return out.schema()

    def _field(self, name: str, wire: str, field: Any, has_companion: bool, out: _Shape) -> None:
        extra = field.json_schema_extra or {}
        repeats, kind = _kind_of(field.annotation)
        primitive = isinstance(kind, str)
        if not primitive and kind.get_resource_type() in NOT_R4_TYPES:
            return
        named = primitive and (has_companion or (name == "Extension" and wire.startswith("value")))
        companion = f"_{wire}" if named else None
        item = self._primitive(name, wire, kind, extra) if primitive else self._element(name, wire, kind, extra)
        if repeats and primitive:
            out.properties[wire] = _array({"anyOf": [item, {"type": "null"}]})
        else:
            out.properties[wire] = _array(item) if repeats else item
        if companion:
            element = self._named("Element")
            out.properties[companion] = _array({"anyOf": [element, {"type": "null"}]}) if repeats else element
            if repeats:
                full = {"properties": {wire: {"items": {"not": {"type": "null"}}}}}
                out.dependent[wire] = {"anyOf": [{"required": [companion]}, full]}
        names = tuple(filter(None, (wire, companion)))
        if "one_of_many" in extra:
            out.choices.setdefault((extra["one_of_many"], extra["one_of_many_required"]), []).append(names)
        elif field.is_required() or extra.get("element_required"):
            out.demand(names)

    def _primitive(self, name: str, wire: str, kind: str, extra: dict[str, Any]) -> Schema:
        codes = CODES.get((name, wire)) or extra.get("enum_values")
        if codes and (name, wire) not in OPEN:
            return {"enum": list(codes)}
        kind = "currency" if (name, wire) == ("Money", "currency") else kind
        self.defs.setdefault(f"p-{kind}", PRIMITIVES[kind])
        return {"$ref": f"#/$defs/p-{kind}"}

    def _element(self, name: str, wire: str, model: Any, extra: dict[str, Any]) -> Schema:
        item = self._model(model)
        if (name, wire) in CONCEPTS:
            system, codes = CONCEPTS[name, wire]
            bound = {"properties": {"system": {"const": system}, "code": {"enum": list(codes)}}}
            coding = {"contains": bound | {"required": ["system", "code"]}}
            return {"allOf": [item, {"properties": {"coding": coding}, "required": ["coding"]}]}
        if (name, wire) in SIMPLE_QUANTITIES:
            return {"allOf": [item, {"properties": {"comparator": False}}]}
        if str(model.get_resource_type()) == "Reference":
            targets = TARGETS.get((name, wire)) or extra.get("enum_reference_types") or ("Resource",)
            # The comment is for `shapes`: contained and absolute references are checked by the type they lead to.
            limit = {"$comment": "|".join(targets), "properties": {"reference": text(_target(targets))}}
            return {"allOf": [item, limit]}
        return item

    def _named(self, name: str) -> Schema:
        from fhir.resources.R4B import get_fhir_model_class

        return self._model(get_fhir_model_class(name if name != "Element" else "FHIRPrimitiveExtension"))


class _Shape:
    """One object in the making."""

    def __init__(self) -> None:
        self.properties: dict[str, Schema] = {}
        self.required: list[str] = []
        self.rules: list[Schema] = []
        self.dependent: dict[str, Schema] = {}
        self.choices: dict[tuple[str, bool], list[tuple[str, ...]]] = {}

    def demand(self, names: tuple[str, ...]) -> None:
        """One of the names (an element or its `_` companion) must be there."""
        if len(names) == 1:
            self.required.append(names[0])
        else:
            self.rules.append(_any_of(names))

    def schema(self) -> Schema:
        for (_, must), members in self.choices.items():
            self.rules += _choice(members, must=must)
        out: Schema = {"type": "object", "minProperties": 1, "additionalProperties": False}
        out["properties"] = self.properties
        if self.required:
            out["required"] = self.required
        if self.dependent:
            out["dependentSchemas"] = self.dependent
        if self.rules:
            out["allOf"] = self.rules
        return out


def _choice(members: Sequence[tuple[str, ...]], *, must: bool) -> list[Schema]:
    """At most one of the types of a value[x], its `_` companion included; `must`: exactly one."""
    seen = [_any_of(names) for names in members]
    none = {"not": {"anyOf": [{"required": [name]} for names in members for name in names]}}
    return [{"oneOf": seen if must else [*seen, none]}]


def _any_of(names: Sequence[str]) -> Schema:
    return {"anyOf": [{"required": [name]} for name in names]} if len(names) > 1 else {"required": list(names)}


def _array(item: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": item}


def _target(targets: Sequence[str]) -> str:
    """Pattern of a literal reference to one of these types; contained, absolute and conditional ones pass."""
    kinds = "[A-Z][A-Za-z]+" if "Resource" in targets else "(?:" + "|".join(sorted(targets)) + ")"
    absolute = r"[A-Za-z][A-Za-z0-9+.\-]*:\S+"
    return rf"^(?:#\S*|{absolute}|{kinds}/{ID}(?:/_history/{ID})?|{kinds}\?\S+)$"


def _kind_of(annotation: Any) -> tuple[bool, Any]:
    """(repeats, primitive name or model class) of a field's annotation."""
    from fhir_core.types import FhirBase

    repeats = False
    while not (isinstance(annotation, type) and issubclass(annotation, FhirBase)):
        origin = typing.get_origin(annotation)
        if origin is list:
            repeats, annotation = True, typing.get_args(annotation)[0]
        elif origin is typing.Annotated:
            found = [getattr(meta, "__visit_name__", None) for meta in annotation.__metadata__]
            if type(annotation.__metadata__[0]).__name__ == "UuidVersion":
                return repeats, "uuid"
            return repeats, next(filter(None, reversed(found)))
        elif origin in (typing.Union, types.UnionType):
            annotation = next(part for part in typing.get_args(annotation) if part is not type(None))
        else:
            return repeats, "boolean" if annotation is bool else "url"
    model: Any = annotation
    return repeats, model.get_model_klass()


def written(name: str) -> str:
    """The text of one packaged schema."""
    return json.dumps(compile_type(name), separators=(",", ":"), sort_keys=True, ensure_ascii=True) + "\n"
