"""FHIR conformance artefacts of Engraft: one resource per JSON file, no logic."""
