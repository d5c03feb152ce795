"""The shapes of CDS Hooks 2.0.1 as JSON Schema, written from its tables: nothing is null, nothing optional is empty."""

from __future__ import annotations

from typing import Any

import jsonschema_rs

_TEXT = {"type": "string", "minLength": 1}
_URL = {"type": "string", "pattern": "^https?://"}
_CODING = {
    "type": "object",
    "required": ["code"],
    "properties": {"code": _TEXT, "system": _TEXT, "display": _TEXT, "version": _TEXT},
    "additionalProperties": False,
}
_SOURCE = {
    "type": "object",
    "required": ["label"],
    "properties": {"label": _TEXT, "url": _URL, "icon": _URL, "topic": _CODING},
    "additionalProperties": False,
}
_LINK = {
    "type": "object",
    "required": ["label", "url", "type"],
    "properties": {
        "label": _TEXT,
        "url": _URL,
        "type": {"enum": ["absolute", "smart"]},
        "appContext": _TEXT,
        "autolaunchable": {"type": "boolean"},
    },
    "additionalProperties": False,
}
_ACTION = {
    "type": "object",
    "required": ["type", "description"],
    "properties": {
        "type": {"enum": ["create", "update", "delete"]},
        "description": _TEXT,
        "resource": {"type": "object", "minProperties": 1},
        "resourceId": _TEXT,
    },
    "additionalProperties": False,
}
_SUGGESTION = {
    "type": "object",
    "required": ["label"],
    "properties": {
        "label": _TEXT,
        "uuid": _TEXT,
        "isRecommended": {"type": "boolean"},
        "actions": {"type": "array", "minItems": 1, "items": _ACTION},
    },
    "additionalProperties": False,
}
_CARD = {
    "type": "object",
    "required": ["summary", "indicator", "source"],
    "properties": {
        "uuid": {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
        "summary": {"type": "string", "minLength": 1, "maxLength": 139},
        "detail": _TEXT,
        "indicator": {"enum": ["info", "warning", "critical"]},
        "source": _SOURCE,
        "suggestions": {"type": "array", "minItems": 1, "items": _SUGGESTION},
        "selectionBehavior": {"enum": ["at-most-one", "any"]},
        "overrideReasons": {
            "type": "array",
            "minItems": 1,
            "items": _CODING | {"required": ["code", "display"]},
        },
        "links": {"type": "array", "minItems": 1, "items": _LINK},
    },
    "dependentRequired": {"suggestions": ["selectionBehavior"], "selectionBehavior": ["suggestions"]},
    "additionalProperties": False,
}
RESPONSE: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["cards"],
    "properties": {
        "cards": {"type": "array", "items": _CARD},
        "systemActions": {"type": "array", "minItems": 1, "items": _ACTION},
    },
    "additionalProperties": False,
}
_SERVICE = {
    "type": "object",
    "required": ["hook", "description", "id"],
    "properties": {
        "hook": {"type": "string", "pattern": "^[a-z]+(-[a-z]+)*$"},
        "title": _TEXT,
        "description": _TEXT,
        "id": {"type": "string", "pattern": "^[A-Za-z0-9._-]+$"},
        "prefetch": {
            "type": "object",
            "minProperties": 1,
            # a read, or a search of a type, with tokens of the context's own members only
            "additionalProperties": {
                "type": "string",
                "pattern": r"^[A-Z][A-Za-z]+(/|\?)[^{}]*(\{\{context\.[A-Za-z]+\}\}[^{}]*)*$",
            },
        },
        "usageRequirements": _TEXT,
    },
    "additionalProperties": False,
}
DISCOVERY: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["services"],
    "properties": {"services": {"type": "array", "items": _SERVICE}},
    "additionalProperties": False,
}


def misfits(document: Any, shape: dict[str, Any]) -> list[str]:
    """What of the document is not as the specification has it."""
    return [str(error) for error in jsonschema_rs.validator_for(shape).iter_errors(document)]
