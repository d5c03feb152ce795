"""An index for dates, strings and quantities. Its rows are made after the migrations, by `index.renew`."""

from typing import Any

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    String,
)

revision = "0002"
down_revision = "0001"

SERIAL = BigInteger().with_variant(Integer(), "sqlite")
INSTANT = DateTime(timezone=True)
BYTEWISE = String().with_variant(String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_index("ix_resource_heads_kind_centre_at_key", "resource_heads", ["kind", "centre", "at", "key"])
    moments = (_column("low_at", INSTANT, null=True), _column("high_at", INSTANT, null=True))
    _table("dates", _column("low", DateTime()), _column("high", DateTime()), *moments, by=("low", "high"))
    _table("strings", _column("value"), _column("folded", BYTEWISE), by=("folded",))
    unit = (_column("system"), _column("code"), _column("unit"))
    _table("quantities", _column("low", Double()), _column("high", Double()), *unit, by=("low", "high"))
    op.create_table(
        "resource_index_state",
        _column("fingerprint"),
        PrimaryKeyConstraint("fingerprint", name="pk_resource_index_state"),
    )


def _column(name: str, type_: Any = String, *, null: bool = False) -> Column[Any]:
    return Column(name, type_, nullable=null, autoincrement="auto" if name == "key" else False)


def _table(what: str, *columns: Column[Any], by: tuple[str, ...]) -> None:
    name = f"resource_{what}"
    op.create_table(
        name,
        _column("key", SERIAL),
        _column("parameter"),
        _column("number", Integer),
        _column("kind"),
        *columns,
        PrimaryKeyConstraint("key", "parameter", "number", name=f"pk_{name}"),
        ForeignKeyConstraint(["key"], ["resource_heads.key"], name=f"fk_{name}_key_resource_heads"),
    )
    found_by = ("kind", "parameter", *by, "key")
    op.create_index(f"ix_{name}_{'_'.join(found_by)}", name, list(found_by))
