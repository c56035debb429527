"""The tables: neutral between the databases."""

from sqlalchemy import BigInteger, Integer, LargeBinary, Text
from twisted.trial.unittest import SynchronousTestCase

from mytracks.store.schema import ddl, metadata, tables
from mytracks.store.statements import NAMED


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
                self.assertNotIn("body", table.columns)

    def test_both_databases_get_all_tables(self) -> None:
        """The texts for PostgreSQL are made from the same description."""
        for name in NAMED:
            text = "\n".join(ddl(NAMED[name]))
            for table in tables(name):
                self.assertIn(f"CREATE TABLE {table.name} (", text)
        self.assertNotIn("writer_mark", "\n".join(ddl(NAMED["sqlite"])))
