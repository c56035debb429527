"""One shape for every JSON error, on every described route, whatever is wrong with the question."""

from typing import Any

from tests.whole.cases import ANA, SharedCase
from tests.whole.web import Answer, Web

MEMBERS = {"type", "title", "status", "detail", "errors"}
PHONES = {"/pub", "/owntracks"}


class ErrorShapeTests(SharedCase):
    """A script needs one parser."""

    def routes(self) -> list[tuple[str, str]]:
        """(method, path) of everything in the description, with made-up names filled in."""
        document: dict[str, Any] = self.web(self.daemon, ANA).get("/api/openapi.json").json()
        methods = {"get", "post", "put", "patch", "delete"}
        return [
            (method.upper(), path.replace("{", "no-such-").replace("}", ""))
            for path, operations in document["paths"].items()
            for method in operations
            if method in methods
        ]

    def assert_shape(self, what: str, answer: Answer) -> None:
        """A problem with exactly the five members."""
        self.assertEqual("application/problem+json", answer.kind, what)
        problem = answer.json()
        self.assertEqual(MEMBERS, set(problem), what)
        self.assertEqual(answer.status, problem["status"], what)
        self.assertIsInstance(problem["errors"], dict, what)
        for texts in problem["errors"].values():
            self.assertTrue(all(isinstance(text, str) for text in texts), what)

    def test_every_error_of_every_route_has_the_one_shape(self) -> None:
        """Nobody, somebody, nonsense for parameters, nonsense for a body, unknown methods."""
        nobody, ana = Web(self.daemon.http), self.web(self.daemon, ANA)
        kind = {"Content-Type": "application/json"}
        seen = set()
        for method, path in self.routes():
            for asking, asked, body in (
                (nobody, path, None),
                (ana, path + "?limit=x&since_id=x&start_time=x", None),
                (ana, path, b"{nonsense"),
            ):
                answer = asking.ask(method, asked, body, kind if body else {})
                self.assertLess(answer.status, 500, (method, asked, answer.body))
                if answer.status >= 400:
                    seen.add(answer.status)
                    self.assert_shape(f"{method} {asked}", answer)
            unknown = ana.ask("BREW", path)
            self.assertIn(unknown.status, (405, 501), path)
        self.assertLessEqual({400, 401, 404}, seen)
