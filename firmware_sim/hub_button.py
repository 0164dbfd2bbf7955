"""A resident at the hub's screen: reads the page as a browser would, and presses one button.

Written from what HTTP/1.1 (RFC 9112) and HTML forms say; it knows nothing of the hub but its page.
"""

import asyncio
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

_PATIENCE_S = 30.0


class NoButtonError(Exception):
    """The page asks nothing, has no such button, or did not take the answer."""


@dataclass(slots=True)
class _Form:
    fields: dict[str, str] = field(default_factory=dict[str, str])
    buttons: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[_Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collects forms, their hidden fields and their buttons."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(_Form())
        elif tag == "input" and self.found:
            self.found[-1].fields[given.get("name", "")] = given.get("value", "")
        elif tag == "button" and self.found:
            self.found[-1].buttons.append((given.get("name", ""), given.get("value", "")))


async def press(host: str, port: int, word: str) -> None:
    """Press the first button of the page that says `word` (`chest_pain`, `ok` for none of them).

    Raises:
        NoButtonError: as the class says.
        OSError: nobody answers at that address.
    """
    page = await _ask(host, port, "GET", "")
    forms = _Forms()
    forms.feed(page.partition("\r\n\r\n")[2])
    for form in forms.found:
        button = next((pair for pair in form.buttons if pair[1] == word), None)
        if button is not None:
            answer = await _ask(host, port, "POST", urlencode([*form.fields.items(), button]))
            if answer.startswith("HTTP/1.1 303"):
                return
            raise NoButtonError(answer.partition("\r\n")[0])
    raise NoButtonError(f"no button says {word}")


async def _ask(host: str, port: int, method: str, body: str) -> str:
    async with asyncio.timeout(_PATIENCE_S):
        reader, writer = await asyncio.open_connection(host, port)
        head = f"{method} / HTTP/1.1\r\nHost: {host}:{port}\r\n"
        kind = "Content-Type: application/x-www-form-urlencoded\r\n" if body else ""
        writer.write(f"{head}{kind}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        answer = (await reader.read()).decode()
        writer.close()
        await writer.wait_closed()
        return answer
