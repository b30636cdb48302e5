-- The service's accounts. Times are milliseconds since the epoch, UTC.
CREATE TABLE account (
  id                  INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice, not even after a delete
  username            TEXT NOT NULL,
  username_folded     TEXT NOT NULL UNIQUE,
  name                TEXT NOT NULL,
  email               TEXT,
  email_folded        TEXT UNIQUE,
  admin               INTEGER NOT NULL,
  disabled            INTEGER NOT NULL DEFAULT 0,
  time_zone           TEXT,
  password_hash       TEXT NOT NULL,
  password_changed_at INTEGER NOT NULL
) STRICT;

-- One row for each account and address that tried to sign in lately: when its bucket is full again.
CREATE TABLE attempts (
  key     BLOB PRIMARY KEY,
  full_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_by_age ON attempts (full_at);
