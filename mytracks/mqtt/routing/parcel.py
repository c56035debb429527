"""One message on its way through the broker, from when it is taken to when it is handed on."""

from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, Generic

from attrs import define

from mytracks.mqtt.routing.changes import Change, Reference
from mytracks.mqtt.routing.durable import DurableSession
from mytracks.mqtt.routing.owners import Owner
from mytracks.mqtt.routing.ports import Facts, Message, Who
from mytracks.mqtt.routing.retained import Plan

NOBODY: Final[Mapping[DurableSession[Any], Reference]] = MappingProxyType({})


class Step(Enum):
    """How far a parcel has come."""

    STORING = "storing"
    UNSTORED = "unstored"
    STORED = "stored"


@define(eq=False)
class Parcel(Generic[Who, Facts]):
    """`owner`: whose it is. `message`: None when there is nothing to deliver. `facts`: None when
    the host stores nothing. `packet_id`: to be acknowledged. `size`: bytes for which it counts.
    `extra`: what else is stored with it.

    `references`, `plan`: where it waits and what its topic will hold, by its latest record.
    """

    owner: Owner
    message: Message | None
    facts: Facts | None
    packet_id: int | None = None
    size: int = 0
    extra: Sequence[Change] = ()
    references: Mapping[DurableSession[Who], Reference] = NOBODY
    plan: Plan | None = None
    step: Step = Step.STORING
