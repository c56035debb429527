"""Somebody who speaks HTTP: a script with Basic credentials, or a browser without a screen.

Follows no redirect and forgives nothing.
"""

import base64
import http.client
import json as text
import re
from collections.abc import Mapping
from email.message import Message
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from attrs import frozen

PATIENCE = 15.0
META = re.compile(r'<meta[^>]*name="csrf-token"[^>]*content="([^"]+)"')
HIDDEN = re.compile(r'<input[^>]*name="csrf_token"[^>]*value="([^"]+)"')


@frozen
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return text.loads(self.body)

    @property
    def kind(self) -> str:
        """Its media type without parameters."""
        return self.headers.get("Content-Type", "").split(";")[0].strip()

    @property
    def location(self) -> str:
        """Where it redirects to, without scheme and host."""
        return re.sub(r"^https?://[^/]+", "", self.headers.get("Location", ""))


class Web:
    """One client with its cookies. `basic`: user and password sent with each request."""

    def __init__(
        self, port: int, basic: tuple[str, str] | None = None, address: str = "127.0.0.1"
    ) -> None:
        self.port = port
        self.address = address
        self.basic = basic
        self.cookies: dict[str, str] = {}
        self.set_cookies: list[str] = []

    @property
    def origin(self) -> str:
        """Its own origin, as a browser would name it."""
        return f"http://{self.address}:{self.port}"

    def headers(self) -> dict[str, str]:
        """What it sends with every request."""
        known = {"Host": f"{self.address}:{self.port}"}
        if self.basic is not None:
            pair = base64.b64encode(":".join(self.basic).encode()).decode()
            known["Authorization"] = f"Basic {pair}"
        if self.cookies:
            known["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return known

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        within: float = PATIENCE,
    ) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection(self.address, self.port, timeout=within)
        try:
            connection.request(method, path, body, self.headers() | dict(headers or {}))
            answer = connection.getresponse()
            got = Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
        for line in got.headers.get_all("Set-Cookie") or []:
            self.set_cookies.append(line)
            for name, morsel in SimpleCookie(line).items():
                if morsel.value and morsel["max-age"] != "0":
                    self.cookies[name] = morsel.value
                else:
                    self.cookies.pop(name, None)
        return got

    def get(self, path: str, **query: Any) -> Answer:
        """GET with query parameters; a list repeats one."""
        return self.ask("GET", f"{path}?{urlencode(query, doseq=True)}" if query else path)

    def post_json(
        self, path: str, message: object, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """POST a JSON document."""
        kind = {"Content-Type": "application/json"}
        return self.ask("POST", path, text.dumps(message).encode(), kind | dict(headers or {}))

    def post_form(
        self, path: str, fields: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """POST a form as a browser does, with its Origin."""
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        return self.ask("POST", path, urlencode(fields).encode(), kind | dict(headers or {}))

    # A browser's ways

    def form_token(self, path: str) -> str:
        """The hidden csrf_token of the form at `path`."""
        page = self.get(path)
        assert page.status == 200, page
        found = HIDDEN.search(page.body.decode())
        assert found is not None, page.body.decode()
        return found.group(1)

    def sign_in(self, user: str, password: str, to: str | None = None) -> Answer:
        """Fill in the sign-in form."""
        fields = {"username": user, "password": password, "csrf_token": self.form_token("/login/")}
        return self.post_form("/login/", fields | ({"next": to} if to is not None else {}))

    def page_token(self) -> str:
        """The token in the head of a signed-in page."""
        page = self.get("/")
        assert page.status == 200, (page.status, page.headers)
        found = META.search(page.body.decode())
        assert found is not None, page.body.decode()[:2000]
        return found.group(1)
