"""Joins the admin panel: its tabs, and what each needs."""

from collections.abc import Sequence

from mytracks.web.live import LiveDoor
from mytracks.web.pages.admin.audit import AuditPage
from mytracks.web.pages.admin.connections import Connections
from mytracks.web.pages.admin.desk import Desk
from mytracks.web.pages.admin.pki.authority import AuthorityForms
from mytracks.web.pages.admin.pki.clients import ClientForms, Pills
from mytracks.web.pages.admin.pki.overview import Overview
from mytracks.web.pages.admin.pki.server import ServerForms
from mytracks.web.pages.admin.quarantine import QuarantinePages
from mytracks.web.pages.admin.user import User
from mytracks.web.pages.admin.users import Users
from mytracks.web.pages.frame import Frame
from mytracks.web.routes import Route
from mytracks.web.services import WebServices
from mytracks.web.turned_away import turned_away


def panel(services: WebServices, frame: Frame, live: LiveDoor) -> Sequence[Route]:
    """All its paths. `live`: whose sockets are shown."""
    desk, people = Desk(frame), services.people
    users = Users(desk, people, services.devices, Pills(services.pki, services.clock.now))
    return [
        *users.routes(),
        *User(desk, users, people, services.devices, services.quarantine).routes(),
        *_pki(services, desk),
        *Connections(
            desk,
            services.attendance,
            turned_away(services.attendance, people.signin),
            lambda: (who.name for who in live.viewers()),
            services.handshakes,
        ).routes(),
        *QuarantinePages(desk, services.quarantine, people.accounts).routes(),
        *AuditPage(desk, people.audit).routes(),
    ]


def _pki(services: WebServices, desk: Desk) -> Sequence[Route]:
    room, accounts, clock = services.pki, services.people.accounts, services.clock
    overview = Overview(
        desk, room, accounts, services.attendance, clock, lambda: room.acme.renewal.state()
    )
    return [
        *overview.routes(),
        *AuthorityForms(desk, overview, room).routes(),
        *ServerForms(desk, overview, room, services.public_url).routes(),
        *ClientForms(desk, overview, room, accounts, clock.now).routes(),
    ]
