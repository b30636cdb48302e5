-- What operators search by, and what they did.

-- Touches leave it alone: the address of a session hardly ever changes.
CREATE INDEX session_ip ON session (ip);

-- The history of everybody, the latest first, and the sweep of what is too old.
CREATE INDEX ended_at ON ended (ended_at);

-- The audit trail: one row an entry, several entries a run. It is only ever added to.
CREATE TABLE audit (
  number         INTEGER PRIMARY KEY AUTOINCREMENT,
  run            TEXT NOT NULL,
  is_first       INTEGER NOT NULL,
  at             INTEGER NOT NULL,
  outcome        TEXT NOT NULL,
  actor          TEXT NOT NULL,
  action         TEXT NOT NULL,
  about          TEXT NOT NULL,
  reason         TEXT,
  origin         TEXT,
  sessions       INTEGER NOT NULL,
  already        INTEGER NOT NULL,
  users          INTEGER NOT NULL,
  in_doubt       INTEGER NOT NULL
) STRICT;

CREATE INDEX audit_run ON audit (run, number);
CREATE INDEX audit_first ON audit (number) WHERE is_first;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT raise(ABORT, 'the audit trail is only ever added to'); END;

CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
BEGIN SELECT raise(ABORT, 'the audit trail is only ever added to'); END;
