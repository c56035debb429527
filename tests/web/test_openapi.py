"""The description of the API agrees with the API."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mytracks.web.openapi import document, is_described, spelled
from mytracks.web.routes import Audience
from tests.web.door import VERSION, Door


class DocumentTests(SynchronousTestCase):
    """What code generators and people read."""

    def setUp(self) -> None:
        self.routes = Door().site.router.routes
        self.document = document(self.routes, VERSION)

    def test_every_route_of_the_api_is_in_it_and_nothing_else(self) -> None:
        """Undocumented is unusable; documented but absent is a lie. A page is for people."""
        registered = {
            spelled(route)
            for route in self.routes
            if route.path.startswith("/api/")
            and any(each.audience is not Audience.BROWSER for each in route.operations)
        }
        described = {path for path in self.document["paths"] if path.startswith("/api/")}
        self.assertEqual(registered, described)
        others = set(self.document["paths"]) - described
        beside = {"/api", "/pub", "/owntracks", "/health", "/network-info", "/ca.crt", "/ca.der"}
        self.assertEqual(beside, others)

    def test_every_method_is_in_it(self) -> None:
        """With a summary, since a name alone explains nothing."""
        for route in filter(is_described, self.routes):
            written = self.document["paths"][spelled(route)]
            for operation in route.operations:
                self.assertTrue(written[operation.method.lower()]["summary"], route.path)
            self.assertEqual(
                {one.method.lower() for one in route.operations}, set(written) - {"parameters"}
            )

    def test_parameters_are_those_that_are_checked(self) -> None:
        """Made from the same types, limits included."""
        parameters = self.document["paths"]["/api/locations"]["get"]["parameters"]
        by_name = {one["name"]: one["schema"] for one in parameters}
        self.assertEqual(
            {
                *("device", "start_time", "end_time", "start_date", "end_date", "resolution"),
                *("limit", "offset", "ordering", "since_id", "repeats"),
            },
            set(by_name),
        )
        self.assertIn("10000", str(by_name["limit"]))
        self.assertEqual(["-timestamp", "timestamp"], sorted(by_name["ordering"]["enum"]))

    def test_files_are_told_with_their_kinds(self) -> None:
        """No JSON is promised where there is none."""
        paths = self.document["paths"]
        crl = paths["/api/admin/pki/crl"]["get"]
        told = crl["responses"]["200"]["content"]
        self.assertEqual({"application/x-pem-file", "application/pkix-crl"}, set(told))
        self.assertEqual([], crl["security"])
        bundle = paths["/api/admin/pki/client-certs/{identifier}/download"]["post"]
        told = bundle["responses"]["200"]["content"]
        self.assertEqual({"application/x-pkcs12", "application/x-pem-file"}, set(told))
        told = paths["/api/admin/audit"]["get"]["responses"]["200"]["content"]
        self.assertEqual({"application/json", "text/csv"}, set(told))

    def test_whatever_takes_parameters_may_refuse_them(self) -> None:
        """A wrong `limit` is answered 400 by every list."""
        for path, item in self.document["paths"].items():
            for method, written in item.items():
                if method != "parameters" and written.get("parameters"):
                    self.assertIn("400", written["responses"], f"{method} {path}")

    def test_names_are_unique_and_references_lead_somewhere(self) -> None:
        """Generators stumble over both."""
        ids = [
            operation["operationId"]
            for path in self.document["paths"].values()
            for method, operation in path.items()
            if method != "parameters"
        ]
        self.assertEqual(len(ids), len(set(ids)))
        schemas = self.document["components"]["schemas"]
        for reference in _references(self.document):
            self.assertIn(reference.removeprefix("#/components/schemas/"), schemas)


def _references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [found for value in part.values() for found in _references(value)]
    if isinstance(part, list):
        return [found for value in part for found in _references(value)]
    return []
