"""Makes `twistd mytracks` known; everything else is in `mytracks.tap`."""

from twisted.application.service import ServiceMaker

mytracks = ServiceMaker(
    "mytracks",
    "mytracks.tap",
    "A location server for the OwnTracks phone apps.",
    "mytracks",
)
