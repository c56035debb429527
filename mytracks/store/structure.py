"""Whether the tables of a database are today's: what is missing, what is more, what is otherwise.

Each database tells its tables in words of its own; here all become the same facts, by table.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Column, ForeignKeyConstraint, Table, UniqueConstraint

from mytracks.store.schema import REVISION, tables
from mytracks.store.statements import NAMED
from mytracks.store.tables import version

Ask = Callable[[str], Sequence[tuple[Any, ...]]]
"""Runs a query on the database that is looked at, and gives all its rows."""
Facts = Mapping[str, Mapping[str, str]]
"""By table: what there is, and how it is; `column name` and `BIGINT NOT NULL`, say."""

_OF_SQLITE: Final = """
    (SELECT name, strict, wr FROM pragma_table_list
    WHERE schema = 'main' AND name NOT LIKE 'sqlite~_%' ESCAPE '~') AS t
"""
_SQLITE_TABLES: Final = f"""
    SELECT t.name, t.strict, t.wr, s.sql LIKE '%AUTOINCREMENT%' FROM {_OF_SQLITE}
    JOIN sqlite_schema AS s ON s.name = t.name
"""
_SQLITE_COLUMNS: Final = f"""
    SELECT t.name, c.name, c.type, c."notnull", c.dflt_value, c.pk
    FROM {_OF_SQLITE} JOIN pragma_table_info(t.name) AS c ORDER BY c.pk
"""
_SQLITE_REFERENCES: Final = f"""
    SELECT t.name, r."from", r."table", r.on_delete
    FROM {_OF_SQLITE} JOIN pragma_foreign_key_list(t.name) AS r
"""
_SQLITE_INDEXES: Final = f"""
    SELECT t.name, i.name, i."unique", i.origin,
        (SELECT group_concat(name, ', ') FROM pragma_index_info(i.name)), s.sql
    FROM {_OF_SQLITE} JOIN pragma_index_list(t.name) AS i
    LEFT JOIN sqlite_schema AS s ON s.name = i.name AND s.type = 'index'
"""
_HERE: Final = """
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
    AND c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT 1 FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
"""
_NAMES: Final = """
    (SELECT string_agg(a.attname, ', ' ORDER BY o.place)
    FROM unnest({numbers}) WITH ORDINALITY AS o(number, place)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.number)
"""
_COLUMNS: Final = f"""
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
        pg_get_expr(v.adbin, v.adrelid)
    FROM pg_class c {_HERE} JOIN pg_attribute a ON a.attrelid = c.oid
    LEFT JOIN pg_attrdef v ON v.adrelid = c.oid AND v.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
"""
_CONSTRAINTS: Final = f"""
    SELECT c.relname, k.contype::text, {_NAMES.format(numbers="k.conkey")}, p.relname,
        k.confdeltype::text
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid {_HERE}
    LEFT JOIN pg_class p ON p.oid = k.confrelid WHERE k.contype IN ('p', 'u', 'f', 'c')
"""
_INDEXES: Final = f"""
    SELECT c.relname, i.relname, x.indisunique, {_NAMES.format(numbers="x.indkey::int2[]")},
        pg_get_expr(x.indpred, x.indrelid)
    FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid {_HERE}
    JOIN pg_class i ON i.oid = x.indexrelid
    WHERE x.indisvalid AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.oid
        AND k.conrelid = c.oid AND k.contype IN ('p', 'u'))
"""
_SHORT: Final = {"character varying(32)": "VARCHAR(32)"}
_ON_DELETE: Final = {"c": "CASCADE", "n": "SET NULL", "a": "NO ACTION"}


def differences(ask: Ask, dialect: str) -> Sequence[str]:
    """One line for each thing that is not as in today's tables; none: all is.

    `dialect`: `sqlite` or `postgresql`.
    """
    found = facts(ask, dialect)
    lines = list(_compared(expected(dialect), found))
    if version.name in found:
        revisions = [str(row[0]) for row in ask(f"SELECT version_num FROM {version.name}")]
        if revisions != [REVISION]:
            lines.append(f"revision {' and '.join(revisions) or 'none'} in place of {REVISION}")
    return lines


def facts(ask: Ask, dialect: str) -> Facts:
    """The tables of a database; on PostgreSQL those of its own schema, but for extensions'."""
    return _of_sqlite(ask) if dialect == "sqlite" else _of_postgresql(ask)


def expected(dialect: str) -> Facts:
    """Today's tables."""
    return {table.name: dict(_of(table, dialect)) for table in (version, *tables(dialect))}


def _compared(wanted: Facts, found: Facts) -> Iterator[str]:
    for table in sorted({*wanted, *found}):
        if table not in found:
            yield f"table {table} is missing"
        elif table not in wanted:
            yield f"table {table} is not ours"
        else:
            yield from _otherwise(table, wanted[table], found[table])


