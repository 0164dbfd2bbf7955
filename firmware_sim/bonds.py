"""Bonds that survive the end of the process, as those of a real radio survive its power cut."""

import json
from pathlib import Path
from typing import cast

from bumble.keys import MemoryKeyStore, PairingKeys


class FileBonds(MemoryKeyStore):
    """The keys of one radio or device in one JSON file, written at every change.

    The keys protect nothing: both ends are simulated.
    """

    def __init__(self, path: Path) -> None:
        """Bonds kept in `path`; what it holds already is known at once."""
        super().__init__()
        self._path = path
        if path.exists():
            kept = cast("dict[str, dict[str, object]]", json.loads(path.read_text("utf-8")))
            self.all_keys = {name: PairingKeys.from_dict(keys) for name, keys in kept.items()}

    async def update(self, name: str, keys: PairingKeys) -> None:
        """Keep the keys of a peer."""
        await super().update(name, keys)
        self._write()

    async def delete(self, name: str) -> None:
        """Lose the keys of a peer; no effect without a bond."""
        await super().delete(name)
        self._write()

    def _write(self) -> None:
        draft = self._path.with_suffix(".new")
        kept = {name: keys.to_dict() for name, keys in self.all_keys.items()}
        draft.write_text(json.dumps(kept), "utf-8")
        draft.replace(self._path)
