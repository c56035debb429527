"""The certificates room, and what listens with its certificates, joined with the rest."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from mytracks.clock import Clock
from mytracks.daemon.secure import SecureDoors, https_door, mqtt_door
from mytracks.host.listeners import Listeners
from mytracks.host.prompt import Outbox
from mytracks.mqtt.routing.broker import Broker
from mytracks.people.revocations import Reason, Revocation
from mytracks.pki import build as pki_room
from mytracks.pki.acme.build import Asked
from mytracks.pki.build import PKI
from mytracks.pki.handshakes import Diagnoses
from mytracks.pki.ports import Audit, Seal
from mytracks.pki.tls import Asks
from mytracks.settings import Settings
from mytracks.store.open import Store
from mytracks.web.site import Site


async def open_pki(
    settings: Settings,
    store: Store,
    seal: Seal,
    audit: Audit,
    clock: Clock,
    reactor: Any,
    opened: AsyncExitStack,
) -> PKI:
    """The certificates room, to be closed with `opened`."""
    public = Asked(limits=settings.acme, public_host=public_host(settings))
    pki = pki_room.build(
        store.database, store, seal, audit, clock, reactor, settings.pki, public=public
    )
    opened.push_async_callback(pki.close)
    await pki.open()
    return pki


def secure_doors(
    settings: Settings,
    pki: PKI,
    broker: Broker[Any, Any, Any],
    site: Site,
    clock: Clock,
    listeners: Listeners,
    outbox: Outbox,
    diagnoses: Diagnoses,
    changed: Callable[[], None],
) -> SecureDoors:
    """MQTT over TLS and HTTPS, still closed. `changed`: when one has opened or closed."""
    recognise = partial(in_force, pki)
    asks = Asks(settings.mqtt_client_cert)
    mqtt, streams = mqtt_door(
        broker, recognise, asks, settings.mqtt_tls_port, clock, diagnoses, outbox
    )
    challenges = pki.acme.challenges
    https = https_door(site, settings.https_port, clock, diagnoses, challenges)
    doors = SecureDoors(https, mqtt, streams, pki.trust, clock, listeners, changed)
    challenges.watch(doors.follow_challenges)
    return doors


def public_host(settings: Settings) -> str | None:
    """How the world knows this server, if it does."""
    return None if settings.public_url is None else urlsplit(settings.public_url).hostname


def in_force(pki: PKI, fingerprint: bytes) -> bool:
    """Whether a client certificate lets somebody in at this moment."""
    return pki.clients.holder(fingerprint) is not None


def forget(pki: PKI, revocation: Revocation) -> None:
    """Of an account that is deleted no certificate is good any more."""
    if revocation.reason is Reason.DELETED:
        pki.clients.forget_user(revocation.user)
