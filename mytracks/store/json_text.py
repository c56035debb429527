"""JSON as text of a column: the same value always gives the same text."""

import json
from typing import Any

import orjson


def write(value: Any) -> str:
    """The text of a value made of what JSON knows, whatever odd numbers and texts are in it."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        # Numbers beyond 64 bits and halves of surrogate pairs, which JSON itself allows.
        return json.dumps(value, sort_keys=True, separators=(",", ":"))


def read(text: str) -> Any:
    """The value of a text that `write` made."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)
