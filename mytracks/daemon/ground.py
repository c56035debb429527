"""What the rooms that are joined stand on, and where they listen. Decides nothing."""

from typing import Final, TypeAlias

from attrs import frozen

from mytracks import __version__
from mytracks.clock import Clock
from mytracks.health import Health, health
from mytracks.mqtt.routing.broker import Broker
from mytracks.people.build import People
from mytracks.phones.facts import Fact, Kept
from mytracks.pki.build import PKI
from mytracks.pki.keyring import KeyRing
from mytracks.settings import Settings
from mytracks.sharing.identity import Principal
from mytracks.store.database import State
from mytracks.store.open import Store

EVERYWHERE: Final = frozenset({"::", "0.0.0.0"})

MQTT: TypeAlias = Broker[Principal, Fact, Kept]


@frozen(kw_only=True)
class Ground:
    """What everything stands on, open."""

    settings: Settings
    store: Store
    keys: KeyRing
    people: People
    pki: PKI
    clock: Clock


@frozen(kw_only=True)
class Ports:
    """Where we listen; None: not."""

    http: int | None
    mqtt: int | None
    https: int | None = None
    mqtt_tls: int | None = None


def healthy(store: Store) -> bool:
    """Whether a commit would be stored."""
    return store.database.health.state is State.OK


def condition(store: Store) -> Health:
    """How we fare, for whoever asks."""
    known = store.database.health
    return health(__version__, known.state.value, known.reason, known.since)
