"""Repeatable proofs that nothing is lost and nothing doubled: `python -m tests.chaos --help`, or `make chaos`."""
