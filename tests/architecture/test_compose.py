"""compose.yaml and the Dockerfile fit the program: commands, settings, images and what waits for what."""

from __future__ import annotations

import re

import click
import pytest
import yaml

from adapter import config
from adapter.cli import main
from tests.lib.tree import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def services(compose):
    return compose["services"]


def ours(services):
    return {name: service for name, service in services.items() if service["image"] == "engraft"}


def test_every_variable_is_one_that_is_read(services):
    named = {name for service in ours(services).values() for name in service["environment"]}
    assert named <= set(config.SETTINGS)


def test_every_command_of_ours_has_its_options(services):
    commands = [service["command"] for service in ours(services).values() if "command" in service]
    commands += [service["healthcheck"]["test"][1:] for service in ours(services).values() if "healthcheck" in service]
    spoken = [words for words in commands if words[0] == "engraft"]
    assert len(spoken) >= 4
    for words in spoken:
        command = main
        for word in words[1:]:
            if isinstance(command, click.Group):
                command = command.get_command(None, word)
                assert command is not None, words
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, words


def test_the_worker_is_the_application_of_the_package(services):
    from adapter.scale import app

    assert f"--app={app.__name__}" in services["scaled-worker"]["command"]
    assert app.app.main == "engraft"


def test_the_scaled_profile_is_a_store_a_broker_the_web_a_herald_and_two_workers(services):
    scaled = {name for name, service in services.items() if service.get("profiles") == ["scaled"]}
    assert scaled == {"scaled-web", "scaled-herald", "scaled-worker", "store", "broker"}
    assert services["scaled-worker"]["deploy"]["replicas"] == 2
    for name in ("scaled-web", "scaled-herald", "scaled-worker"):
        settings = services[name]["environment"]
        assert "@store:5432/" in settings["ENGRAFT_DATABASE_URL"]
        assert settings["ENGRAFT_BROKER_URL"] == "redis://broker:6379/0", "the web leaves long work to the workers"
        assert services[name]["volumes"] == ["engraft:/srv/engraft/var"], "files of exports are fetched from the web"
        assert settings["ENGRAFT_BROKER_URL"] == "redis://broker:6379/0"


def test_the_password_of_the_store_is_the_same_on_both_sides(services):
    password = services["store"]["environment"]["POSTGRES_PASSWORD"]
    assert f":{password}@store" in services["scaled-web"]["environment"]["ENGRAFT_DATABASE_URL"]


def test_who_is_waited_for_is_there_and_says_how_it_is(services):
    for service in services.values():
        for name, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in services[name] or services[name]["image"] == "engraft"  # that of the Dockerfile


def test_every_volume_and_file_is_declared(compose, services):
    named = {one.partition(":")[0] for service in services.values() for one in service.get("volumes", [])}
    assert named == set(compose["volumes"])
    assert {one["source"] for service in services.values() for one in service.get("configs", [])} == set(
        compose["configs"]
    )


def test_ours_run_locked_down(services):
    for name, service in ours(services).items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_the_image_has_what_the_scaled_profile_needs():
    [lock] = re.findall(r"/opt/engraft/bin/pip install .*-r (\S+)", DOCKERFILE)
    locked = (ROOT / lock).read_text("utf-8")
    for package in ("celery", "kombu", "redis", "psycopg", "psycopg-binary"):
        assert re.search(rf"^{package}==", locked, re.MULTILINE), package


def test_no_log_has_whole_addresses():
    """They hold what was searched for: docs/operations.md says so to who runs gunicorn by hand."""
    assert "--access-logfile" not in DOCKERFILE
