"""What goes over `control.sock`: one line of JSON to ask, one to answer. Pure and light to import.

`{"operation": "user.show", "arguments": {"name": "ana"}}` is answered by `{"result": …}` or
`{"refusal": {"kind": "not_found", "text": "…", "fields": {}}}`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

MAX_LINE: Final = 64 * 1024
"""Bytes of a request, without its end."""
SOCKET_NAME: Final = "control.sock"

Arguments = Mapping[str, Any]


class BadLine(ValueError):
    """What came is not of this language; the text says why."""


@frozen
class Request:
    """An operation by name and what it needs. Arguments may hold a password: not shown."""

    operation: str
    arguments: Arguments = field(factory=dict, repr=False)


@frozen
class Refusal:
    """Why nothing was done. `kind`: an error's name, `not_found` say; `fields`: what is wrong."""

    kind: str
    text: str
    fields: Mapping[str, Sequence[str]] = field(factory=dict)


@frozen
class Answer:
    """What an operation gave, or why it was refused."""

    result: Any = field(default=None, repr=False)
    refusal: Refusal | None = None


def encode_request(request: Request) -> bytes:
    """The line that asks, its end included."""
    return _line({"operation": request.operation, "arguments": dict(request.arguments)})


def decode_request(line: bytes) -> Request:
    """The request in a line. Raises BadLine."""
    value = _object(line)
    operation, arguments = value.get("operation"), value.get("arguments", {})
    if not isinstance(operation, str) or not isinstance(arguments, dict):
        raise BadLine("A request has an operation and its arguments.")
    return Request(operation, arguments)


def encode_answer(answer: Answer) -> bytes:
    """The line that answers, its end included."""
    if answer.refusal is None:
        return _line({"result": answer.result})
    refusal = answer.refusal
    fields = {name: list(texts) for name, texts in refusal.fields.items()}
    return _line({"refusal": {"kind": refusal.kind, "text": refusal.text, "fields": fields}})


def decode_answer(line: bytes) -> Answer:
    """The answer in a line. Raises BadLine."""
    value = _object(line)
    refusal = value.get("refusal")
    if refusal is None:
        return Answer(value.get("result"))
    try:
        return Answer(refusal=Refusal(refusal["kind"], refusal["text"], refusal["fields"]))
    except (KeyError, TypeError):
        raise BadLine("An answer has a result or a refusal.") from None


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise BadLine("A line holds one JSON object.") from None
    if not isinstance(value, dict):
        raise BadLine("A line holds one JSON object.")
    return value
