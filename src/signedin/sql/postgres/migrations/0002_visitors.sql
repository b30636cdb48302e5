-- Data bags of people who aren't signed in, for two hours. They are nobody's, so they have no tag.
CREATE TABLE @visitor (
  id             bytea PRIMARY KEY,
  secret_hash    bytea NOT NULL,
  expires_at     bigint NOT NULL,
  bag            bytea NOT NULL
);

CREATE INDEX visitor_expires_at ON @visitor (expires_at);
