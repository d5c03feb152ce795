"""
What a deployment says about itself: environment variables and one TOML file.

Every fault of the file is told at once, each with file and line. A secret never stands in the file: it is named by
`{ file = "..." }` (relative to the TOML's own folder) or `{ env = "..." }` and read when it is needed, so that a
rotated secret counts without a restart.
"""

from adapter.config.loading import SETTINGS, load
from adapter.config.secrets import Secret
from adapter.config.settings import (
    DEFAULT_DATABASE_URL,
    DEFAULT_PUBLIC_URL,
    Auth,
    Centre,
    Ehr,
    Exports,
    Hospital,
    Registry,
    Retention,
    Settings,
    Tls,
    Webhook,
    read_key,
)

__all__ = [
    "DEFAULT_DATABASE_URL",
    "DEFAULT_PUBLIC_URL",
    "SETTINGS",
    "Auth",
    "Centre",
    "Ehr",
    "Exports",
    "Hospital",
    "Registry",
    "Retention",
    "Secret",
    "Settings",
    "Tls",
    "Webhook",
    "load",
    "read_key",
]
