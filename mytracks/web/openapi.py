"""`GET /api/openapi.json`: the API described by the same types that check its requests."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from mytracks.web.answers import JSON, NO_STORE, Answer
from mytracks.web.problems import Problem
from mytracks.web.routes import Audience, Entry, Operation, Route, Visit

_VARIABLE: Final = re.compile(r"<(?:[a-z]+:)?([a-z_]+)>")
_FILE: Final = {"type": "string", "format": "binary"}
_REFERENCES: Final = "#/components/schemas/{name}"


def document(routes: Sequence[Route], version: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of the routes under /api/ and the others that scripts use."""
    described = [route for route in routes if is_described(route)]
    kinds: list[Any] = [Problem]
    for route in described:
        for one in route.operations:
            kinds += [kind for kind in (one.result, one.body, one.query) if kind is not None]
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REFERENCES)
    by_kind = {repr(kind): schema for kind, schema in zip(kinds, schemas, strict=True)}
    writer = _Writer(by_kind, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "mytracks", "version": version},
        "paths": {spelled(route): writer.path(route) for route in described},
        "components": {
            "schemas": writer.schemas(),
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "session": {"type": "apiKey", "in": "cookie", "name": "mytracks"},
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "mt_u_...",
                    "description": "An API token; it holds the scopes that it was made with.",
                },
            },
        },
    }


def is_described(route: Route) -> bool:
    """Whether the document tells of it: what scripts and phones use, not pages and files."""
    return any(one.summary for one in route.operations)


def spelled(route: Route) -> str:
    """The path as OpenAPI writes it."""
    return _VARIABLE.sub(r"{\1}", route.path)


class _Writer:
    """Writes operations with the schemas of their types."""

    def __init__(self, by_kind: dict[str, Any], components: dict[str, Any]) -> None:
        self._by_kind = by_kind
        self._components = components
        self._queries: set[str] = set()

    def path(self, route: Route) -> dict[str, Any]:
        item: dict[str, Any] = {
            one.method.lower(): self._operation(route, one) for one in route.operations
        }
        variables = _VARIABLE.findall(route.path)
        if variables:
            item["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in variables
            ]
        return item

    def schemas(self) -> dict[str, Any]:
        """Named types; those of query strings are written out as parameters instead."""
        return {n: s for n, s in self._components.items() if n not in self._queries}

    def _operation(self, route: Route, one: Operation) -> dict[str, Any]:
        refusals = {*one.refusals, 500}
        if one.entry is Entry.SIGNED_IN:
            refusals |= {401, 403, 429} if one.audience is not Audience.PHONE else {401, 403}
        if one.body is not None and one.audience is Audience.SCRIPT:
            refusals |= {400, 413, 415}
        responses = {str(status): self._problem(status) for status in sorted(refusals)}
        success: dict[str, Any] = {"description": HTTPStatus(one.status).phrase}
        content = {kind: {"schema": _FILE} for kind in one.files}
        if one.result is not None:
            content |= self._content(one.result)
        if content:
            success |= {"content": content}
        written: dict[str, Any] = {
            "summary": one.summary,
            "operationId": f"{one.method.lower()}{re.sub(r'[^a-z]+', '_', spelled(route))}".rstrip(
                "_"
            ),
            "responses": {str(one.status): success, **responses},
            "security": _security(one),
        }
        if one.scope is not None and one.entry is Entry.SIGNED_IN:
            written["description"] = f"Tokens need the scope `{one.scope.value}`."
        if one.query is not None:
            written["parameters"] = self._parameters(one.query)
        if one.body is not None:
            written["requestBody"] = {"content": self._content(one.body)}
        return written

    def _parameters(self, query: Any) -> list[dict[str, Any]]:
        name = query.__name__
        self._queries.add(name)
        written = []
        for field, schema in self._components[name]["properties"].items():
            parameter = {"name": field, "in": "query", "required": False, "schema": schema}
            if "description" in schema:
                parameter["description"] = schema["description"]
            written.append(parameter)
        return written

    def _content(self, kind: Any) -> dict[str, Any]:
        return {"application/json": {"schema": self._by_kind[repr(kind)]}}

    def _problem(self, status: int) -> dict[str, Any]:
        schema = self._by_kind[repr(Problem)]
        return {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": schema}},
        }


def _security(one: Operation) -> list[dict[str, list[str]]]:
    """The ways in, any of which will do; a token only where it has the scope [OpenAPI 3.1, 4.8.30:
    scopes may be named for any scheme]."""
    if one.entry is not Entry.SIGNED_IN:
        return []
    ways: list[dict[str, list[str]]] = [{"basic": []}, {"session": []}]
    return ways if one.scope is None else [*ways, {"bearer": [one.scope.value]}]


class OpenAPI:
    """Serves the document. `describe` is called once all routes are known."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._written = b"{}"
        self.document: dict[str, Any] = {}
        """Empty until it is described."""

    def describe(self, routes: Sequence[Route]) -> None:
        """Write it down for these routes."""
        self.document = document(routes, self._version)
        self._written = msgspec.json.encode(self.document)

    async def show(self, visit: Visit) -> Answer:
        """GET /api/openapi.json"""
        return Answer(200, self._written, JSON, (NO_STORE,))

    def routes(self) -> Sequence[Route]:
        """The path of the document."""
        show = Operation(
            handler=self.show, entry=Entry.NOBODY, summary="This document.", result=dict[str, Any]
        )
        return [Route("/api/openapi.json", [show])]
