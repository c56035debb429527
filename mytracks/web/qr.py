"""QR codes as pictures that stand in a page: drawn here, by nobody else."""

import segno

DARK = "#000"
LIGHT = "#fff"
"""Black on white in every theme: scanners want it so."""


def picture(text: str) -> str:
    """`text` as a QR code: an SVG as a data URI, with the white border that scanners need."""
    uri: str = segno.make_qr(text, error="m").svg_data_uri(
        scale=4, border=4, dark=DARK, light=LIGHT, omitsize=False
    )
    return uri
