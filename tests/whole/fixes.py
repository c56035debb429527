"""OwnTracks messages as phones write them."""

import itertools
import json
import time
from collections.abc import Iterator
from functools import cache
from typing import Any


@cache
def _moments() -> Iterator[int]:
    return itertools.count(int(time.time()) - 50_000_000)


def moment() -> int:
    """UTC seconds of a fix, more than a year ago; never the same twice in one process."""
    return next(_moments())


def fix(**members: Any) -> dict[str, Any]:
    """A location report, unlike any other of this process."""
    at = moment()
    plain = {
        "_type": "location",
        "_id": f"{at & 0xFFFFFFFF:08x}",
        "lat": 48.858330,
        "lon": 2.295130,
        "tst": at,
        "acc": 12,
        "batt": 81,
        "tid": "ja",
        "t": "u",
    }
    return plain | members


def wire(message: object) -> bytes:
    """A message as bytes."""
    return json.dumps(message, separators=(",", ":")).encode()


# owntracks.md 3.1: what stock phones send, byte for byte.
ANDROID_CONNECT = bytes.fromhex(
    "10 48 00 06 4d 51 49 73 64 70 03 c4 0e 10"
    "00 09 6a 61 6e 65 70 68 6f 6e 65"
    "00 14 6f 77 6e 74 72 61 63 6b 73 2f 6a 61 6e 65 2f 70 68 6f 6e 65"
    "00 0f 7b 22 5f 74 79 70 65 22 3a 22 6c 77 74 22 7d"
    "00 04 6a 61 6e 65 00 02 70 77"
)
ANDROID_FRESH_CONNECT = bytes.fromhex(
    "10 3e 00 06 4d 51 49 73 64 70 03 c4 0e 10"
    "00 05 70 68 6f 6e 65"
    "00 14 6f 77 6e 74 72 61 63 6b 73 2f 75 73 65 72 2f 70 68 6f 6e 65"
    "00 0f 7b 22 5f 74 79 70 65 22 3a 22 6c 77 74 22 7d"
    "00 00 00 00"
)
IOS_CONNECT = bytes.fromhex(
    "10 57 00 04 4d 51 54 54 04 cc 00 3c"
    "00 09 6a 61 6e 65 70 68 6f 6e 65"
    "00 14 6f 77 6e 74 72 61 63 6b 73 2f 6a 61 6e 65 2f 70 68 6f 6e 65"
    "00 20 7b 22 5f 74 79 70 65 22 3a 22 6c 77 74 22 2c 22 74 73 74 22 3a"
    "31 37 30 30 30 30 30 30 30 30 7d"
    "00 04 6a 61 6e 65 00 02 70 77"
)
"""User jane, password pw: too short for an account's password by our rules, so tests that use
these take the same packet with a longer one (`with_password`)."""


def with_password(connect: bytes, password: str) -> bytes:
    """The same CONNECT of jane with another password at its end."""
    tail = b"\x00\x02pw"
    assert connect.endswith(tail)
    raw = password.encode()
    body = connect[2 : -len(tail)] + len(raw).to_bytes(2, "big") + raw
    assert len(body) < 128
    return bytes([0x10, len(body)]) + body


ANDROID_LOCATION = (
    '{"_type":"location","topic":"owntracks/jane/pixel8","qos":1,"retained":true,'
    '"created_at":1767225605,"_id":"3fa91c07","source":"fused","batt":81,"bs":1,"acc":12,'
    '"vac":3,"lat":48.858330,"lon":2.295130,"alt":35,"tst":1767225600,"m":1,"conn":"w",'
    '"inregions":["Home"],"BSSID":"02:00:00:00:00:00","SSID":"lan","tid":"l8"}'
)
IOS_LOCATION = (
    '{"_type":"location","t":"u","lat":48.858330,"lon":2.295130,"tst":1767225600,"acc":5,'
    '"alt":35,"vac":4,"vel":0,"cog":270,"p":101.325,"motionactivities":["stationary"],'
    '"conn":"w","ssid":"lan","bssid":"aa:bb:cc:dd:ee:ff","m":1,"tid":"ja","batt":80,"bs":2,'
    '"inregions":["Home"],"inrids":["6da9cf"]}'
)
OLD_TRACKER_LOCATION = (
    '{"_type":"location","tst":"1442609999","lat":"52.1","lon":"8.7","acc":"15","vel":-1,'
    '"cog":-1,"batt":-1,"t":"T"}'
)
