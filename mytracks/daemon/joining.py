"""Constructs every service and hands each what it needs. Decides nothing."""

from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Any, Final

from attrs import frozen

from mytracks import __version__
from mytracks.clock import Clock
from mytracks.control import keys as key_operations
from mytracks.control import pki as pki_operations
from mytracks.control.operations import Operations
from mytracks.daemon.certificates import forget, open_pki, public_host
from mytracks.daemon.ground import EVERYWHERE, MQTT, Ground, Ports, condition, healthy
from mytracks.daemon.web_services import Middle, web_services
from mytracks.errors import Unavailable
from mytracks.mqtt.routing.broker import Broker
from mytracks.mqtt.routing.journal import Journal
from mytracks.people import build as people_room
from mytracks.people.build import People
from mytracks.people.revocations import Reason, Revocation
from mytracks.phones.facts import Fact, Kept
from mytracks.phones.gatekeeper import Gatekeeper
from mytracks.phones.intake import Intake
from mytracks.phones.presence import Presence
from mytracks.pki.build import PKI
from mytracks.pki.handshakes import Diagnoses
from mytracks.pki.keyring import FILE as KEYRING
from mytracks.pki.keyring import KeyRing, open_keyring
from mytracks.settings import Settings
from mytracks.sharing.visibility import Visibility
from mytracks.store.open import Store
from mytracks.store.sealed_keys import keys_in_use, reseal_payload_keys
from mytracks.tracks import build as tracks_room
from mytracks.tracks.build import Tracks
from mytracks.web import build as web_room
from mytracks.web.pages.setup import SetupToken
from mytracks.web.site import Site

_NAME: Final = f"mytracks version {__version__}"

WrapJournal = Callable[[Journal[Fact, Kept]], Journal[Fact, Kept]]


@frozen
class Rooms:
    """What the daemon is made of, joined. `handshakes`: those that came to nothing."""

    people: People
    pki: PKI
    tracks: Tracks
    broker: MQTT
    gatekeeper: Gatekeeper
    site: Site
    setup: SetupToken
    handshakes: Diagnoses


def url(settings: Settings, port: int | None) -> str:
    """What to type into a browser on this machine, or the address that the world uses."""
    if settings.public_url is not None:
        return settings.public_url
    address = settings.bind[0]
    if address in EVERYWHERE:
        address = "localhost"
    return f"http://{f'[{address}]' if ':' in address else address}:{port}"


def join(ground: Ground, ports: Callable[[], Ports], wrap_journal: WrapJournal) -> Rooms:
    """Hand every service what it needs."""
    settings, store, clock = ground.settings, ground.store, ground.clock
    people, pki = ground.people, ground.pki
    tracks = _tracks(settings, store, clock)
    presence = Presence()
    intake = Intake(tracks.devices, tracks.live, presence, clock, settings.phones)
    journal = wrap_journal(store.journal)
    gatekeeper = Gatekeeper(people.signin, partial(healthy, store), settings.mqtt, pki.clients)
    broker: MQTT = Broker(gatekeeper, intake, journal, clock, settings.mqtt, _NAME)
    setup, handshakes = SetupToken(), Diagnoses(clock)
    middle = Middle(tracks, presence, intake, broker, journal)
    services = web_services(ground, middle, setup, handshakes, ports)
    _watch(people, pki, broker, tracks, clock)
    site = web_room.build(services, settings.http)
    return Rooms(people, pki, tracks, broker, gatekeeper, site, setup, handshakes)


def _watch(people: People, pki: PKI, broker: MQTT, tracks: Tracks, clock: Clock) -> None:
    """Let the rooms that people have something in know what becomes of them."""
    people.accounts.watch(partial(withdraw, broker, tracks))
    people.accounts.watch(partial(forget, pki))
    pki.clients.keep_only({account.number for account in people.accounts.all()})
    people.device_passwords.watch(lambda made: tracks.devices.note(made, int(clock.now())))


def _tracks(settings: Settings, store: Store, clock: Clock) -> Tracks:
    return tracks_room.build(
        store.database, store.devices, store.locations, Visibility, clock, settings.tracks
    )


def adopt(rooms: Rooms, settings: Settings) -> None:
    """Keep to what was re-read."""
    rooms.gatekeeper.adopt(settings.mqtt)
    rooms.broker.adopt(settings.mqtt)
    rooms.broker.disconnect(rooms.gatekeeper.acts_in_vain, "[mqtt] anonymous_user was changed")
    rooms.site.adopt(settings.http)


def withdraw(broker: MQTT, tracks: Tracks, revocation: Revocation) -> None:
    """Somebody is no longer let in by what is revoked: cut what came in by it."""
    deleted = revocation.reason is Reason.DELETED
    broker.disconnect(revocation.covers, revocation.reason.value, wills=not deleted)
    if deleted:
        broker.forget(revocation.name)
        tracks.devices.forget(revocation.user)


def operations(ground: Ground) -> Operations:
    """What the `mytracks` command can have done."""
    settings, people = ground.settings, ground.people
    database = ground.store.database
    in_use = partial(database.read, keys_in_use)
    payload_keys = partial(reseal_payload_keys, database)
    more = {
        **pki_operations.table(ground.pki, people, public_host(settings)),
        **key_operations.table(ground.keys, ground.pki, people, payload_keys, in_use),
    }
    return Operations(people, partial(condition, ground.store), settings.database, more)


async def open_ground(
    settings: Settings, store: Store, clock: Clock, reactor: Any, opened: AsyncExitStack
) -> Ground:
    """The rooms that others stand on, to be closed with `opened`. Raises KeyRingRefused."""
    keys = await open_keys(settings, store)
    people = await open_people(settings, store, keys, clock, reactor, opened)
    pki = await open_pki(settings, store, keys, people.audit, clock, reactor, opened)
    return Ground(settings=settings, store=store, keys=keys, people=people, pki=pki, clock=clock)


async def open_keys(settings: Settings, store: Store) -> KeyRing:
    """What secrets in the store are sealed with. Raises KeyRingRefused."""
    keys = open_keyring(settings.data_dir / KEYRING, sealed_exists=await store.sealed_exists())
    named = await store.database.read(keys_in_use)
    keys.check_opens(named)
    if len(keys.ids) > 1:
        # A rotation that was broken off has left them.
        with suppress(Unavailable):
            keys.drop(still_named=named)
    return keys


async def open_people(
    settings: Settings,
    store: Store,
    keys: KeyRing,
    clock: Clock,
    reactor: Any,
    opened: AsyncExitStack,
) -> People:
    """The people room, to be closed with `opened`."""
    people = people_room.build(store.database, store, clock, reactor, settings.people, keys)
    await people.open()
    opened.push_async_callback(people.close)
    return people
