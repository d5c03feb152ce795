"""Overlays are read from the files that the settings name, each for its own centre and protocol."""

from __future__ import annotations

import os

import pytest

from adapter.config import Centre, Settings
from adapter.errors import Invalid
from adapter.overlays import overlay_of, read
from mappings.protocol.overlay import NOTHING

TEXT = "centre: FR-037\nprotocol: set-haplo-pdli\nlines: {busulfan: {step_mg: 1}}\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "chu-a.yaml"
    path.write_text(TEXT, "utf-8")
    return path


def settings(*files):
    return Settings(centres={"FR-037": Centre("FR-037", "CHU A", overlays=files), "BE-001": Centre("BE-001", "UZ B")})


def test_a_centre_gets_its_own(file):
    known = settings(file)
    assert overlay_of(known, "FR-037", "set-haplo-pdli").centre == "FR-037"
    assert overlay_of(known, "FR-037", "another") is NOTHING
    assert overlay_of(known, "BE-001", "set-haplo-pdli") is NOTHING
    assert overlay_of(known, "nobody", "set-haplo-pdli") is NOTHING
    assert overlay_of(known, None, "set-haplo-pdli") is NOTHING


def test_a_changed_file_is_read_anew(file):
    before = read(file)
    assert read(file) is before
    file.write_text(TEXT.replace("step_mg: 1", "step_mg: 2"), "utf-8")
    os.utime(file, ns=(1, 1))
    assert read(file).line("busulfan").step_mg == 2


def test_a_file_of_another_centre_is_refused(file):
    file.write_text(TEXT.replace("FR-037", "BE-001"), "utf-8")
    with pytest.raises(Invalid, match="is of BE-001"):
        overlay_of(settings(file), "FR-037", "set-haplo-pdli")


@pytest.mark.parametrize("text", ["centre: FR-037\n", "protocol: nothing\ncentre: x\n", "[", TEXT + "foo: 1\n"])
def test_faults_carry_the_file(file, text):
    file.write_text(text, "utf-8")
    with pytest.raises(Invalid) as refused:
        read(file)
    assert all(str(file) in fault.path for fault in refused.value.faults)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(Invalid, match="cannot be read"):
        read(tmp_path / "nowhere.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(Invalid, match="cannot be read"):
        read(tmp_path / "bytes.yaml")
