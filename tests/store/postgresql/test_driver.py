"""The PostgreSQL database as its users see it."""

from mytracks.store.database import Database
from mytracks.store.limits import Limits
from tests.contracts.database import DatabaseContract
from tests.store.postgresql.cases import ServerCase


class PostgreSQLContractTests(DatabaseContract, ServerCase):
    """PostgreSQL keeps the promises of every database."""

    async def open(self, limits: Limits) -> Database:
        """A new database."""
        return (await self.opened(limits)).database
