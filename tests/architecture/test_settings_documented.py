"""docs/operations.md names every setting, docs/api.md every route."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from adapter import config
from adapter.app import create_app
from adapter.errors import Invalid
from adapter.store import Store
from tests.lib.tree import ROOT, python

PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
API = (ROOT / "docs" / "api.md").read_text("utf-8")
VARIABLE = re.compile(r"\bENGRAFT_[A-Z_]*[A-Z]\b")
STRANGER = """\
stranger = 1
[centres.C]
stranger = 1
[hospitals.h]
stranger = 1
auth = { kind = "basic", stranger = 1 }
webhook = { kind = "bearer", stranger = 1 }
[registries.r]
stranger = 1
auth = { kind = "bearer", stranger = 1 }
[privacy]
stranger = 1
[dosing]
stranger = 1
[gates]
stranger = 1
max_age_days = { stranger = 1 }
"""


@pytest.fixture
def refusals(tmp_path):
    """What is said of a key that nobody knows, table by table: each refusal lists the keys that are known there."""
    file = tmp_path / "engraft.toml"
    file.write_text(STRANGER)
    with pytest.raises(Invalid) as refused:
        config.load({"ENGRAFT_CONFIG": str(file)})
    return [fault.message for fault in refused.value.faults if fault.message.startswith("unknown key")]


def test_every_variable_is_documented():
    read = {name for path in python("adapter") for name in VARIABLE.findall(path.read_text("utf-8"))}
    assert read >= set(config.SETTINGS)
    assert sorted(name for name in read if f"`{name}`" not in PAGE) == []


def test_every_documented_variable_is_read():
    assert sorted(set(VARIABLE.findall(PAGE)) - set(config.SETTINGS)) == []


def test_every_key_of_the_file_is_documented(refusals):
    assert len(refusals) == STRANGER.count("stranger")
    known = {key for message in refusals for key in message.partition("known here: ")[2].split(", ")}
    assert sorted(key for key in known if not re.search(rf"`(\w+\.|\[)*{key}\b", PAGE)) == []


def test_every_route_is_documented(tmp_path):
    """Rule and methods, whatever the parts in angle brackets are called."""
    store = Store(f"sqlite:///{tmp_path}/engraft.sqlite")
    app = create_app(config.Settings(), store, lambda: datetime(2026, 1, 1, tzinfo=UTC))
    served = {
        (re.sub(r"<[^>]*>", "<>", rule.rule), method)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    rows = re.findall(r"^\| `(/[^`]*)` \| ([A-Z, ]+) \|", API, re.MULTILINE)
    documented = {(re.sub(r"<[^>]*>", "<>", rule), method) for rule, methods in rows for method in methods.split(", ")}
    store.close()
    assert served == documented
