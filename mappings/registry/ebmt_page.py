"""A form of EBMT for people to copy from: one self-contained page for each patient and form."""

from __future__ import annotations

from html import escape

from mappings.registry.ebmt import Line

_STYLE = (
    "body{font:16px/1.5 sans-serif;max-width:45rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{border:1px solid #767676;padding:.3rem .6rem;text-align:left}"
    "@media print{body{margin:0}}"
)


def page(form: str, line: Line) -> str:
    """HTML without anything from the network. Every text that was told is escaped."""
    title = f"EBMT form {escape(form)}"
    rows = "".join(
        f'<tr><th scope="row">{escape(name.replace("_", " "))}</th><td>{escape(value)}</td></tr>'
        for name, value in line.items()
    )
    note = (
        "Pseudonymised. Empty: not known, or a code of EBMT's own that the centre chooses; "
        "the line that ends in “told” says in words what was reported."
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>"
        f"<body><h1>{title}</h1><p>{note}</p><table><caption>Fields of the form</caption><tbody>{rows}</tbody></table>"
        "</body></html>\n"
    )
