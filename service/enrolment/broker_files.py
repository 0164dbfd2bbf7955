"""The files a county's mosquitto reads about who may connect, written so that it never sees half.

`ca.crt` (both authorities), `ca.crl` (both lists), `acl` (the county's own listener), `acl-homes`
(the listeners of hubs and devices), `passwords`, and last `generation`: who runs the broker looks
at that one and has it read the others again (`deploy/run-broker.sh`).
"""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from service.credentials.authority import HomeAuthority
from service.store.enrolment_rows import BrokerTruth

ACCESS_TOPIC = "hw/1/access"
"""Below it the service may publish the number of the state in force, and no other: what comes back
to it proves that the broker has read everything that was written with that number."""

SERVICE_USER = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFolder:
    """Where the files go and where the county's own come from.

    `folder` is what the broker reads; `certificates` has the county authority's `ca.crt`, `ca.crl`;
    `acl` is the access list that holds for everybody.
    """

    folder: Path
    certificates: Path
    acl: Path

    def write(self, truth: BrokerTruth, authority: HomeAuthority, now: datetime) -> str:
        """Writes all files; returns the state's number as the access list allows it.

        Raises:
            OSError: a file cannot be read or written.
        """
        mark = f"{truth.wanted}-{int(now.timestamp() * 1000)}"
        own_ca = (self.certificates / "ca.crt").read_text(encoding="utf-8")
        own_list = (self.certificates / "ca.crl").read_text(encoding="utf-8")
        lines = "".join(f"{line}\n" for line in truth.password_lines)
        self._put("ca.crt", own_ca + authority.pem)
        self._put("ca.crl", own_list + authority.revocations(truth.revoked, now))
        rules = self.acl.read_text(encoding="utf-8")
        self._put("acl", rules + access_of(truth, mark))
        self._put("acl-homes", patterns_of(rules) + shut_out_of(truth))
        self._put("passwords", lines)
        self._put("generation", f"{mark}\n")
        return mark

    def sources(self) -> tuple[int, ...]:
        """When the county's own files changed last (ns): an operator revokes by hand there.

        Raises:
            OSError: a file is not there.
        """
        own = (self.certificates / "ca.crt", self.certificates / "ca.crl", self.acl)
        return tuple(path.stat().st_mtime_ns for path in own)

    def _put(self, name: str, text: str) -> None:
        # The broker is another user, in another container: it must be able to read. What stands
        # here is public or the hash of 192 random bits.
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{name}.new"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / name)


def access_of(truth: BrokerTruth, mark: str) -> str:
    """What is added to the access list: the service's mark, and nothing at all for the shut out.

    A refusal stands above every pattern and holds for a session that is already open, hence before
    the revocation list keeps it from coming back.
    """
    service = f"user {SERVICE_USER}\ntopic read {ACCESS_TOPIC}/#\ntopic write {ACCESS_TOPIC}/{mark}"
    return f"\n{service}\n{shut_out_of(truth)}"


def shut_out_of(truth: BrokerTruth) -> str:
    """A refusal of everything for each hub that is shut out."""
    return "".join(f"\nuser {hub}\ntopic deny #\n" for hub in truth.shut_out)


def patterns_of(rules: str) -> str:
    """What an access list grants to everybody below the own name, without what it grants to users.

    The core's rights are not to be had with a certificate that the homes' authority signed.
    """
    return "".join(f"{line}\n" for line in rules.splitlines() if line.startswith("pattern "))
