"""What the broker's log says of those who tried to speak under another's name. Pure.

`deploy/run-broker.sh` puts mosquitto's lines about a denied PUBLISH into a file that it begins anew
when it is long; a line of that kind is `SECONDS: Denied PUBLISH from CLIENT (…, 'TOPIC', …`.
mosquitto lets no control character into a topic or a client's name, so no line can be forged.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime

from service.store.enrolment_rows import Refused

MOST = 200
"""So many different attempts of one file are kept, the newest."""

_LONGEST = 120
_SEGMENTS = 4  # hw/1/up/HUB, hw/1/status/HUB, dev/1/DEVICE/…
_LINE = re.compile(r"(\d{1,12}): Denied PUBLISH from (.{1,400}?) \(d\d, q\d, r\d, m\d+, '(.*)', ")


def refused_in(lines: Iterable[str]) -> list[Refused]:
    """The attempts of a log, by client, claimed place and hour; newest first."""
    found: defaultdict[tuple[str, str, datetime], list[datetime]] = defaultdict(list)
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        at = datetime.fromtimestamp(int(match.group(1)), UTC)
        claimed = "/".join(match.group(3).split("/")[:_SEGMENTS])
        hour = at.replace(minute=0, second=0)
        found[match.group(2)[:_LONGEST], claimed[:_LONGEST], hour].append(at)
    rows = [
        Refused(client=client, claimed=claimed, hour=hour, times=len(ats), last_at=max(ats))
        for (client, claimed, hour), ats in found.items()
    ]
    rows.sort(key=lambda row: (row.last_at, row.client, row.claimed), reverse=True)
    return rows[:MOST]
