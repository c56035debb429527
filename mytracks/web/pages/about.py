"""`/about/`: what to type into a phone, how this server fares, and where its API is described."""

from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen

from mytracks.clock import Clock
from mytracks.health import Health
from mytracks.web.answers import Answer
from mytracks.web.api.times import seconds
from mytracks.web.pages.frame import Frame
from mytracks.web.phone_settings import Endpoints, PhoneSettings
from mytracks.web.routes import Audience, Operation, Route, Visit


@frozen(kw_only=True)
class About:
    """For everybody signed in; administrators are told more. `database`: its kind."""

    frame: Frame
    phone_settings: PhoneSettings
    health: Callable[[], Health]
    public_url: Callable[[], str | None]
    database: str
    clock: Clock

    async def show(self, visit: Visit) -> Answer:
        """GET /about/"""
        endpoints = self.phone_settings.endpoints(visit.request)
        health = self.health()
        return self.frame.page(
            visit,
            "about.html",
            endpoints=endpoints,
            health=health,
            since=seconds(health.database.since),
            database=self.database,
            doubt=self.clock.doubt(),
            admin=self._admin(endpoints) if visit.who.admin else None,
        )

    def routes(self) -> Sequence[Route]:
        """The path of this page."""
        return [Route("/about/", [Operation(handler=self.show, audience=Audience.BROWSER)])]

    def _admin(self, endpoints: Endpoints) -> dict[str, Any]:
        """What only administrators can do something about. A listener's port: None where it is
        off."""
        known = self.phone_settings
        return {
            "listeners": [
                ("HTTP", known.http_port(), "http_port"),
                ("HTTPS", known.https_port(), "https_port"),
                ("MQTT", known.mqtt_port(), "mqtt_port"),
                ("MQTT + TLS", known.mqtt_tls_port(), "mqtt_tls_port"),
            ],
            "public_url": self.public_url(),
            "no_tls": known.mqtt_tls_port() is None and known.https_port() is None,
            "no_public_url": self.public_url() is None,
            "alone": endpoints.alone,
        }
