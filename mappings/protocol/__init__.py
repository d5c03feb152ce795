"""The trial as data: `load("set-haplo-pdli")` gives the model, `wording` the trial's own text; `parse` reads others."""

from functools import cache
from importlib.resources import files

from mappings.protocol.model import Protocol
from mappings.protocol.packed import unpack
from mappings.r4.faults import Fault, FaultyInput

__all__ = ["Protocol", "definition", "load", "names", "parse", "wording"]


def names() -> tuple[str, ...]:
    """Protocols that ship with Engraft."""
    return tuple(sorted(f.name[:-5] for f in files(__package__).iterdir() if f.name.endswith(".yaml")))


@cache
def load(name: str) -> Protocol:
    """The shipped protocol `name`. Raises FaultyInput (not-found) for any other name."""
    text, packed = definition(name), files(__package__).joinpath(f"{name}.json")
    found = unpack(packed.read_bytes(), text) if packed.is_file() else None
    return found or parse(text, f"{name}.yaml")


def parse(text: str, file: str = "") -> Protocol:
    """The protocol that a YAML text defines. `file` is what faults call the text.

    Raises FaultyInput with the path and line of every fault: not YAML, unknown key, wrong type, or a name that nothing
    bears. What such a reading cannot see is for `check`.
    """
    # here, because what ships is packed
    from mappings.protocol.bearers import dangling
    from mappings.protocol.document import read
    from mappings.protocol.schema import shape

    document = read(text, file)
    protocol = shape(document)
    lost = list(dangling(protocol, document))
    if lost:
        raise FaultyInput(lost)
    return protocol


def definition(name: str) -> str:
    """YAML text of the shipped protocol `name`."""
    if name not in names():
        known = ", ".join(names())
        raise FaultyInput([Fault("protocol", f"no protocol is called {name}; known: {known}", "not-found")])
    return files(__package__).joinpath(f"{name}.yaml").read_text("utf-8")


def wording(name: str) -> str:
    """The trial's own text, from which every `source` is quoted."""
    return files(__package__).joinpath(f"{name}.txt").read_text("utf-8")
