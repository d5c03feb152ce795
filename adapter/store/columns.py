"""What columns are made of: types that keep an instant aware and a decimal as written, and how keys are named."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Dialect, Integer, LargeBinary, MetaData, String, TypeDecorator

from mappings.r4 import wire


class Instant(TypeDecorator[datetime]):
    """A moment: aware going in, UTC coming out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is not None and value.tzinfo is None:
            raise ValueError("an instant without a time zone is not a moment")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


class Json(TypeDecorator[Any]):
    """JSON as bytes of our own wire form: 2.50 comes back as 2.50, which no JSON column of a database promises."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else wire.encode(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        return None if value is None else wire.decode(value)


_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=_NAMES)
SERIAL = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up INTEGER only


def text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, String, nullable=null)


def number(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, Integer, nullable=null)


def instant(name: str, *, null: bool = False) -> Column[datetime]:
    return Column(name, Instant, nullable=null)
