"""`GET /api/docs`: the OpenAPI document as a page to read, without anybody else's script."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from mytracks.web.answers import Answer
from mytracks.web.pages.frame import Frame
from mytracks.web.routes import Audience, Operation, Route, Visit

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_REFERENCE: Final = "#/components/schemas/"
_ROOMS: Final = {
    "locations": "Locations",
    "devices": "Devices",
    "account": "Own account",
    "commands": "Commands",
    "admin": "Administration",
}
"""What paths below /api/ begin with, and what their group is called; phones' and all others come
before and after."""
_PHONES: Final = "For phones"
_OTHERS: Final = "The server"


@frozen
class Value:
    """A member of a JSON object, or a parameter. `kind`: of what type it may be, in words that
    `links` name: kinds described on the same page."""

    name: str
    kind: str
    links: Sequence[str]
    required: bool
    text: str


@frozen(kw_only=True)
class Described:
    """One method of one path. `body`, `result`: names of JSON types. `answers`: status and
    meaning."""

    anchor: str
    method: str
    path: str
    summary: str
    text: str
    ways: Sequence[str]
    parameters: Sequence[Value]
    body: Value | None
    result: Value | None
    answers: Sequence[tuple[str, str]]


@frozen
class Kind:
    """A JSON type with a name."""

    name: str
    text: str
    values: Sequence[Value]


@frozen
class APIDocs:
    """For everybody signed in. `document`: the OpenAPI document."""

    frame: Frame
    document: Callable[[], Mapping[str, Any]]

    async def show(self, visit: Visit) -> Answer:
        """GET /api/docs"""
        document = self.document()
        return self.frame.page(
            visit,
            "api_docs.html",
            groups=list(groups(document)),
            kinds=[_kind(name, one) for name, one in sorted(_schemas(document).items())],
        )

    def routes(self) -> Sequence[Route]:
        """The path of this page."""
        return [Route("/api/docs", [Operation(handler=self.show, audience=Audience.BROWSER)])]


def groups(document: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Described]]]:
    """All operations of the OpenAPI document, by what they are for."""
    found: dict[str, list[Described]] = {name: [] for name in (_PHONES, *_ROOMS.values(), _OTHERS)}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                found[_room(path, method)].append(_described(path, method, item))
    return ((name, operations) for name, operations in found.items() if operations)


def _room(path: str, method: str) -> str:
    if method == "post" and path in ("/pub", "/owntracks", "/api/locations"):
        return _PHONES
    first = path.removeprefix("/api/").partition("/")[0]
    return _ROOMS.get(first, _OTHERS)


def _described(path: str, method: str, item: Mapping[str, Any]) -> Described:
    one = item[method]
    parameters = [*item.get("parameters", []), *one.get("parameters", [])]
    success = next(status for status in one["responses"] if status < "300")
    return Described(
        anchor=one["operationId"],
        method=method.upper(),
        path=path,
        summary=one["summary"],
        text=one.get("description", ""),
        ways=[way for security in one["security"] for way in security],
        parameters=[_parameter(parameter) for parameter in parameters],
        body=_content("Body", one.get("requestBody")),
        result=_content("Answer", one["responses"][success]),
        answers=[(status, told["description"]) for status, told in one["responses"].items()],
    )


def _parameter(parameter: Mapping[str, Any]) -> Value:
    place = "path" if parameter["in"] == "path" else "query"
    value = _value(parameter["name"], parameter["schema"], parameter["required"])
    return Value(value.name, f"{value.kind}, in the {place}", (), value.required, value.text)


def _content(name: str, place: Mapping[str, Any] | None) -> Value | None:
    content = (place or {}).get("content", {})
    return next((_value(name, one["schema"], required=True) for one in content.values()), None)


def _kind(name: str, schema: Mapping[str, Any]) -> Kind:
    required = schema.get("required", ())
    values = [
        _value(member, one, member in required)
        for member, one in schema.get("properties", {}).items()
    ]
    return Kind(name, _line(schema.get("description", "")), values)


def _value(name: str, schema: Mapping[str, Any], required: bool) -> Value:
    texts = [_line(one["description"]) for one in _parts(schema) if "description" in one]
    if schema.get("default") not in (None, "", [], {}):
        texts.append(f"If not given: {_json(schema['default'])}.")
    links = tuple(dict.fromkeys(_links(schema)))
    return Value(name, _words(schema), links, required, " ".join(dict.fromkeys(texts)))


def _parts(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema and those that it may be instead."""
    yield schema
    yield from schema.get("anyOf", ())


def _links(schema: Mapping[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        yield schema["$ref"].removeprefix(_REFERENCE)
    for one in schema.get("anyOf", ()):
        yield from _links(one)
    if isinstance(schema.get("items"), dict):
        yield from _links(schema["items"])


def _words(schema: Mapping[str, Any]) -> str:
    """Of what type a value may be."""
    if "$ref" in schema:
        return str(schema["$ref"]).removeprefix(_REFERENCE)
    if "anyOf" in schema:
        return " or ".join(_words(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(_json(one) for one in schema["enum"])
    if schema.get("type") == "array":
        items = schema.get("items")
        return f"list of {_words(items)}" if isinstance(items, dict) and items else "list"
    return f"{schema.get('type', 'anything')}{_bounds(schema)}"


def _bounds(schema: Mapping[str, Any]) -> str:
    if "maxLength" in schema:
        return f", at most {schema['maxLength']} characters"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return ""


def _schemas(document: Mapping[str, Any]) -> Mapping[str, Any]:
    schemas: Mapping[str, Any] = document["components"]["schemas"]
    return schemas


def _line(text: str) -> str:
    """Without the line breaks of source code."""
    return " ".join(text.split())


def _json(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
