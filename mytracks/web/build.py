"""Joins the web room: constructs its objects and hands each what it needs."""

from collections.abc import Sequence

from mytracks.web.api.account import Account
from mytracks.web.api.acme import ACMEChallenges
from mytracks.web.api.audit import Audit
from mytracks.web.api.connections import Connections
from mytracks.web.api.devices import Devices
from mytracks.web.api.health import HealthPaths
from mytracks.web.api.locations import Locations
from mytracks.web.api.network import Network
from mytracks.web.api.own_devices import OwnDevices
from mytracks.web.api.passkeys import Passkeys
from mytracks.web.api.pki.build import routes as certificates
from mytracks.web.api.publish import Publish
from mytracks.web.api.quarantine import QuarantinePaths
from mytracks.web.api.root import Root
from mytracks.web.api.second_factor import SecondFactor
from mytracks.web.api.sessions import Sessions
from mytracks.web.api.tokens import Tokens
from mytracks.web.api.users import Users
from mytracks.web.entrance import Entrance
from mytracks.web.headers import SecurityHeaders
from mytracks.web.identity import Identity
from mytracks.web.limits import Limits
from mytracks.web.live import LiveDoor
from mytracks.web.mqtt_socket import MQTTSocket
from mytracks.web.openapi import OpenAPI
from mytracks.web.pages.about import About
from mytracks.web.pages.admin.panel import panel
from mytracks.web.pages.api_docs import APIDocs
from mytracks.web.pages.errors import ErrorPages
from mytracks.web.pages.frame import Frame
from mytracks.web.pages.login import Login
from mytracks.web.pages.map import MapPage
from mytracks.web.pages.passkey_sign_in import PasskeySignIn
from mytracks.web.pages.profile.profile import profile
from mytracks.web.pages.second_factor import SecondFactorPages
from mytracks.web.pages.second_step import SecondStep
from mytracks.web.pages.setup import Setup
from mytracks.web.pages.static import Static
from mytracks.web.phone_settings import PhoneSettings
from mytracks.web.proxies import Proxies
from mytracks.web.redirects import ToHTTPS
from mytracks.web.router import Router
from mytracks.web.routes import Route
from mytracks.web.services import WebServices
from mytracks.web.site import Site
from mytracks.web.turned_away import turned_away


def build(services: WebServices, limits: Limits) -> Site:
    """The site, for as many listeners as there are; `close` it after they are closed."""
    signin, accounts = services.people.signin, services.people.accounts
    identity = Identity(signin, services.public_url)
    frame = Frame(services.assets, accounts, services.version)
    live = LiveDoor(services.live, signin, identity, services.clock, limits)
    services.people.sessions.watch(live.signed_out)
    accounts.watch(lambda revocation: live.cut(revocation.covers))
    openapi = OpenAPI(services.version)
    api = _api(services, openapi)
    routes = [
        *api,
        *Root(api).routes(),
        *_pages(services, frame),
        *APIDocs(frame, lambda: openapi.document).routes(),
        *panel(services, frame, live),
        *live.routes(),
        *MQTTSocket(services.mqtt_sockets, identity).routes(),
    ]
    openapi.describe(routes)
    return Site(
        Router(
            routes,
            identity,
            ErrorPages(frame, identity),
            ToHTTPS(services.public_url, services.https_port),
        ),
        live,
        SecurityHeaders(services.public_url),
        Proxies(
            services.trusted_proxies,
            lambda: (services.public_url() or "").startswith("https://"),
        ),
        services.clock,
        limits,
        services.public_url,
    )


def _api(services: WebServices, openapi: OpenAPI) -> Sequence[Route]:
    locations = Locations(services.history, services.clock)
    devices = Devices(services.history, services.presence)
    own_devices = OwnDevices(
        services.history,
        services.desk,
        services.people,
        devices,
        services.clock,
    )
    return [
        *Publish(services.http_mode).routes(locations.operations()),
        *locations.routes(),
        *devices.routes(own_devices.operations()),
        *own_devices.routes(),
        *Account(services.people).routes(),
        *Sessions(services.people.sessions).routes(),
        *Tokens(services.people).routes(),
        *SecondFactor(services.people).routes(),
        *Passkeys(services.people, services.public_url).routes(),
        *Users(services.people, lambda owner: len(services.devices.of(owner))).routes(),
        *Audit(services.people.audit, services.clock).routes(),
        *certificates(services),
        *_connections(services),
        *QuarantinePaths(services.quarantine, services.people.accounts, services.clock).routes(),
        *HealthPaths(services.health).routes(),
        *Network(services.http_port, services.own_address).routes(),
        *ACMEChallenges(services.acme_challenge).routes(),
        *openapi.routes(),
    ]


def _connections(services: WebServices) -> Sequence[Route]:
    missed = turned_away(services.attendance, services.people.signin)
    return Connections(services.attendance, missed, services.handshakes, services.clock).routes()


def _pages(services: WebServices, frame: Frame) -> Sequence[Route]:
    people, public_url = services.people, services.public_url
    phone_settings = PhoneSettings(
        public_url=public_url,
        http_port=services.http_port,
        https_port=services.https_port,
        mqtt_port=services.mqtt_port,
        mqtt_tls_port=services.mqtt_tls_port,
        own_address=services.own_address,
    )
    entrance = Entrance(people)
    second_step = SecondStep(people, entrance, frame, services.clock)
    login = Login(people, frame, entrance, second_step, public_url)
    map_page = MapPage(
        frame,
        services.history,
        services.live,
        Devices(services.history, services.presence),
        services.clock,
        phone_settings,
    )
    setup = Setup(services.setup, services.people.accounts, entrance, frame)
    about = About(
        frame=frame,
        phone_settings=phone_settings,
        health=services.health,
        public_url=public_url,
        database=services.database,
        clock=services.clock,
    )
    return [
        *map_page.routes(),
        *about.routes(),
        *login.routes(),
        *second_step.routes(),
        *PasskeySignIn(people, entrance, public_url).routes(),
        *profile(services, frame, SecondFactorPages(people, frame, public_url)),
        *setup.routes(),
        *Static(services.assets).routes(),
    ]
