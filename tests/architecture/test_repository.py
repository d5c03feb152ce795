"""What a fresh clone relies on: the locks, the make targets, the images, the papers."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from adapter import config
from adapter.version import VERSION
from tests.lib.tree import ROOT, files

# in pieces, so that this file does not name them itself
HOSTS = re.compile(
    "|".join(
        (
            r"pypi\.o" "rg",
            r"pythonh" "osted",
            r"registry\.n" "pmjs",
            r"repo1?\.m" "aven",
            r"crates\.i" "o",
            r"deb\.d" "ebian",
        )
    )
)
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
REQUIREMENT = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^ ;\\]+)", re.MULTILINE)


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def texts():
    for path in files():
        try:
            yield path.relative_to(ROOT), path.read_text("utf-8")
        except UnicodeDecodeError:  # a picture
            continue


PROJECT = tomllib.loads(read("pyproject.toml"))["project"]
COMPOSE = yaml.safe_load(read("compose.yaml"))


def pins(lock: str) -> dict[str, str]:
    return {m["name"]: m["version"] for m in REQUIREMENT.finditer(read(lock))}


@pytest.mark.parametrize("lock", ["requirements/dev.txt", "requirements/run.txt"])
def test_every_locked_requirement_has_hashes(lock):
    entries = re.split(r"\n(?=[a-z0-9])", read(lock).strip())
    assert len(entries) == len(pins(lock))
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_what_runs_is_what_was_tested():
    assert pins("requirements/run.txt").items() <= pins("requirements/dev.txt").items()


def test_every_dependency_is_locked():
    groups = tomllib.loads(read("pyproject.toml"))["dependency-groups"]
    for lock, declared in (("run", PROJECT["dependencies"]), ("dev", PROJECT["dependencies"] + groups["dev"])):
        wanted = {re.split(r"[<>=~!\[; ]", requirement)[0].lower().replace("_", "-") for requirement in declared}
        locked = {name.replace(".", "-") for name in pins(f"requirements/{lock}.txt")}
        assert {name.replace(".", "-") for name in wanted} - locked == set()


def test_no_file_names_a_package_registry():
    """Where packages come from is the business of the machine that installs them."""
    assert [str(path) for path, text in texts() if HOSTS.search(text)] == []


def test_nothing_is_left_unfinished():
    assert [str(path) for path, text in texts() if UNFINISHED.search(text)] == []


def test_text_files_end_with_a_line_end_and_have_no_carriage_return():
    recorded = Path("tests/data")  # kept byte for byte as they came
    ours = ((path, text) for path, text in texts() if text and recorded not in path.parents)
    assert [str(path) for path, text in ours if not text.endswith("\n") or "\r" in text] == []


def test_make_help_lists_every_target():
    phony = re.search(r"^\.PHONY: (.+)$", read("Makefile"), re.MULTILINE)
    assert phony
    run = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {line.split()[1] for line in run.stdout.splitlines()} == set(phony[1].split())


def test_the_gate_can_be_run():
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    subprocess.run(["sh", "-n", ".ci/run"], cwd=ROOT, check=True)


def test_the_licence_is_the_one_that_the_wheel_names():
    assert PROJECT["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0" in read("LICENSE")
    assert "END OF TERMS AND CONDITIONS" in read("LICENSE")


def test_the_newest_change_is_the_version():
    versions = re.findall(r"^## \[(\d[^\]]*)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert versions[0] == VERSION


def test_every_link_between_the_papers_leads_somewhere():
    broken = []
    for path, text in texts():
        if path.suffix == ".md":
            targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
            broken += [f"{path}: {t}" for t in targets if not (ROOT / path.parent / t).exists()]
    assert broken == []


def test_the_image_runs_locked_wheels_without_root():
    dockerfile = read("Dockerfile")
    run = dockerfile.rpartition("\nFROM ")[2]
    assert dockerfile.count("--require-hashes") == 2
    assert re.search(r"^USER (?!0$|root$)\S+$", run, re.MULTILINE)
    assert "HEALTHCHECK" in run
    assert "/healthz" in run
    assert "gunicorn" in run
    assert "--worker-class=sync" in run
    assert "adapter.wsgi:app" in run


def test_every_container_tells_its_health():
    """The adapter's own check stands in its image, which the services that are built from it inherit."""
    services = COMPOSE["services"]
    assert {"adapter", "delivery", "hapi", "postgres"} <= set(services)
    assert {name for name, service in services.items() if "healthcheck" not in service} == {"adapter", "scaled-web"}
    awaited = {name for service in services.values() for name in service.get("depends_on", {})}
    assert awaited <= set(services)


def test_the_containers_have_settings_that_load(tmp_path):
    file = tmp_path / "engraft.toml"
    file.write_text(COMPOSE["configs"]["engraft"]["content"])
    settings = config.load({"ENGRAFT_CONFIG": str(file)})
    assert settings.hospitals["hapi"].base_url == "http://hapi:8080/fhir"
    assert {centre.hospital for centre in settings.centres.values()} == {"hapi"}
    kept = [volume.partition(":")[2] for volume in COMPOSE["services"]["adapter"]["volumes"]]
    assert settings.privacy_key
    assert str(settings.privacy_key.parent) in kept
