-- @ stands for the schema. All that belongs to a user leads with the user's tag, so it lies together, and can be distributed by it.
-- Times are milliseconds since the epoch, UTC.

-- One row a user: it is locked first, and holds the barrier, before which no sign-in may have begun.
CREATE TABLE @owner (
  tag            bytea NOT NULL,
  user_id        text NOT NULL,
  barrier        bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tag, user_id)
) WITH (fillfactor = 80);

-- One row a session. What statements read or change has its own column; the tail is opaque. Activity has
-- no index, so that a touch writes a row and nothing else.
CREATE TABLE @session (
  tag            bytea NOT NULL,
  random         bytea NOT NULL,
  user_id        text NOT NULL,
  secret_hash    bytea NOT NULL,
  series         bytea,
  signed_in_at   bigint NOT NULL,
  last_active_at bigint NOT NULL,
  idle_timeout   bigint,
  expires_at     bigint,
  ip             text COLLATE "C" NOT NULL,
  user_agent     text NOT NULL,
  name           text,
  tail           bytea NOT NULL,
  -- The device out of the tail, for the history; NULL where the tail can't be read.
  device         bytea,
  -- The first millisecond at which the session is over: the rule `deadline` in session.py.
  dead_at        bigint GENERATED ALWAYS AS
                 (coalesce(least(last_active_at + idle_timeout, expires_at), 9223372036854775807)) STORED,
  PRIMARY KEY (tag, random)
) WITH (fillfactor = 80);

CREATE INDEX session_ip ON @session (ip, tag, random);

-- One row a remembered browser. Neither the series id nor a secret can be made from it.
CREATE TABLE @series (
  tag            bytea NOT NULL,
  key            bytea NOT NULL,
  user_id        text NOT NULL,
  secret_hash    bytea NOT NULL,
  previous_hash  bytea,
  nonce          bytea,
  seen_at        bigint,
  session_random bytea NOT NULL,
  created_at     bigint NOT NULL,
  expires_at     bigint NOT NULL,
  PRIMARY KEY (tag, key)
);

-- What remains of an ended session, for a while.
CREATE TABLE @ended (
  tag            bytea NOT NULL,
  random         bytea NOT NULL,
  user_id        text NOT NULL,
  secret_hash    bytea NOT NULL,
  signed_in_at   bigint NOT NULL,
  last_active_at bigint NOT NULL,
  ended_at       bigint NOT NULL,
  reason         text NOT NULL,
  actor          text,
  ip             text NOT NULL,
  name           text,
  device         bytea NOT NULL,
  PRIMARY KEY (tag, random)
);

-- In the order in which everybody ends, so that what is new comes last.
CREATE INDEX ended_at ON @ended (ended_at, tag, random);

-- The framework's own data of a session, beside it: most requests never read it.
CREATE TABLE @data (
  tag            bytea NOT NULL,
  random         bytea NOT NULL,
  bag            bytea NOT NULL,
  PRIMARY KEY (tag, random)
);

-- The barrier for everybody: one row.
CREATE TABLE @everybody (
  one            integer PRIMARY KEY CHECK (one = 1),
  barrier        bigint NOT NULL
);

-- The audit trail: one row an entry, several entries a run. It is only ever added to.
CREATE TABLE @audit (
  number         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run            text NOT NULL,
  is_first       boolean NOT NULL,
  at             bigint NOT NULL,
  outcome        text NOT NULL,
  actor          text NOT NULL,
  action         text NOT NULL,
  about          text NOT NULL,
  reason         text,
  origin         text,
  sessions       bigint NOT NULL,
  already        bigint NOT NULL,
  users          bigint NOT NULL,
  in_doubt       bigint NOT NULL
);

CREATE INDEX audit_run ON @audit (run, number);
CREATE INDEX audit_first ON @audit (number) WHERE is_first;

CREATE FUNCTION @audit_is_only_added_to() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit trail is only ever added to'; END $$;

CREATE TRIGGER audit_is_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON @audit
  EXECUTE FUNCTION @audit_is_only_added_to();
