"""`engraft registry table`: one row a patient for statisticians, as CSV or as Parquet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count, islice
from pathlib import Path
from typing import Any

import click

from adapter.cli.acting import acting
from adapter.cli.refusal import json_refusals
from adapter.cli.surroundings import environment, now, open_whole, store_of
from adapter.config import load
from adapter.errors import Refused
from adapter.flows import access
from adapter.flows import endpoints as flow
from mappings.registry import analysis_table

TABLE = "analysis-table"
STDOUT = "-"
ROWS_AT_ONCE = 10_000
"""Patients of one row group of a Parquet file, which are in memory together."""


@click.command()
@click.option("--from", "folder", type=click.Path(path_type=Path), help="Folder of NDJSON, as engraft map writes it.")
@click.option("--database", is_flag=True, help="Everything that is stored.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Cut-off; default: the last date in the data.")
@click.option(
    "--out", type=click.Path(dir_okay=False, allow_dash=True), default=STDOUT, help="File; default: stdout (csv)."
)
@click.option("--format", "shape", type=click.Choice(["csv", "parquet"]), default="csv", show_default=True)
@acting
@json_refusals
def table(folder: Path | None, database: bool, as_of: datetime | None, out: str, shape: str, who: str) -> None:
    """The analysis table: one row a patient, days and status of each endpoint. It does not leave the centre.

    docs/endpoints.R computes every number of the report from the CSV. Parquet has the same columns with their types and
    needs pyarrow (the extra `tables`).

    Example: engraft registry table --from fhir/ --out table.csv
    """
    if (folder is None) == (not database):
        raise click.UsageError("say where from: --from DIR or --database")
    if shape == "parquet" and out == STDOUT:
        raise click.UsageError("a Parquet file needs a name: --out table.parquet")
    with _rows(folder, as_of, who) as rows:
        if shape == "parquet":
            _write_parquet(rows, Path(out))
        else:
            with click.open_file(STDOUT, "w", "utf-8") if out == STDOUT else open_whole(Path(out)) as file:
                csv.writer(file, lineterminator="\n").writerows(rows)


@contextmanager
def _rows(folder: Path | None, as_of: datetime | None, who: str) -> Iterator[Iterator[list[str]]]:
    """Names of the columns, then a patient each."""
    settings, cut = load(environment()), as_of.date() if as_of else None
    if folder:
        yield flow.table_from_directory(folder, cut, canonicals=settings.canonicals)
        return
    with store_of(settings) as store:
        access.taken_out(store, TABLE, now(), "every grafted patient", who=who)
        counted = count()
        found = flow.table_from_store(store, cut, canonicals=settings.canonicals)
        yield (line for line, _ in zip(found, counted, strict=False))
        access.done(store, TABLE, now(), next(counted) - 1, "patients", who=who)


def _write_parquet(rows: Iterator[list[str]], out: Path) -> None:
    """Whole or not at all. An empty cell is a null."""
    try:
        import pyarrow as pa  # here, because it is an extra
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise Refused("a Parquet file needs the extra tables: pip install 'engraft-fhir[tables]'") from error
    kinds = analysis_table.kinds()
    types = {str: pa.string(), int: pa.int32(), float: pa.float64()}
    schema = pa.schema([(name, types[kinds[name]]) for name in next(rows)])
    part = out.with_name(f"{out.name}.part")
    try:
        with parquet.ParquetWriter(part, schema) as writer:
            while some := list(islice(rows, ROWS_AT_ONCE)):
                writer.write_table(pa.table(_columns(some, list(kinds.values())), schema))
        part.replace(out)
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def _columns(rows: Iterable[list[str]], kinds: list[type]) -> list[list[Any]]:
    cells = zip(*rows, strict=True)
    return [[kind(cell) if cell else None for cell in column] for kind, column in zip(kinds, cells, strict=True)]
