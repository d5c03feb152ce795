"""The build of `profiles/`: what follows from the tables and forms is generated here and committed there.

`python -m tests.lib.guide` writes it (`make artefacts`); a test holds the committed files to a fresh generation.
"""
