"""What stands around every page for people: who has signed in, of which centre, and the token of its forms."""

from __future__ import annotations

from typing import Any

from adapter.web import session
from adapter.web.site import Site


def around(site: Site) -> dict[str, Any]:
    """Values that every page's frame is filled with."""
    who = session.person()
    known = site.settings.centres.get(who.centre)
    centre = known.name if known else who.centre
    return {"person": who, "centre": centre, "csrf": session.form_token(session.token())}
