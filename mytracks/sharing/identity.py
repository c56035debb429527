"""Who somebody is and which device is meant. Decides nothing."""

from enum import Enum

from attrs import field, frozen


class Door(Enum):
    """The way in that somebody took."""

    WEB = "web"
    HTTP = "http"
    MQTT = "mqtt"


@frozen
class Principal:
    """Somebody whose credentials were checked, once, at the door.

    `user` is the account's number, `name` its canonical (lower-case) user name. `device` names the
    one device that a device password stands for; None: the account itself signed in. `address`: the
    IP address they came from, where it is known; it does not make them somebody else. `anonymous`:
    nobody signed in, a setting says as whom they act.
    """

    user: int
    name: str
    admin: bool
    door: Door
    device: str | None = None
    address: str | None = field(default=None, eq=False)
    anonymous: bool = False


@frozen
class Device:
    """A phone: (owner, name) everywhere, written `owner/name`. `number` is the store's own."""

    number: int
    owner: int
    owner_name: str
    name: str

    @property
    def path(self) -> str:
        """`user/device`, as the world writes it."""
        return f"{self.owner_name}/{self.name}"
