"""What the web door is handed of the rest of the house. Decides nothing."""

from collections.abc import Callable
from functools import partial

from attrs import frozen
from twisted.internet.defer import Deferred

from mytracks import __version__
from mytracks.clock import Clock
from mytracks.daemon.ground import EVERYWHERE, MQTT, Ground, Ports, condition
from mytracks.host.addresses import own_address
from mytracks.mqtt.carriers.websocket import Sockets
from mytracks.mqtt.routing.journal import Journal
from mytracks.people.build import People
from mytracks.phones.desk import Desk
from mytracks.phones.facts import Fact, Kept
from mytracks.phones.http_mode import HTTPMode
from mytracks.phones.intake import Intake
from mytracks.phones.presence import Presence
from mytracks.phones.quarantine import Quarantine
from mytracks.pki.handshakes import Diagnoses
from mytracks.pki.keyring import KeyRing
from mytracks.settings import Settings
from mytracks.sharing.identity import Device
from mytracks.store.open import POSTGRESQL, Store
from mytracks.tracks.build import Tracks
from mytracks.web.assets import find_assets
from mytracks.web.pages.setup import SetupToken
from mytracks.web.services import WebServices


@frozen
class Middle:
    """The services between the stored and the web. `journal`: as MQTT writes it."""

    tracks: Tracks
    presence: Presence
    intake: Intake
    broker: MQTT
    journal: Journal[Fact, Kept]


def web_services(
    ground: Ground,
    middle: Middle,
    setup: SetupToken,
    handshakes: Diagnoses,
    ports: Callable[[], Ports],
) -> WebServices:
    """All that pages, REST and sockets use."""
    settings, store, people, clock = ground.settings, ground.store, ground.people, ground.clock
    tracks, broker, intake = middle.tracks, middle.broker, middle.intake
    return WebServices(
        people=people,
        history=tracks.history,
        devices=tracks.devices,
        desk=desk(store, people, tracks, broker, ground.keys, clock),
        live=tracks.live,
        presence=middle.presence,
        http_mode=HTTPMode(broker, middle.journal, intake, clock),
        quarantine=quarantine(store, people, intake),
        mqtt_sockets=Sockets(broker, clock.timers),
        attendance=broker.attendance,
        pki=ground.pki,
        handshakes=handshakes,
        assets=find_assets(),
        health=partial(condition, store),
        public_url=lambda: settings.public_url,
        mqtt_port=lambda: ports().mqtt,
        own_address=partial(address_of, settings),
        setup=setup,
        clock=clock,
        http_port=lambda: ports().http,
        database="PostgreSQL" if settings.database.startswith(POSTGRESQL) else "SQLite",
        version=__version__,
        trusted_proxies=settings.trusted_proxies,
        https_port=lambda: ports().https,
        mqtt_tls_port=lambda: ports().mqtt_tls,
        acme_challenge=ground.pki.acme.challenges.answer,
    )


def quarantine(store: Store, people: People, intake: Intake) -> Quarantine:
    """Where administrators see what was set aside."""
    return Quarantine(store.database, store.quarantine, intake, people.accounts, people.audit)


def address_of(settings: Settings) -> str | None:
    """With which others reach us, where we listen everywhere."""
    return own_address() if EVERYWHERE & set(settings.bind) else None


def desk(
    store: Store, people: People, tracks: Tracks, broker: MQTT, keys: KeyRing, clock: Clock
) -> Desk:
    """Where owners change and remove their devices."""

    def withdraw(device: Device) -> Deferred[None]:
        """By each spelling of the owner's name, for topics are routed as phones write them."""
        tracks.live.forget(device)
        return broker.withdraw(device.owner_name, f"owntracks/+/{device.name}/#")

    return Desk(
        store.database,
        store.desk,
        store.messages,
        tracks.devices,
        people.device_passwords,
        people.removals,
        people.audit,
        keys,
        withdraw,
        clock,
    )
