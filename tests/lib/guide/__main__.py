"""Writes what is generated of `profiles/`: `make artefacts`."""

from tests.lib.guide.written import write

write()
