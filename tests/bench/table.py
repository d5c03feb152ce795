"""Figures of a benchmark, printed so that they can be copied into docs/benchmarks.md."""

from __future__ import annotations


def show(title: str, *rows: tuple[str, str]) -> None:
    print(f"\n{title}")
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"  {name:<{width}}  {value}")
