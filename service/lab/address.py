"""HOST:PORT on the command line: what makes no sense is refused before anything starts."""

import argparse

_HIGHEST_PORT = 65_535


def address(text: str) -> str:
    """An argparse type: the text as it is when it is a host, a colon and a port (1-65535).

    Raises:
        argparse.ArgumentTypeError: It is not.
    """
    host, _, port = text.rpartition(":")
    number = int(port) if port.isascii() and port.isdigit() else 0
    if not host or not 1 <= number <= _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return text
