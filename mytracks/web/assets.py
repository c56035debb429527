"""The front end as it was built: which files there are, and what they are called now.

The build copies `static/dist` and `templates` into the package; a checkout has them beside it.
Decides nothing about who may have them: everybody may.
"""

import gzip
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from jinja2 import Environment, FileSystemLoader, StrictUndefined

TYPES: Final[Mapping[str, bytes]] = {
    ".css": b"text/css; charset=utf-8",
    ".gif": b"image/gif",
    ".html": b"text/html; charset=utf-8",
    ".ico": b"image/x-icon",
    ".jpg": b"image/jpeg",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json",
    ".map": b"application/json",
    ".mjs": b"text/javascript; charset=utf-8",
    ".mvt": b"application/vnd.mapbox-vector-tile",
    ".pbf": b"application/vnd.mapbox-vector-tile",
    ".png": b"image/png",
    ".svg": b"image/svg+xml; charset=utf-8",
    ".txt": b"text/plain; charset=utf-8",
    ".webmanifest": b"application/manifest+json",
    ".webp": b"image/webp",
    ".woff2": b"font/woff2",
}
_ENCODINGS: Final = ((b"br", ".br"), (b"gzip", ".gz"))
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_CHUNK: Final = re.compile(r"chunk-[0-9A-Z]{8}\.")


class FrontEndMissing(Exception):
    """The front end was not built or not packaged; one sentence that says what to do."""


@frozen
class File:
    """A built file, ready to be sent. `encoding`: of the bytes, None when they are as they are.
    `varies`: there are several encodings of it. `immutable`: its name changes with its content."""

    content: bytes
    content_type: bytes
    encoding: bytes | None
    varies: bool
    immutable: bool


class Assets:
    """The built files under `static`, the templates under `templates`."""

    def __init__(self, static: Path, templates: Path) -> None:
        self._static = static
        self._names = _manifest(static / "manifest.json")
        self._hashed = tuple(self._names.values())
        self.templates = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.templates.globals["asset"] = self.url

    def url(self, name: str) -> str:
        """Where the file lies that templates know as `name` ("map.ts"). Raises KeyError."""
        return f"/static/{self._names[name]}"

    def named(self, *names: str) -> str | None:
        """The built name of the first of these logical names that there is."""
        return next((self._names[name] for name in names if name in self._names), None)

    def render(self, template: str, context: Mapping[str, Any]) -> bytes:
        """A page."""
        return self.templates.get_template(template).render(context).encode("utf-8")

    def find(self, name: str, accepted: str) -> File | None:
        """The file at `name` below /static/ in the best encoding that `accepted` (the value of
        Accept-Encoding) allows; None when there is none."""
        segments = name.split("/")
        if not all(_SEGMENT.fullmatch(segment) for segment in segments):
            return None
        path = self._static.joinpath(*segments)
        content_type = TYPES.get(path.suffix)
        if content_type is None:
            return None
        there = {code: Path(f"{path}{suffix}") for code, suffix in _ENCODINGS}
        there = {code: variant for code, variant in there.items() if variant.is_file()}
        wanted = _accepted(accepted)
        encoding = next((code for code in there if code.decode() in wanted), None)
        try:
            if encoding is not None:
                content = there[encoding].read_bytes()
            elif path.is_file() or b"gzip" not in there:
                content = path.read_bytes()
            else:  # the base map is kept compressed only
                content = gzip.decompress(there[b"gzip"].read_bytes())
        except OSError:
            return None
        return File(content, content_type, encoding, bool(there), self._immutable(name))

    def _immutable(self, name: str) -> bool:
        return name.startswith(self._hashed) or _CHUNK.match(name) is not None


def find_assets() -> Assets:
    """The front end of this installation: in the package, else in the checkout around it.

    Raises FrontEndMissing.
    """
    package = Path(__file__).resolve().parent.parent
    static, templates = package / "static", package / "templates"
    if not static.is_dir():
        static, templates = package.parent / "static" / "dist", package.parent / "templates"
    if not static.is_dir() or not templates.is_dir():
        raise FrontEndMissing(
            f"The front end is not there ({static}): run `pip install -e .` again, which builds it."
        )
    return Assets(static, templates)


def _manifest(path: Path) -> Mapping[str, str]:
    try:
        names = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise FrontEndMissing(
            f"{path} cannot be read ({error}): run `pip install -e .` again, which builds it."
        ) from error
    return {str(name): str(built) for name, built in names.items()}


def _accepted(header: str) -> frozenset[str]:
    """The codings that an Accept-Encoding allows [RFC 9110 12.5.3]; `q=0` forbids."""
    found = set()
    for part in header.lower().split(","):
        coding, _, weight = part.partition(";")
        if weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            found.add(coding.strip())
    return frozenset(found)
