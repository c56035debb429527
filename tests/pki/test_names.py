"""Host names and addresses that somebody typed."""

from cryptography.x509 import NameAttribute
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mytracks.errors import Invalid
from mytracks.host import addresses
from mytracks.pki import names

GOOD = {
    "nas": "nas",
    " NAS.Local. ": "nas.local",
    "*.example.org": "*.example.org",
    "xn--mnchen-3ya.de": "xn--mnchen-3ya.de",
    "münchen.de": "xn--mnchen-3ya.de",
    "a-b.c1": "a-b.c1",
    "192.0.2.1": "192.0.2.1",
    "127.0.0.1": "127.0.0.1",
    "[2001:DB8::1]": "2001:db8::1",
    "0:0:0:0:0:0:0:1": "::1",
    "3com.com": "3com.com",
    "x" * 63: "x" * 63,
    ".".join(["x" * 62] * 4) + ".y": ".".join(["x" * 62] * 4) + ".y",
}
BAD = (
    *("", " ", ".", "a..b", "-a", "a-", "a_b", "a b", "a\nb", "a\0b", "a/b", "https://a.b", "a:80"),
    *("*", "*.org", "a.*.org", "*a.org", "**.example.org", "me@example.org", "1.2.3", "1.2.3.256"),
    *("0.0.0.0", "::", "224.0.0.1", "ff02::1", "fe80::1%eth0", "10.0.0.0/8", "0x7f.1", "12"),
    *("x" * 64, ".".join(["abc"] * 64), "xn--", "xn--a", "a\u200b.b", "\ud800", "a,b"),
    *("[::1", "::1]", ".".join(["x" * 62] * 4) + ".yz"),
)


class NamesTests(SynchronousTestCase):
    """What a certificate may be good for."""

    def test_names_are_kept_as_they_stand_in_a_certificate(self) -> None:
        """Lower case, punycode, addresses in their short form."""
        for text, wanted in GOOD.items():
            self.assertEqual(wanted, names.read_one(text), text)

    def test_what_fits_nothing_is_refused(self) -> None:
        """Each with what is wrong with it."""
        for text in BAD:
            with self.assertRaises(ValueError, msg=repr(text)) as caught:
                names.read_one(text)
            self.assertRegex(str(caught.exception), "^(is|may) ")

    def test_all_faults_are_told_at_once(self) -> None:
        """In the field; a name that is given twice counts once."""
        self.assertEqual(("nas", "::1"), names.read(["nas", "NAS", "::1", "0::1"]))
        with self.assertRaises(Invalid) as caught:
            names.read(["nas", "a b", "*"])
        self.assertEqual(2, len(caught.exception.errors["san_entries"]))
        for nothing in ((), [f"h{n}" for n in range(names.MOST + 1)]):
            with self.assertRaises(Invalid):
                names.read(nothing)
        self.assertEqual(names.MOST, len(names.read(f"h{n}" for n in range(names.MOST))))

    def test_common_names_are_short_and_printable(self) -> None:
        """At the limit, and one past it."""
        self.assertEqual("Mütze 🎩", names.common_name(" Mütze 🎩 "))
        for longest in ("x" * 64, "ü" * 32):
            self.assertEqual(longest, names.common_name(longest))
            NameAttribute(NameOID.COMMON_NAME, longest)
        for bad in ("", "  ", "x" * 65, "ü" * 33, "a\x00b", "a\u202eb", "\ud800"):
            with self.assertRaises(Invalid):
                names.common_name(bad)

    @given(st.text(max_size=80))
    def test_whatever_is_typed_is_refused_or_fits_a_certificate(self, text: str) -> None:
        """And what was read is read as itself again."""
        try:
            read = names.read_one(text)
        except ValueError:
            return
        self.assertEqual(read, names.read_one(read))
        self.assertTrue(read.isascii())
        self.assertEqual(read, str(names.general(read).value))

    @given(
        st.lists(
            st.from_regex(r"\A[a-z0-9]([a-z0-9-]{0,20}[a-z])?\Z").filter(
                lambda label: not label.startswith("xn--")
            ),
            min_size=1,
            max_size=5,
        )
    )
    def test_any_host_name_of_letters_digits_and_hyphens_is_taken(self, labels: list[str]) -> None:
        """Unless it would end like an address."""
        text = ".".join([*labels, "home"])
        self.assertEqual(text, names.read_one(text))

    @given(st.ip_addresses())
    def test_any_address_of_one_machine_is_taken(self, address: object) -> None:
        """IPv4 and IPv6."""
        if getattr(address, "is_multicast", False) or getattr(address, "is_unspecified", False):
            return
        self.assertEqual(str(address), names.read_one(str(address)))


class SuggestionTests(SynchronousTestCase):
    """What this machine is called."""

    def test_the_public_name_comes_first_and_a_bare_name_gets_the_local_domain(self) -> None:
        """What cannot be in a certificate is left out."""
        found = names.suggested("T.example.org", ["nas", "my_nas", "nas.lan"], ["192.0.2.1"])
        self.assertEqual(["t.example.org", "nas", "nas.local", "nas.lan", "192.0.2.1"], found[:5])
        self.assertEqual(["localhost", "127.0.0.1", "::1"], found[5:])

    def test_a_machine_knows_its_names_and_addresses(self) -> None:
        """None of them its own alone."""
        for address in addresses.own_addresses():
            self.assertFalse(addresses.is_loopback(address))
            names.read_one(address)
        for name in addresses.own_names():
            self.assertFalse(addresses.is_loopback(name))
