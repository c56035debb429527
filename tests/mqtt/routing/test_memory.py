"""The journal that the broker's tests stand on keeps the promises of a real one."""

from typing import Any

from twisted.trial.unittest import TestCase

from mytracks.mqtt.routing.journal import Journal
from tests.contracts.journal import JournalContract
from tests.mqtt.routing.memory import HandJournal


class MemoryTests(JournalContract, TestCase):
    """In memory."""

    async def open(self) -> Journal[Any, Any]:
        self.journal = HandJournal()
        self.number = 0
        return self.journal

    async def reopen(self) -> Journal[Any, Any]:
        self.journal = HandJournal(self.journal.killed())
        return self.journal

    def fact(self) -> Any:
        self.number += 1
        return self.number

    def poison(self) -> Any:
        self.journal.poisoned.append("poison")
        return "poison"

    async def stored(self) -> list[Any]:
        return self.journal.stored
