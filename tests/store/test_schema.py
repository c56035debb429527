"""The tables: neutral between the databases."""

from collections.abc import Iterator

from sqlalchemy import (
    BigInteger,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.schema import ddl, tables
from mytracks.store.statements import NAMED
from mytracks.store.tables import metadata


def keys(table: Table) -> Iterator[list[str]]:
    """The columns of everything that both databases make an index for."""
    for index in table.indexes:
        yield [column.name for column in index.columns]
    for constraint in table.constraints:
        if isinstance(constraint, PrimaryKeyConstraint | UniqueConstraint):
            yield [column.name for column in constraint.columns]


class SchemaTests(SynchronousTestCase):
    """What every table has to keep to."""

    def test_columns_have_types_that_need_no_conversion(self) -> None:
        """Statements are executed without SQLAlchemy."""
        for table in metadata.sorted_tables:
            for column in table.columns:
                self.assertIn(
                    type(column.type), (Text, LargeBinary, Integer, BigInteger), str(column)
                )

    def test_tables_are_strict_on_sqlite(self) -> None:
        """A text in a column of numbers is an error there too, as on PostgreSQL."""
        made = [text for text in ddl(NAMED["sqlite"]) if "CREATE TABLE" in text]
        loose = [text for text in made if "STRICT" not in text]
        self.assertEqual(len(made), len(tables("sqlite")) + 1)
        self.assertEqual(1, len(loose))
        self.assertIn("alembic_version", loose[0])

    def test_no_table_with_large_values_is_clustered(self) -> None:
        """Above a kilobyte each value would take pages of its own."""
        for table in metadata.sorted_tables:
            if not table.dialect_options["sqlite"]["with_rowid"]:
                large = [
                    column.name
                    for column in table.columns
                    if isinstance(column.type, LargeBinary) and not column.primary_key
                ]
                self.assertEqual([], large, table.name)

    def test_no_key_holds_a_text_of_unbounded_length(self) -> None:
        """An entry of an index of PostgreSQL holds 2.7 kB; a topic may have 65,535 bytes."""
        for table in metadata.sorted_tables:
            indexed = {name for names in keys(table) for name in names}
            self.assertEqual(set(), indexed & {"topic", "filter", "client_id", "body"}, table.name)

    def test_both_databases_get_all_tables(self) -> None:
        """The texts for PostgreSQL are made from the same description."""
        for name in NAMED:
            text = "\n".join(ddl(NAMED[name]))
            for table in tables(name):
                self.assertIn(f"CREATE TABLE {table.name} (", text)
        self.assertNotIn("writer_mark", "\n".join(ddl(NAMED["sqlite"])))

    def test_every_reference_can_be_followed_back_by_an_index(self) -> None:
        """Else deleting one device looks through every row that might belong to it."""
        for table in metadata.sorted_tables:
            leading = {names[0] for names in keys(table)}
            for key in table.foreign_keys:
                self.assertIn(key.parent.name, leading, f"{table.name}.{key.parent.name}")

    def test_whatever_belongs_to_an_account_or_a_device_goes_with_it(self) -> None:
        """Only what must outlive them stays: who did what, what was signed, a session's device."""
        stays = {
            f"{table.name}.{key.parent.name}"
            for table in metadata.sorted_tables
            for key in table.foreign_keys
            if key.ondelete != "CASCADE"
        }
        kept = {"audit.actor_id", "leaf.user_id", "leaf.device_id", "mqtt_session.device_id"}
        self.assertEqual(kept, stays)
