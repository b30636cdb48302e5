-- Data bags of people who aren't signed in, for two hours. They are nobody's, so they have no tag.
CREATE TABLE visitor (
  id             BLOB PRIMARY KEY,
  secret_hash    BLOB NOT NULL,
  expires_at     INTEGER NOT NULL,
  bag            BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX visitor_expires_at ON visitor (expires_at);
