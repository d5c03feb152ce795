"""The package of the implementation guide is laid out as FHIR tools expect one."""

from __future__ import annotations

import io
import json
import re
import tarfile

import pytest

from mappings.canonicals import ARTEFACT_VERSION, DEFAULT_BASE
from mappings.r4 import wire
from mappings.r4.validate import validate
from tests.lib.guide.package import artefacts, examples, guide, members, packed
from tests.lib.guide.written import FOLDER


@pytest.fixture(scope="module")
def package() -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(packed(members(artefacts()))), mode="r:gz") as archive:
        return {one.name: archive.extractfile(one).read() for one in archive.getmembers()}


def test_the_manifest_says_what_the_package_is_and_what_it_needs(package):
    assert next(iter(package)) == "package/package.json"
    said = json.loads(package["package/package.json"])
    assert re.fullmatch(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)+", said["name"])
    assert (said["version"], said["canonical"]) == (ARTEFACT_VERSION, DEFAULT_BASE)
    assert said["fhirVersions"] == ["4.0.1"]
    assert said["dependencies"] == {"hl7.fhir.r4.core": "4.0.1"}
    assert {"title", "description", "author", "license", "date", "url"} <= set(said)


@pytest.mark.parametrize("folder", ["package", "package/example"])
def test_the_index_lists_every_resource_of_its_folder_and_nothing_else(package, folder):
    listed = json.loads(package[f"{folder}/.index.json"])
    there = {name.rpartition("/")[2] for name in package if name.rpartition("/")[0] == folder}
    assert listed["index-version"] == 2
    assert {one["filename"] for one in listed["files"]} == there - {"package.json", ".index.json"}
    for entry in listed["files"]:
        resource = json.loads(package[f"{folder}/{entry['filename']}"])
        assert (entry["resourceType"], entry["id"]) == (resource["resourceType"], resource["id"])
        assert entry.get("url") == resource.get("url")


def test_every_artefact_and_every_golden_file_is_in_it(package):
    for file in FOLDER.glob("*.json"):
        assert wire.decode(package[f"package/{file.name}"]) == wire.decode(file.read_bytes())
    assert "package/example/Bundle-interface-example-fhir.json" in package
    assert len([name for name in package if name.startswith("package/example/Bundle-")]) > 12


def test_the_guide_names_all_of_it_once_and_is_valid(package):
    made, shown = artefacts(), examples()
    ig = guide(made, shown)
    assert [fault for fault in validate(ig) if fault.severity == "error"] == []
    names = [one["reference"]["reference"] for one in ig["definition"]["resource"]]
    assert len(names) == len(set(names)) == len(made) + len(shown)
    assert json.loads(package["package/ImplementationGuide-engraft.json"])["packageId"] == "engraft.fhir.r4"


def test_the_examples_are_valid():
    for one in examples():
        assert [fault for fault in validate(one) if fault.severity == "error"] == [], one["id"]


def test_equal_contents_give_an_equal_file():
    files = {"package/package.json": b"{}", "package/a.json": b"[]"}
    assert packed(files) == packed(files)
