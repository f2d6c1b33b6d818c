"""The journal's tables, version by version.

``PRAGMA user_version`` says which version a file has. A version is never changed once it was released; a change is a
new entry of :data:`MIGRATIONS`. Tables are STRICT: a value of the wrong type is an error, not a guess.
"""

from __future__ import annotations

APPLICATION_ID = 0x41434A4C
"""Marks a SQLite file as a journal of this program ("ACJL", ``PRAGMA application_id``)."""

_FACTS = """
CREATE TABLE readiness (
    channel TEXT PRIMARY KEY, ready INTEGER NOT NULL, reason TEXT NOT NULL, set_at INTEGER NOT NULL, until INTEGER,
    who TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE mark (
    number INTEGER PRIMARY KEY, domain TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL, host TEXT NOT NULL,
    at INTEGER NOT NULL) STRICT;
CREATE TABLE pin (
    one INTEGER PRIMARY KEY CHECK (one = 1), host TEXT NOT NULL, reason TEXT NOT NULL, set_at INTEGER NOT NULL,
    until INTEGER, who TEXT NOT NULL) STRICT;
CREATE TABLE drain (
    one INTEGER PRIMARY KEY CHECK (one = 1), since INTEGER NOT NULL, reason TEXT NOT NULL, until INTEGER,
    who TEXT NOT NULL) STRICT;
CREATE TABLE failover (
    number INTEGER PRIMARY KEY, at INTEGER NOT NULL, from_host TEXT, to_host TEXT NOT NULL, cause TEXT NOT NULL,
    generation INTEGER, detect REAL, discover REAL, sign_on REAL, restore REAL, drain_outbox REAL, total REAL) STRICT;
CREATE TABLE event (
    number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, name TEXT NOT NULL, fields TEXT NOT NULL) STRICT;
CREATE TABLE clock (
    one INTEGER PRIMARY KEY CHECK (one = 1), counted REAL NOT NULL, written INTEGER NOT NULL) STRICT;
INSERT INTO clock VALUES (1, 0.0, 0);
CREATE TRIGGER failovers_kept AFTER INSERT ON failover BEGIN
    DELETE FROM failover WHERE number <= new.number - 1000; END;
CREATE TRIGGER events_kept AFTER INSERT ON event BEGIN
    DELETE FROM event WHERE number <= new.number - 10000; END;
"""

_SIGNALS = """
CREATE TABLE signal (
    position INTEGER PRIMARY KEY AUTOINCREMENT, signal_id TEXT NOT NULL UNIQUE, is_gone INTEGER NOT NULL,
    ivr TEXT NOT NULL, channel TEXT NOT NULL, call_id TEXT NOT NULL, happened_at TEXT NOT NULL,
    caller TEXT, called TEXT, outcome TEXT, parameters TEXT NOT NULL, who TEXT NOT NULL, repair INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL, accepted_counted REAL NOT NULL,
    fate TEXT NOT NULL DEFAULT 'pending', attempts INTEGER NOT NULL DEFAULT 0, tried_at INTEGER, last_error TEXT,
    settled_at INTEGER, host TEXT) STRICT;
CREATE INDEX signal_by_channel ON signal (channel, position);
CREATE INDEX signal_by_fate ON signal (fate, position) WHERE fate <> 'confirmed';
CREATE TABLE call (
    channel TEXT NOT NULL, call_id TEXT NOT NULL, since INTEGER, new_call TEXT, ended_at INTEGER, ended_counted REAL,
    gone TEXT, token TEXT, PRIMARY KEY (channel, call_id)) STRICT, WITHOUT ROWID;
CREATE INDEX open_call ON call (since) WHERE ended_at IS NULL;
CREATE INDEX call_by_token ON call (token) WHERE token IS NOT NULL;
CREATE INDEX ended_call ON call (ended_counted) WHERE ended_at IS NOT NULL;
CREATE TABLE tally (name TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO tally VALUES ('pending', 0), ('confirmed', 0), ('refused', 0), ('expired', 0), ('discarded', 0);
INSERT INTO tally VALUES ('repair', 0);
CREATE TRIGGER signal_counted AFTER INSERT ON signal BEGIN
    UPDATE tally SET number = number + 1 WHERE name = new.fate OR (new.repair AND name = 'repair'); END;
CREATE TRIGGER fate_counted AFTER UPDATE OF fate ON signal WHEN old.fate <> new.fate BEGIN
    UPDATE tally SET number = number - 1 WHERE name = old.fate;
    UPDATE tally SET number = number + 1 WHERE name = new.fate; END;
CREATE TRIGGER pruning_counted AFTER DELETE ON signal WHEN old.fate <> 'confirmed' BEGIN
    UPDATE tally SET number = number - 1 WHERE name = old.fate; END;
"""

MIGRATIONS: tuple[str, ...] = (_FACTS, _SIGNALS)
"""What makes version n + 1 from version n; each runs in one transaction, after a backup."""

VERSION = len(MIGRATIONS)
"""The version that this program writes."""
