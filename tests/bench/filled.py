"""Stores with many synthetic patients, filled row by row: what a flow would write, without what it takes to do so."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from adapter.store import Store
from mappings import outcomes
from mappings.canonicals import DEFAULT
from mappings.facts.synthetic import documents
from mappings.intake import schema
from mappings.r4 import wire
from mappings.r4.build import Ids, Resource, course_id

CENTRE = "SYN-001"
AS_OF = date(2026, 1, 1)
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def courses(patients: int, *, seed: int = 1) -> Iterator[tuple[str, list[Resource]]]:
    """Each course with its resources, about 40 in the mean; nine patients in ten agree to registries."""
    for enrolment, forms in documents(patients, random.Random(seed), CENTRE, as_of=AS_OF):
        enrolled = schema.enrolment(enrolment, AS_OF)
        course = course_id(DEFAULT, enrolled.centre, enrolled.patient, enrolled.protocol)
        visits = [schema.follow_up(form, AS_OF) for form in forms]
        yield course, [one.resource for one in outcomes.map_course(enrolled, visits, Ids(course, DEFAULT))]


def fill(path: Path, made: Iterator[tuple[str, list[Resource]]]) -> tuple[int, int]:
    """A new SQLite database with these courses; how many resources, and how many bytes they have."""
    store = Store(f"sqlite:///{path}")
    store.migrate()
    store.close()
    key = size = 0
    at = AT.strftime("%Y-%m-%d %H:%M:%S.%f")
    with closing(sqlite3.connect(path)) as database:
        for pragma in ("journal_mode=OFF", "synchronous=OFF"):
            database.execute(f"PRAGMA {pragma}")
        for course, resources in made:
            for resource in resources:
                key, content = key + 1, wire.encode(resource)
                size += len(content)
                head = (key, resource["resourceType"], resource["id"], 1, CENTRE, course, at)
                database.execute("INSERT INTO resource_heads VALUES (?, ?, ?, ?, ?, ?, ?)", head)
                version = (key, 1, wire.content_hash(resource), False, content, at)
                database.execute("INSERT INTO resource_versions VALUES (?, ?, ?, ?, ?, ?)", version)
        database.commit()
        database.execute("PRAGMA journal_mode=WAL")
    return key, size
