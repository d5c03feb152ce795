"""A secret is named, never written down, and read when it is needed, so that a rotated one counts without a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adapter.errors import Refused


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is kept; `read` fetches it. `bearer`: it stands in a header of HTTP as it is."""

    file: Path | None = None
    env: str | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    bearer: bool = False

    def read(self) -> str:
        """The secret without surrounding white space. Raises Refused where there is none, or none that can be shown."""
        text = self._text().strip()
        if not text:
            raise Refused(f"the secret in {self} is empty")
        if self.bearer and not (text.isascii() and text.isprintable()):
            raise Refused(f"the secret in {self} has a line break or a sign beyond ASCII, which no header carries")
        return text

    def _text(self) -> str:
        if self.file is None:
            return self.environ.get(self.env or "", "")
        try:
            return self.file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"the secret in {self} cannot be read: {why(error)}") from error

    def __str__(self) -> str:
        return f"file {self.file}" if self.file else f"environment variable {self.env}"


def why(error: OSError | UnicodeDecodeError) -> str:
    """Why a text file cannot be read, without quoting from it."""
    return (error.strerror or "no reason given") if isinstance(error, OSError) else "it is not UTF-8"
