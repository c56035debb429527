"""The stored half of the desk, in memory; and a seal that anybody can open."""

from collections.abc import Sequence

from mytracks.errors import NotFound
from mytracks.phones.ports import Message
from mytracks.tracks.ports import Look
from mytracks.transaction import Transaction


class MemoryDesk:
    """phones.ports.Desk. `there`: the numbers of the devices that can be found, None: all.
    `leaving`: where the accounts that leave are noted, each with its number of pieces."""

    def __init__(self, leaving: dict[int, int] | None = None) -> None:
        self.there: set[int] | None = None
        self._leaving = {} if leaving is None else leaving
        self.looks: dict[int, Look] = {}
        self.keys: dict[int, bytes | None] = {}
        self.left: list[int] = []

    async def dress(self, tx: Transaction, number: int, look: Look, now: int) -> None:
        """Remembered."""
        self._find(number)
        self.looks[number] = look

    async def keep_key(self, tx: Transaction, number: int, sealed: bytes | None) -> None:
        """Remembered."""
        self._find(number)
        self.keys[number] = sealed

    async def leave(self, tx: Transaction, number: int) -> int:
        """Its heir has the number of the device, negated."""
        self._find(number)
        self.left.append(number)
        self._leaving[-number] = 1
        return -number

    def _find(self, number: int) -> None:
        if number in self.left or (self.there is not None and number not in self.there):
            raise NotFound("There is no such device.")


class MemoryMessages:
    """phones.ports.Messages. `rows`: by device number, the newest first."""

    def __init__(self) -> None:
        self.rows: dict[int, list[Message]] = {}

    async def count(self, tx: Transaction, device: int) -> int:
        """All of them."""
        return len(self.rows.get(device, ()))

    async def page(
        self, tx: Transaction, device: int, *, limit: int, offset: int
    ) -> Sequence[Message]:
        """A part."""
        return self.rows.get(device, [])[offset : offset + limit]


class OpenSeal:
    """phones.desk.Seal: writes the place before what is sealed."""

    def seal(self, place: str, plain: bytes) -> bytes:
        """Not a secret."""
        return f"{place} ".encode() + plain
