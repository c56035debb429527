"""A client certificate with its key in one locked file, as the body asks for it."""

from typing import Literal

from mytracks.pki.bundles import Format
from mytracks.pki.clients import Clients
from mytracks.pki.ports import Leaf
from mytracks.web import json_body
from mytracks.web.answers import Answer
from mytracks.web.api.account import Password
from mytracks.web.api.pki.asked import as_invalid
from mytracks.web.api.pki.files import attachment
from mytracks.web.api.pki.shapes import called
from mytracks.web.routes import Visit


class Bundle(json_body.Body, frozen=True, kw_only=True):
    """`password`: what the bundle is locked with, 8 characters or more. `format`: `p12` opens
    everywhere, `otrp` is the same for OwnTracks on iOS."""

    password: Password
    format: Literal["p12", "p12-modern", "pem", "otrp"] = "p12"

    @property
    def form(self) -> Format:
        """What it is written as."""
        return Format.P12 if self.format == "otrp" else Format(self.format)

    @property
    def suffix(self) -> str:
        """What its file's name ends with."""
        return ".otrp" if self.format == "otrp" else self.form.suffix


async def bundled(visit: Visit, clients: Clients, found: Leaf) -> Answer:
    """The file. Whose it may be was decided before. Raises Invalid, NotFound, Unavailable."""
    sent = json_body.read(visit.request, Bundle)
    with as_invalid():
        made = await clients.bundle(found.number, sent.password, sent.form, by=visit.actor)
    return attachment(made, sent.form.media_type, called(found) + sent.suffix)