def _otherwise(table: str, wanted: Mapping[str, str], found: Mapping[str, str]) -> Iterator[str]:
    for what in sorted({*wanted, *found}):
        if what not in found:
            yield f"{table}: {what} is missing"
        elif what not in wanted:
            yield f"{table}: {what} is not ours"
        elif wanted[what] != found[what]:
            yield f"{table}: {what} is {found[what]} in place of {wanted[what]}"


def _of(table: Table, dialect: str) -> Iterator[tuple[str, str]]:
    for column in table.columns:
        kind = column.type.compile(dialect=NAMED[dialect])
        yield _column(column.name, kind, not column.nullable, _default(column, dialect))
    for constraint in table.constraints:
        if isinstance(constraint, ForeignKeyConstraint):
            (reference,) = constraint.elements
            parent = reference.column.table.name
            yield _reference(reference.parent.name, parent, reference.ondelete)
        elif isinstance(constraint, UniqueConstraint):
            yield _unique(", ".join(constraint.columns.keys()))
    yield "primary key", ", ".join(table.primary_key.columns.keys())
    for index in table.indexes:
        where = index.dialect_options[dialect]["where"]
        names = ", ".join(column.name for column in index.columns)
        condition = "" if where is None else str(where)
        yield _index(str(index.name), bool(index.unique), names, condition)
    if dialect == "sqlite":
        options = table.dialect_options["sqlite"]
        yield _kind(options["strict"], not options["with_rowid"], options["autoincrement"])


def _default(column: Column[Any], dialect: str) -> str:
    if column.server_default is not None:
        return str(getattr(column.server_default, "arg", ""))
    counted = column.table.autoincrement_column is column
    return "a sequence" if counted and dialect == "postgresql" else ""


def _of_sqlite(ask: Ask) -> Facts:
    found = {str(table): dict([_kind(*how)]) for table, *how in ask(_SQLITE_TABLES)}
    keys: dict[str, list[str]] = {table: [] for table in found}
    for table, name, kind, must, default, place in ask(_SQLITE_COLUMNS):
        found[table].update([_column(name, kind, must, default or "")])
        keys[table] += [name] if place else []
    for table, names in keys.items():
        found[table]["primary key"] = ", ".join(names)
    for table, name, parent, on_delete in ask(_SQLITE_REFERENCES):
        found[table].update([_reference(name, parent, on_delete)])
    for table, name, unique, origin, names, text in ask(_SQLITE_INDEXES):
        if origin == "u":
            found[table].update([_unique(names)])
        elif origin == "c":
            where = " ".join(text.split()).partition(" WHERE ")[2]
            found[table].update([_index(name, unique, names, where)])
    return found


def _of_postgresql(ask: Ask) -> Facts:
    found: dict[str, dict[str, str]] = {}
    for table, name, kind, must, value in ask(_COLUMNS):
        counted = str(value or "").startswith("nextval(")
        told = _column(name, kind, must, "a sequence" if counted else str(value or ""))
        found.setdefault(table, {}).update([told])
    for table, kind, names, parent, on_delete in ask(_CONSTRAINTS):
        if kind == "p":
            found[table]["primary key"] = names
        elif kind == "u":
            found[table].update([_unique(names)])
        elif kind == "f":
            found[table].update([_reference(names, parent, _ON_DELETE.get(on_delete, on_delete))])
        else:
            found[table][f"condition on ({names})"] = "there"
    for table, name, unique, names, where in ask(_INDEXES):
        found[table].update([_index(name, unique, names, (where or "").strip("()"))])
    return found


def _column(name: str, kind: str, must: bool, default: str) -> tuple[str, str]:
    words = [
        _SHORT.get(kind, kind.upper()),
        "NOT NULL" if must else "",
        f"DEFAULT {default}" if default else "",
    ]
    return f"column {name}", " ".join(word for word in words if word)


def _reference(column: str, parent: str, on_delete: str | None) -> tuple[str, str]:
    return f"reference of {column}", f"to {parent} ON DELETE {on_delete or 'NO ACTION'}"


def _unique(names: str) -> tuple[str, str]:
    return f"unique ({names})", "there"


def _index(name: str, unique: bool, names: str, where: str) -> tuple[str, str]:
    words = ["unique" if unique else "", f"({names})", f"where {where}" if where else ""]
    return f"index {name}", " ".join(word for word in words if word)


def _kind(strict: bool, clustered: bool, numbered: bool) -> tuple[str, str]:
    words = [(strict, "strict"), (clustered, "clustered"), (numbered, "numbered")]
    return "kind", ", ".join(word for there, word in words if there) or "ordinary"
