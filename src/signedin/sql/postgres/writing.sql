-- lock: one user's row, before anything else of the user is read or written. A statement of its own: what
-- comes after it sees what others had done when it got the lock.
INSERT INTO @owner (tag, user_id) VALUES ($1, $2)
ON CONFLICT (tag, user_id) DO UPDATE SET barrier = @owner.barrier
RETURNING barrier;

-- raise_barrier: of one user; it only moves forwards.
INSERT INTO @owner (tag, user_id, barrier) VALUES ($1, $2, $3)
ON CONFLICT (tag, user_id) DO UPDATE SET barrier = greatest(@owner.barrier, excluded.barrier)
RETURNING barrier;

-- raise_everybody_barrier: the same for everybody.
INSERT INTO @everybody (one, barrier) VALUES (1, $1)
ON CONFLICT (one) DO UPDATE SET barrier = greatest(@everybody.barrier, excluded.barrier)
RETURNING barrier;

-- add: a new session; never in the place of another.
INSERT INTO @session (tag, random, user_id, secret_hash, series, signed_in_at, last_active_at,
                     idle_timeout, expires_at, ip, user_agent, name, tail, device)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14);

-- add_series: a new remembered browser.
INSERT INTO @series (tag, key, user_id, secret_hash, previous_hash, nonce, seen_at, session_random,
                    created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- count_active: how many of a user's sessions are active, without the one that makes room.
SELECT count(*) FROM @session WHERE tag = $1 AND user_id = $2 AND dead_at > $3 AND random IS DISTINCT FROM $4::bytea;

-- surplus: the user's other active sessions beyond so many; the rule `surplus` in policy.py.
SELECT random FROM @session
WHERE tag = $1 AND user_id = $2 AND random <> $3 AND dead_at > $4
ORDER BY last_active_at DESC, signed_in_at DESC, random DESC OFFSET $5;

-- move_series: the series' next secret, if it is still at the expected one.
UPDATE @series SET secret_hash = $1, previous_hash = $2, nonce = $3, seen_at = NULL, session_random = $4,
                  expires_at = $5
WHERE tag = $6 AND key = $7 AND user_id = $8 AND secret_hash = $9;

-- series_session: which session a series led to, if its secret is still the expected one.
SELECT session_random FROM @series WHERE tag = $1 AND key = $2 AND user_id = $3 AND secret_hash = $4;

-- end_one: one session of a user ends.
WITH gone AS (
  DELETE FROM @session WHERE tag = $1 AND random = $2 AND user_id = $3 RETURNING *);

-- end_all_but: all sessions of a user but one (or none) end.
WITH gone AS (
  DELETE FROM @session WHERE tag = $1 AND random IS DISTINCT FROM $2::bytea AND user_id = $3 RETURNING *);

-- end_expired: one session of a user ends, if it is over.
WITH gone AS (
  DELETE FROM @session WHERE tag = $1 AND random = $2 AND user_id = $3 AND dead_at <= $4 RETURNING *);

-- ended_told: how those three go on: what is gone is in the history, for the reason given only if it was alive
-- (the rule `why_ended` in rows.py), and its data bags go. The history's entries, and what they were remembered by.
, entry AS (
  SELECT tag, random, user_id, signed_in_at, last_active_at, $4::bigint AS ended_at,
         CASE WHEN alive AND $5::text IS NOT NULL THEN $5::text WHEN device IS NULL THEN 'unreadable'
              WHEN expires_at <= $4 THEN 'expired' ELSE 'idle' END AS reason,
         CASE WHEN alive THEN $6::text END AS actor, ip, name, coalesce(device, $7::bytea) AS device,
         secret_hash, series
  FROM (SELECT *, coalesce(expires_at > $4, true) AND coalesce(last_active_at + idle_timeout > $4, true) AS alive
        FROM gone) AS judged),
written AS (
  INSERT INTO @ended (tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name,
                      device, secret_hash)
  SELECT tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name, device,
         secret_hash FROM entry),
dropped AS (
  DELETE FROM @data WHERE tag = $1 AND random IN (SELECT random FROM gone))
SELECT * FROM entry;

-- bound_history: no more than so many entries of a user.
DELETE FROM @ended WHERE tag = $1 AND random IN (
  SELECT random FROM @ended WHERE tag = $1 AND user_id = $2
  ORDER BY ended_at DESC, random OFFSET $3);

-- drop_data: a session's data bag.
DELETE FROM @data WHERE tag = $1 AND random = $2;

-- forget_some: these series of a user.
DELETE FROM @series WHERE tag = $1 AND key = ANY($2::bytea[]) AND user_id = $3;

-- forget_all_but: all series of a user but one (or none).
DELETE FROM @series WHERE tag = $1 AND user_id = $2 AND key IS DISTINCT FROM $3::bytea;

-- none_remembered_of: the sessions of these series go on without them.
UPDATE @session SET series = NULL WHERE tag = $1 AND user_id = $2 AND series = ANY($3::bytea[]);

-- none_remembered_but: the same for all series but one (or none).
UPDATE @session SET series = NULL WHERE tag = $1 AND user_id = $2 AND series IS NOT NULL AND series IS DISTINCT FROM $3::bytea;

-- touch: activity of many sessions.
UPDATE @session SET last_active_at = $1
FROM unnest($2::bytea[], $3::bytea[]) AS note (tag, random)
WHERE @session.tag = note.tag AND @session.random = note.random
  AND last_active_at < $1 AND dead_at > $1;

-- touch_client: the same where the client is told.
UPDATE @session SET last_active_at = $1, ip = note.ip, user_agent = note.user_agent
FROM unnest($2::bytea[], $3::bytea[], $4::text[], $5::text[]) AS note (tag, random, ip, user_agent)
WHERE @session.tag = note.tag AND @session.random = note.random
  AND last_active_at < $1 AND dead_at > $1;

-- seen: the series of those that were resumed at least so long ago are seen now, for the first time.
UPDATE @series SET seen_at = $1
FROM unnest($2::bytea[], $3::bytea[]) AS note (tag, random)
JOIN @session AS s ON s.tag = note.tag AND s.random = note.random
WHERE @series.tag = s.tag AND @series.key = s.series AND seen_at IS NULL
  AND s.signed_in_at <= $1 - $4 AND s.last_active_at = $1;

-- rotate: a new secret and tail, if the session is alive and at the expected secret.
UPDATE @session SET secret_hash = $1, tail = $2
WHERE tag = $3 AND random = $4 AND secret_hash = $5 AND dead_at > $6;

-- rename: the user's own name for a live session.
UPDATE @session SET name = $1 WHERE tag = $2 AND random = $3 AND user_id = $4 AND dead_at > $5;

-- set_data: the data bag of a live session.
INSERT INTO @data (tag, random, bag)
SELECT tag, random, $4 FROM @session WHERE tag = $1 AND random = $2 AND dead_at > $3
ON CONFLICT (tag, random) DO UPDATE SET bag = excluded.bag;

-- hold: a live session, so that it can't end before its data bag is written.
SELECT 1 FROM @session WHERE tag = $1 AND random = $2 AND dead_at > $3 FOR UPDATE;

-- add_visitor: a new visitor; never in the place of another.
INSERT INTO @visitor (id, secret_hash, expires_at, bag) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING;

-- set_visitor: the bag of one that is there, and how long it is kept.
UPDATE @visitor SET expires_at = $3, bag = $4 WHERE id = $1 AND secret_hash = $2;

-- drop_visitor: one that goes.
DELETE FROM @visitor WHERE id = $1;

-- old_visitors: those whose time is over, a batch of a sweep.
DELETE FROM @visitor WHERE id IN (
  SELECT id FROM @visitor WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED);

-- old_history: entries that are too old, a batch of a sweep.
DELETE FROM @ended WHERE (tag, random) IN (
  SELECT tag, random FROM @ended WHERE ended_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED);

-- old_series: whose series are over, a batch of a sweep.
SELECT tag, user_id FROM @series WHERE expires_at <= $1 LIMIT $2;

-- old_series_of: those of one user.
SELECT key FROM @series WHERE tag = $1 AND user_id = $2 AND expires_at <= $3;

-- old_owners: users of whom nothing is left, and whose barriers nothing can meet any more.
DELETE FROM @owner WHERE (tag, user_id) IN (
  SELECT tag, user_id FROM @owner AS o WHERE barrier < $1
    AND NOT EXISTS (SELECT 1 FROM @session AS s WHERE s.tag = o.tag)
    AND NOT EXISTS (SELECT 1 FROM @series AS r WHERE r.tag = o.tag)
  LIMIT $2 FOR UPDATE SKIP LOCKED);

-- everybody_until: the tag of the last of the next so many rows of sessions, and of series.
SELECT (SELECT tag FROM @session WHERE tag > $1 ORDER BY tag LIMIT 1 OFFSET $2),
       (SELECT tag FROM @series WHERE tag > $1 ORDER BY tag LIMIT 1 OFFSET $2);

-- everybody_memory: what a batch holds stays in memory; by default a part of it would go by way of the disk.
SET LOCAL work_mem = '32MB';

-- everybody_lock: the users of a range, in one order, so that nobody waits in a circle.
SELECT count(*) FROM (
  SELECT 1 FROM @owner WHERE tag > $1 AND tag <= $2 ORDER BY tag, user_id FOR UPDATE) AS locked;

-- everybody_users: how many users these tags are of but who has one session alone, where everybody_told
-- doesn't say.
SELECT count(*) FROM (SELECT tag, user_id FROM @session WHERE tag > $1 AND tag <= $2
                        AND NOT (tag = $3 AND random = $4)
                      UNION SELECT tag, user_id FROM @series WHERE tag > $1 AND tag <= $2) AS whose;

-- everybody_gone: how the next two begin: the sessions with these tags but one end, and are in the history.
WITH gone AS (
  DELETE FROM @session WHERE tag > $1 AND tag <= $2 AND NOT (tag = $6 AND random = $7)
  RETURNING tag, random, user_id, secret_hash, signed_in_at, last_active_at, expires_at, ip, name, device,
            dead_at),
entry AS (
  SELECT tag, random, user_id, signed_in_at, last_active_at, $3 AS ended_at,
         CASE WHEN dead_at > $3 THEN $4 WHEN device IS NULL THEN 'unreadable'
              WHEN expires_at <= $3 THEN 'expired' ELSE 'idle' END AS reason,
         CASE WHEN dead_at > $3 THEN $5 END AS actor, ip, name, coalesce(device, $8) AS device, secret_hash
  FROM gone),
written AS (
  INSERT INTO @ended (tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name,
                      device, secret_hash)
  SELECT * FROM entry ORDER BY tag, random);

-- everybody_counted: how many, and how many users these tags are of but who has that one alone.
SELECT (SELECT count(*) FROM gone),
       (SELECT count(*) FROM (SELECT tag, user_id FROM gone
          UNION SELECT tag, user_id FROM @series WHERE tag > $1 AND tag <= $2) AS whose);

-- everybody_told: the entries, for somebody who wants to be told.
SELECT tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name, device FROM entry;

-- everybody_data: their data bags go.
DELETE FROM @data WHERE tag > $1 AND tag <= $2 AND NOT (tag = $3 AND random = $4);

-- everybody_series: all Remember me with these tags goes.
DELETE FROM @series WHERE tag > $1 AND tag <= $2;

-- everybody_spared: the one that goes on is not remembered any more.
UPDATE @session SET series = NULL WHERE tag > $1 AND tag <= $2 AND series IS NOT NULL;

-- everybody_long: tags that may have more history than is kept.
SELECT tag FROM @ended WHERE tag > $1 AND tag <= $2 GROUP BY tag HAVING count(*) > $3;

-- everybody_long_users: the users of a tag.
SELECT DISTINCT user_id FROM @ended WHERE tag = $1;

-- audit: an entry of the trail.
INSERT INTO @audit (run, at, outcome, actor, action, about, reason, origin, sessions, already, users,
                    in_doubt, is_first)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
        NOT EXISTS (SELECT 1 FROM @audit WHERE run = $1));

-- audit_once: the same, unless its run has the very same entry.
INSERT INTO @audit (run, at, outcome, actor, action, about, reason, origin, sessions, already, users,
                    in_doubt, is_first)
SELECT $1, $2, $3, $4, $5, $6, $7::text, $8::text, $9, $10, $11, $12,
       NOT EXISTS (SELECT 1 FROM @audit WHERE run = $1)
WHERE NOT EXISTS (SELECT 1 FROM @audit
  WHERE run = $1 AND at = $2 AND outcome = $3 AND actor = $4 AND action = $5 AND about = $6
    AND reason IS NOT DISTINCT FROM $7::text AND origin IS NOT DISTINCT FROM $8::text
    AND sessions = $9 AND already = $10 AND users = $11 AND in_doubt = $12);
