"""The implementation guide as a package that FHIR tools load: `make ig` writes `dist/<name>-<version>.tgz`.

`package/` holds package.json, an index, every artefact of `profiles/` and the ImplementationGuide, and in `example/`
the golden files. Equal contents give an equal file, byte for byte.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mappings.canonicals import ARTEFACT_VERSION, DEFAULT
from mappings.r4 import wire
from tests.lib.guide.artefact import PUBLISHED, PUBLISHER, artefact
from tests.lib.guide.written import FOLDER
from tests.lib.tree import ROOT

NAME = "engraft.fhir.r4"
CORE = {"hl7.fhir.r4.core": "4.0.1"}
DIST = ROOT / "dist"
_INDEXED = ("id", "url", "version", "kind", "type")

Resource = dict[str, Any]


def artefacts() -> list[Resource]:
    """Every resource of `profiles/`, by file name."""
    return [wire.decode(file.read_bytes()) for file in sorted(FOLDER.glob("*.json"))]


def examples() -> list[Resource]:
    """The golden files that are FHIR, each known by its case."""
    found = sorted(path for path in ROOT.glob("tests/golden/*/*.json") if not path.name.startswith("0-"))
    return [_named(wire.decode(path.read_bytes()), path) for path in found]


def _named(resource: Resource, path: Path) -> Resource:
    """A Bundle of a golden case has no id of its own."""
    stage = path.stem.partition("-")[2]
    return {"resourceType": resource["resourceType"], "id": f"{path.parent.name}-{stage}"} | resource


def guide(made: Iterable[Resource], shown: Iterable[Resource]) -> Resource:
    """The ImplementationGuide, which names all of it."""
    told = "Profiles, questionnaires and terminology of a transplant protocol for acute myeloid leukaemia, in FHIR R4."
    head = artefact("ImplementationGuide", "engraft", "Engraft", told)
    listed = [{"reference": _reference(one), "name": _title(one), "exampleBoolean": False} for one in made]
    listed += [{"reference": _reference(one), "name": one["id"], "exampleBoolean": True} for one in shown]
    more = {"packageId": NAME, "license": "Apache-2.0", "fhirVersion": ["4.0.1"], "definition": {"resource": listed}}
    return head | {"date": PUBLISHED} | more


def _reference(resource: Resource) -> dict[str, str]:
    return {"reference": f"{resource['resourceType']}/{resource['id']}"}


def _title(resource: Resource) -> str:
    return str(resource.get("title") or resource["name"])


def manifest() -> dict[str, Any]:
    """package.json, as the FHIR package specification asks for it."""
    return {
        "name": NAME,
        "version": ARTEFACT_VERSION,
        "tools-version": 3,
        "type": "IG",
        "date": PUBLISHED.replace("-", "") + "000000",
        "license": "Apache-2.0",
        "canonical": DEFAULT.base,
        "url": DEFAULT.base,
        "title": "Engraft",
        "description": "Profiles, questionnaires and terminology of Engraft",
        "fhirVersions": ["4.0.1"],
        "dependencies": CORE,
        "author": PUBLISHER,
        "directories": {"lib": "package", "example": "example"},
    }


def index(resources: Mapping[str, Resource]) -> dict[str, Any]:
    """.index.json of one folder: file name to resource."""
    entries = [
        {"filename": name, "resourceType": one["resourceType"]}
        | {key: one[key] for key in _INDEXED if isinstance(one.get(key), str)}
        for name, one in resources.items()
    ]
    return {"index-version": 2, "files": entries}


def members(made: list[Resource]) -> dict[str, bytes]:
    """Path in the package to its bytes; `made` are the artefacts, with their snapshots where there are any."""
    shown = examples()
    main = {_file(one): one for one in [*made, guide(made, shown)]}
    beside = {_file(one): one for one in shown}
    out = {"package/package.json": json.dumps(manifest(), indent=2).encode()}
    for folder, resources in (("package", main), ("package/example", beside)):
        out[f"{folder}/.index.json"] = json.dumps(index(resources), indent=2).encode()
        out |= {f"{folder}/{name}": wire.pretty(one).encode() for name, one in resources.items()}
    return out


def _file(resource: Resource) -> str:
    return f"{resource['resourceType']}-{resource['id']}.json"


def packed(files: Mapping[str, bytes]) -> bytes:
    """The .tgz; package.json stands first, as tools expect."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(tar.getvalue(), mtime=0)


def build(made: list[Resource]) -> Path:
    """Writes the package to `dist/`."""
    DIST.mkdir(exist_ok=True)
    path = DIST / f"{NAME}-{ARTEFACT_VERSION}.tgz"
    path.write_bytes(packed(members(made)))
    return path
