"""Names (`jti`) of the JWTs by which EHRs called, kept for as long as each could be shown again."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlalchemy import Connection, delete
from sqlalchemy.dialects import postgresql, sqlite

from adapter.store.schema import hook_tokens


class HookTokens:
    """Each is taken once, whichever process it comes to. What cannot be shown any more is forgotten."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(self, ehr: str, jti: str, until: datetime, now: datetime) -> bool:
        """Takes one that could be shown until then; False where it was taken before."""
        self._connection.execute(delete(hook_tokens).where(hook_tokens.c.until < now))
        # hashed, because an EHR may write signs into it that no database holds
        row = {"ehr": ehr, "jti_hash": hashlib.sha256(jti.encode(errors="surrogatepass")).hexdigest(), "until": until}
        new = (postgresql if self._connection.dialect.name == "postgresql" else sqlite).insert(hook_tokens)
        taken = new.values(**row).on_conflict_do_nothing().returning(hook_tokens.c.until)
        return self._connection.execute(taken).one_or_none() is not None
