"""Everybody's columns come into memory while whoever measures is served already.

A core is at work a second after it owns its county, however many people live there: of whoever
measures the row is asked for (`County.know`), and all others come a few pages at a time, between
two batches. A turn is the whole of both: rows are read as they were last committed.
"""

import asyncio

from gateway.bank import Bank
from gateway.store.state_store import StateStore

PAGES_A_TURN = 200
"""Some 2,000 people: a batch waits some 10 to 20 ms for them."""


async def fill(bank: Bank, store: StateStore, turn: asyncio.Lock) -> None:
    """Bring in everybody of whom the store has a row of the present layout."""
    async with turn:
        extent = await store.extent()
        bank.begin_filling(extent.rows)
    for page in range(0, extent.pages, PAGES_A_TURN):
        async with turn:
            block = await store.block(page, page + PAGES_A_TURN)
            if block is not None:
                bank.fill(block)
    # Millions of names take a while to sort, and NumPy leaves the interpreter to others meanwhile.
    bank.found_by(await asyncio.to_thread(bank.filled().sorted))
