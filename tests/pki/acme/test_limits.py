"""What may be asked of a public authority, and which names can be proved to be ours."""

from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Invalid
from mytracks.pki.acme.limits import Limits
from mytracks.pki.acme.names import read


class LimitsTests(SynchronousTestCase):
    """Settings that could never work end the start."""

    def test_off_by_default(self) -> None:
        """Nobody is contacted."""
        self.assertEqual("", Limits().url)

    def test_a_known_authority_goes_by_its_name(self) -> None:
        """There is one to try things out, whose certificates nobody trusts."""
        real = Limits(directory="letsencrypt", terms_agreed=True).url
        trial = Limits(directory="letsencrypt-staging", terms_agreed=True).url
        self.assertEqual("https://acme-v02.api.letsencrypt.org/directory", real)
        self.assertEqual("https://acme-staging-v02.api.letsencrypt.org/directory", trial)

    def test_what_could_never_work_is_refused(self) -> None:
        """No TLS, no agreement, no such challenge."""
        for wrong in (
            {"directory": "http://ca.example/dir", "terms_agreed": True},
            {"directory": "letsencrpyt", "terms_agreed": True},
            {"directory": "https:///dir", "terms_agreed": True},
            {"directory": "letsencrypt"},
            {"challenge": "dns-01"},
            {"renew_at": 1.0},
        ):
            with self.assertRaises(ValueError, msg=wrong):
                Limits(**wrong)


class NamesTests(SynchronousTestCase):
    """Names of hosts that the world knows."""

    def test_host_names_are_read_as_certificates_have_them(self) -> None:
        """Lower case, punycode, each once."""
        self.assertEqual(
            ("track.example.org", "xn--bcher-kva.example"),
            read(["Track.Example.org.", "bücher.example", "track.example.org"]),
        )

    def test_what_cannot_be_proved_is_refused_with_the_reason(self) -> None:
        """By the challenges that we answer, or at all."""
        for wrong, why in (
            ((), "public_url"),
            (("*.example.org",), "DNS"),
            (("nas",), "dot"),
            (("192.0.2.1",), "address"),
            (("2001:db8::1",), "address"),
            (("a b.example",), "host name"),
        ):
            with self.assertRaises(Invalid) as caught:
                read(wrong)
            self.assertIn(why, str(caught.exception))
