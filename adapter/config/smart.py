"""[smart]: the keys that we sign with where a hospital asks for SMART Backend Services."""

from __future__ import annotations

from adapter.config.reader import Reader, Table
from adapter.config.secrets import Secret


def keys(reader: Reader, document: Table) -> tuple[Secret, ...]:
    """Where each private key is kept, the one to use first."""
    table = reader.inline(document, ("smart",))
    if table is None:
        return ()
    reader.only(table, ("smart",), ("keys",))
    said = table.get("keys")
    if not isinstance(said, list) or not said:
        reader.fault(("smart", "keys"), 'is a list of keys: [{ file = "es384.pem" }]')
        return ()
    # each is read as if it stood alone under the key's own name, so that a fault names the line of the list
    found = [reader.secret({"keys": each}, ("smart", "keys")) for each in said]
    return tuple(secret for secret in found if secret)
