-- All that belongs to a user leads with the user's tag, so it lies together in each B-tree.
-- Times are milliseconds since the epoch, UTC.

-- One row a session. What statements read or change has its own column; the tail is opaque.
CREATE TABLE session (
  tag            BLOB NOT NULL,
  random         BLOB NOT NULL,
  user_id        TEXT NOT NULL,
  secret_hash    BLOB NOT NULL,
  series         BLOB,
  signed_in_at   INTEGER NOT NULL,
  last_active_at INTEGER NOT NULL,
  idle_timeout   INTEGER,
  expires_at     INTEGER,
  ip             TEXT NOT NULL,
  user_agent     TEXT NOT NULL,
  name           TEXT,
  tail           BLOB NOT NULL,
  -- The first millisecond at which the session is over: the rule `deadline` in session.py.
  dead_at        INTEGER AS (min(coalesce(last_active_at + idle_timeout, 9223372036854775807),
                                 coalesce(expires_at, 9223372036854775807))) VIRTUAL,
  PRIMARY KEY (tag, random)
) STRICT, WITHOUT ROWID;

-- One row a remembered browser. Neither the series id nor a secret can be made from it.
CREATE TABLE series (
  tag            BLOB NOT NULL,
  key            BLOB NOT NULL,
  user_id        TEXT NOT NULL,
  secret_hash    BLOB NOT NULL,
  previous_hash  BLOB,
  nonce          BLOB,
  seen_at        INTEGER,
  session_random BLOB NOT NULL,
  created_at     INTEGER NOT NULL,
  expires_at     INTEGER NOT NULL,
  PRIMARY KEY (tag, key)
) STRICT, WITHOUT ROWID;

-- What remains of an ended session, for a while.
CREATE TABLE ended (
  tag            BLOB NOT NULL,
  random         BLOB NOT NULL,
  user_id        TEXT NOT NULL,
  secret_hash    BLOB NOT NULL,
  signed_in_at   INTEGER NOT NULL,
  last_active_at INTEGER NOT NULL,
  ended_at       INTEGER NOT NULL,
  reason         TEXT NOT NULL,
  actor          TEXT,
  ip             TEXT NOT NULL,
  name           TEXT,
  device         BLOB NOT NULL,
  PRIMARY KEY (tag, random)
) STRICT, WITHOUT ROWID;

-- The framework's own data of a session, beside it: most requests never read it.
CREATE TABLE data (
  tag            BLOB NOT NULL,
  random         BLOB NOT NULL,
  bag            BLOB NOT NULL,
  PRIMARY KEY (tag, random)
) STRICT, WITHOUT ROWID;

-- A sign-in of this user that began before this time may not complete.
CREATE TABLE barrier (
  tag            BLOB NOT NULL,
  user_id        TEXT NOT NULL,
  at             INTEGER NOT NULL,
  PRIMARY KEY (tag, user_id)
) STRICT, WITHOUT ROWID;

-- The same for everybody: one row.
CREATE TABLE everybody (
  one            INTEGER PRIMARY KEY CHECK (one = 1),
  barrier        INTEGER NOT NULL
) STRICT;
