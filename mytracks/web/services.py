"""What the web door needs of the rest of the house."""

from collections.abc import Callable, Sequence

from attrs import frozen

from mytracks.clock import Clock
from mytracks.health import Health
from mytracks.mqtt.carriers.websocket import Sockets
from mytracks.mqtt.routing.attendance import Attendance
from mytracks.people.build import People
from mytracks.phones.desk import Desk
from mytracks.phones.http_mode import HTTPMode
from mytracks.phones.presence import Presence
from mytracks.phones.quarantine import Quarantine
from mytracks.pki.build import PKI
from mytracks.pki.handshakes import Diagnoses
from mytracks.tracks.devices import Devices
from mytracks.tracks.history import History
from mytracks.tracks.live import Live
from mytracks.web.assets import Assets
from mytracks.web.pages.setup import SetupToken
from mytracks.web.proxies import Network


@frozen(kw_only=True)
class WebServices:
    """`health`: as of now. `public_url`: scheme and
    host without a path, None while it is not known. The ports: None where it does not listen now.
    `database`: its kind, as people call it.
    `attendance`: MQTT's clients.
    `own_address`: with which others reach us, where we listen there.
    `trusted_proxies`: whose forwarding headers are believed. `setup`: the way in while there is no
    administrator. `https_port`: None where there is no TLS, or another one sees to it.
    `acme_challenge`: what a public authority is told that asks for a token, if anything.
    `handshakes`: those of TLS that came to nothing."""

    people: People
    history: History
    devices: Devices
    desk: Desk
    live: Live
    presence: Presence
    http_mode: HTTPMode
    quarantine: Quarantine
    mqtt_sockets: Sockets
    attendance: Attendance
    pki: PKI
    handshakes: Diagnoses
    assets: Assets
    health: Callable[[], Health]
    public_url: Callable[[], str | None]
    mqtt_port: Callable[[], int | None]
    own_address: Callable[[], str | None]
    setup: SetupToken
    clock: Clock
    version: str
    trusted_proxies: Sequence[Network] = ()
    https_port: Callable[[], int | None] = lambda: None
    acme_challenge: Callable[[str], str | None] = lambda _: None
    mqtt_tls_port: Callable[[], int | None] = lambda: None
    http_port: Callable[[], int | None] = lambda: None
    database: str = "SQLite"
