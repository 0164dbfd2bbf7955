-- The hub's spool, format 1. Every time is seconds since 1970 (UTC) on the hub's clock, handed in.

-- 'epoch', 'command' and other single facts of this file.
CREATE TABLE IF NOT EXISTS fact (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- Per lane: the last sequence given out, and the core's receipt (all up to it is committed).
CREATE TABLE IF NOT EXISTS lane (
    lane TEXT PRIMARY KEY,
    assigned INTEGER NOT NULL,
    through INTEGER NOT NULL
) WITHOUT ROWID;

-- One record or refused frame. Until its session is decided it has neither lane nor sequence.
CREATE TABLE IF NOT EXISTS message (
    message_id INTEGER PRIMARY KEY,
    session TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('observation', 'refused')),
    body BLOB NOT NULL,
    lane TEXT,
    sequence INTEGER,
    receipted_at REAL,
    UNIQUE (lane, sequence)
);
CREATE INDEX IF NOT EXISTS message_undecided ON message (session) WHERE lane IS NULL;
CREATE INDEX IF NOT EXISTS message_receipted ON message (receipted_at)
    WHERE receipted_at IS NOT NULL;

-- A device bonded with this hub's radio: known again after a restart without pairing.
CREATE TABLE IF NOT EXISTS paired (
    address TEXT PRIMARY KEY,
    manufacturer TEXT NOT NULL,
    model TEXT NOT NULL,
    serial TEXT NOT NULL,
    command_version INTEGER NOT NULL,
    high_water INTEGER
) WITHOUT ROWID;

-- Which run of record numbers the high-water mark of a bonded device belongs to, where it has more
-- than one (a glucose sensor's session).
CREATE TABLE IF NOT EXISTS series (
    address TEXT PRIMARY KEY,
    series TEXT NOT NULL
) WITHOUT ROWID;

-- When a bonded device was heard: its owner's rhythm, by which silence is judged.
CREATE TABLE IF NOT EXISTS heard (
    address TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (address, at)
) WITHOUT ROWID;

-- What else is remembered of a bonded device, by name: 'newest' (digest of the record that the
-- high-water mark stands for), 'clock_sets', 'clock_looks', 'missing' (JSON).
CREATE TABLE IF NOT EXISTS device_note (
    address TEXT NOT NULL,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (address, name)
) WITHOUT ROWID;
