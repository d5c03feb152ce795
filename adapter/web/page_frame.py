"""What every page of a centre has around its content, and what every flow behind one is given."""

from __future__ import annotations

from typing import Any

from adapter.web import session
from adapter.web.site import Site


def of_centre(site: Site) -> dict[str, Any]:
    """Whose patients are looked at, and with what."""
    return {
        "centre": session.person().centre,
        "store": site.store,
        "settings": site.settings,
        "now": site.clock(),
    }


def around(site: Site) -> dict[str, Any]:
    """Who has signed in, the name of their centre, the token of their forms."""
    who = session.person()
    known = site.settings.centres.get(who.centre)
    centre = known.name if known else who.centre
    return {"person": who, "centre": centre, "csrf": session.form_token(session.token())}
