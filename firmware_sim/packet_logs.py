"""Spares bumble the work of describing every packet for a debug log that nobody keeps.

bumble 0.0.236 builds a coloured text of each HCI packet before it asks whether the log wants it:
a quarter of the time of a Bluetooth session here.
"""

from bumble import colors, hci


def stop_describing_packets() -> None:
    """Leave packets without a description in this process, for good; their octets do not change."""
    hci.HCI_Object.format_fields = staticmethod(_nothing)
    colors._color_code = _plain  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001


def _nothing(*_args: object, **_options: object) -> str:
    return ""


def _plain(_spec: colors.ColorSpec, _base: int) -> str:
    return "0"
