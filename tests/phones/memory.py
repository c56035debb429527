"""What phones has stored, in memory."""

from collections.abc import Callable, Sequence

from attrs import evolve

from mytracks.errors import NotFound
from mytracks.phones.facts import Fact, Kept
from mytracks.phones.ports import Aside, Which
from mytracks.transaction import Transaction


class MemoryQuarantine:
    """phones.ports.Quarantine. `keep`: what becomes of a fact that is stored."""

    def __init__(self, keep: Callable[[Fact], Kept]) -> None:
        self._keep = keep
        self.rows: dict[int, Aside] = {}
        self.stored: list[Fact] = []

    async def count(self, tx: Transaction, which: Which) -> int:
        return len(self._those(which))

    async def page(
        self, tx: Transaction, which: Which, *, limit: int, offset: int, preview: int
    ) -> Sequence[Aside]:
        part = self._those(which)[offset : offset + limit]
        return [evolve(one, body=one.body[:preview]) for one in part]

    async def one(self, tx: Transaction, number: int) -> Aside | None:
        return self.rows.get(number)

    async def replace(self, tx: Transaction, number: int, fact: Fact) -> Kept:
        await self.delete(tx, number)
        self.stored.append(fact)
        return self._keep(fact)

    async def explain(self, tx: Transaction, number: int, reason: str) -> None:
        if number not in self.rows:
            raise NotFound("gone")
        self.rows[number] = evolve(self.rows[number], reason=reason)

    async def delete(self, tx: Transaction, number: int) -> None:
        if self.rows.pop(number, None) is None:
            raise NotFound("gone")

    async def clear(self, tx: Transaction, which: Which) -> int:
        those = self._those(which)
        for one in those:
            del self.rows[one.number]
        return len(those)

    def _those(self, which: Which) -> list[Aside]:
        return [
            one
            for number, one in sorted(self.rows.items(), reverse=True)
            if which.user in (None, one.user)
            and which.reason.lower() in one.reason.lower()
            and (which.since is None or one.received >= which.since)
            and (which.through is None or number <= which.through)
        ]
