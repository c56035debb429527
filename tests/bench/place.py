"""Where a store of a bench lies: a folder of the disk, or a server's database on the disk."""

import tempfile
from pathlib import Path
from typing import Any, cast

from twisted.internet import reactor

from mytracks.clock import Clock
from mytracks.store.limits import Limits
from mytracks.store.open import SQLITE, Store, open_store
from tests.bench.accounting import cpu_seconds, say
from tests.postgresql.server import PostgreSQL


class Place:
    """`kind`: `sqlite` or `postgresql`. Opens stores and knows what they take."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.clock = Clock(cast(Any, reactor))
        self.url = SQLITE
        """What `--database` is for the store that was opened last."""
        self.server = None if kind == SQLITE else PostgreSQL(root=folder).make().start()

    async def opened(self, data: Path | None = None) -> Store:
        """The store in `data`; without it a new one. Checked before it opens, however large, so
        that no check goes on beside what is measured."""
        if self.server is not None:
            self.url = self.server.database()
        folder = data or Path(tempfile.mkdtemp(dir=self.folder))
        limits = Limits(check_at_start=2**62)
        return await open_store(folder, self.url, self.clock, cast(Any, reactor), limits, say)

    def server_cpu(self) -> float:
        """Seconds that all processes of the server took so far; 0 without one."""
        return 0.0 if self.server is None else cpu_seconds(*self.server.processes())

    def close(self) -> None:
        """The server goes, with all it has."""
        if self.server is not None:
            self.server.close()


def commits(store: Store) -> int:
    """Batches so far; both drivers count them."""
    return int(cast(Any, store.database).commits)
