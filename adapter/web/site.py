"""What the views are given: the one object that `create_app` makes. No request globals below this layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from adapter.config import Settings
from adapter.store import Store
from adapter.web.definitions import Definitions


@dataclass(frozen=True, slots=True)
class Site:
    """One deployment's settings, store, clock (aware UTC) and the definitions that it serves."""

    settings: Settings
    store: Store
    clock: Callable[[], datetime]
    definitions: Definitions

    @property
    def fhir_base(self) -> str:
        """Absolute URL of the FHIR service, no trailing slash."""
        return f"{self.settings.public_url}/fhir"
