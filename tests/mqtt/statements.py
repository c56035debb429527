"""The statements of MQTT 3.1.1 (OASIS, errata 01) by their ids, and which tests name them.

The ids are spelt as in the text: 3.1.2.7, 3.3.1.-1 and 3-8.3-4 are no mistakes of ours.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = ("tests/mqtt", "tests/whole")

_FOR_BROKERS: Final = """
    1.5.3-1 1.5.3-2 1.5.3-3
    2.2.2-1 2.2.2-2
    2.3.1-1 2.3.1-4 2.3.1-5 2.3.1-6 2.3.1-7
    3.1.0-1 3.1.0-2
    3.1.2-1 3.1.2-2 3.1.2-3 3.1.2-4 3.1.2-5 3.1.2-6 3.1.2.7 3.1.2-8 3.1.2-9 3.1.2-10 3.1.2-11
    3.1.2-12 3.1.2-13 3.1.2-14 3.1.2-15 3.1.2-16 3.1.2-17 3.1.2-18 3.1.2-19 3.1.2-20 3.1.2-21
    3.1.2-22 3.1.2-24
    3.1.3-1 3.1.3-2 3.1.3-3 3.1.3-4 3.1.3-5 3.1.3-6 3.1.3-8 3.1.3-9 3.1.3-10 3.1.3-11
    3.1.4-1 3.1.4-2 3.1.4-3 3.1.4-4 3.1.4-5
    3.2.0-1
    3.2.2-1 3.2.2-2 3.2.2-3 3.2.2-4 3.2.2-5 3.2.2-6
    3.3.1.-1 3.3.1-2 3.3.1-3 3.3.1-4 3.3.1-5 3.3.1-6 3.3.1-7 3.3.1-8 3.3.1-9 3.3.1-10 3.3.1-11
    3.3.1-12
    3.3.2-1 3.3.2-2 3.3.2-3
    3.3.4-1
    3.3.5-1 3.3.5-2
    3.6.1-1
    3.8.1-1
    3.8.3-1 3.8.3-2 3.8.3-3 3-8.3-4
    3.8.4-1 3.8.4-2 3.8.4-3 3.8.4-4 3.8.4-5 3.8.4-6
    3.9.3-1 3.9.3-2
    3.10.1-1
    3.10.3-1 3.10.3-2
    3.10.4-1 3.10.4-2 3.10.4-3 3.10.4-4 3.10.4-5 3.10.4-6
    3.12.4-1
    3.14.1-1
    3.14.4-3
    4.1.0-1 4.1.0-2
    4.3.1-1 4.3.2-1 4.3.2-2 4.3.3-1 4.3.3-2
    4.4.0-1
    4.5.0-1
    4.6.0-1 4.6.0-2 4.6.0-3 4.6.0-4 4.6.0-5 4.6.0-6
    4.7.1-1 4.7.1-2 4.7.1-3 4.7.2-1 4.7.3-1 4.7.3-2 4.7.3-3 4.7.3-4
    4.8.0-1 4.8.0-2
    6.0.0-1 6.0.0-2 6.0.0-4
    7.0.0-1 7.0.0-2 7.1.1-1
"""
_FOR_CLIENTS: Final = "2.3.1-2 2.3.1-3 3.1.2-23 3.1.3-7 3.14.4-1 3.14.4-2 4.5.0-2 6.0.0-3 7.1.2-1"

FOR_BROKERS: Final = tuple(_FOR_BROKERS.split())
"""All that bind a broker, in the order of the text."""
FOR_CLIENTS: Final = tuple(_FOR_CLIENTS.split())
"""Statements that bind nobody but clients."""

# `[MQTT-4.6.0-2]`, `[MQTT-4.6.0-2, -3]` and `[MQTT-3.2.2-1] to [MQTT-3.2.2-3]`.
_ID: Final = r"MQTT-(\d[-.\d]*\d)"
_NAMED: Final = re.compile(rf"{_ID}((?:, -\d+)*)(?:\]\s+to\s+\[{_ID})?")


def named_in(text: str) -> set[str]:
    """The ids that `text` names; a range is all that stands between its ends in the text."""
    names: set[str] = set()
    for first, more, last in _NAMED.findall(text):
        names.add(first)
        section = first.rpartition("-")[0]
        names.update(f"{section}-{number}" for number in re.findall(r"\d+", more))
        if last:
            names.update(FOR_BROKERS[FOR_BROKERS.index(first) : FOR_BROKERS.index(last) + 1])
    return names


def tests() -> Iterator[tuple[str, str]]:
    """Each test of the broker, by file and name, and its docstring."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("test_*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    continue
                if node.name.startswith("test_"):
                    where = f"{path.relative_to(ROOT)} {node.name}"
                    yield where, ast.get_docstring(node) or ""


def held() -> dict[str, list[str]]:
    """By id: the tests that name it."""
    by_id: dict[str, list[str]] = {}
    for where, docstring in tests():
        for name in named_in(docstring):
            by_id.setdefault(name, []).append(where)
    return by_id
