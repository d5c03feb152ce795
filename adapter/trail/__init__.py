"""What is written down of the work itself, for operators: lines in a log, and spans for who collects them.

Nothing of a patient is in either (docs/adr/0049-logs-carry-a-number-and-no-patient.md).
"""

FORMATS = ("json", "text")
LEVELS = ("debug", "info", "warning", "error")
"""What `ENGRAFT_LOG_FORMAT` and `ENGRAFT_LOG_LEVEL` may say."""
