-- export_users: whose turn it is, from a user on.
SELECT tag, user_id FROM (
  (SELECT DISTINCT tag, user_id FROM @session WHERE tag > $1 ORDER BY tag, user_id LIMIT $2)
  UNION (SELECT DISTINCT tag, user_id FROM @series WHERE tag > $1 ORDER BY tag, user_id LIMIT $2)
  UNION (SELECT DISTINCT tag, user_id FROM @ended WHERE tag > $1 ORDER BY tag, user_id LIMIT $2)
  UNION (SELECT tag, user_id FROM @owner WHERE tag > $1 AND barrier > 0 ORDER BY tag, user_id LIMIT $2)
) AS whose ORDER BY tag, user_id LIMIT $2;

-- export_sessions: of a range of tags.
SELECT tag, random, user_id, secret_hash, series, signed_in_at, last_active_at, idle_timeout, expires_at,
       ip, user_agent, name, tail
FROM @session WHERE tag > $1 AND tag <= $2;

-- export_series: of a range of tags.
SELECT tag, key, user_id, secret_hash, previous_hash, nonce, seen_at, session_random, created_at, expires_at
FROM @series WHERE tag > $1 AND tag <= $2;

-- export_ended: of a range of tags.
SELECT tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name, device,
       secret_hash
FROM @ended WHERE tag > $1 AND tag <= $2;

-- export_barriers: of a range of tags.
SELECT user_id, barrier FROM @owner WHERE tag > $1 AND tag <= $2 AND barrier > 0;

-- export_data: of a range of tags.
SELECT tag, random, bag FROM @data WHERE tag > $1 AND tag <= $2;

-- import_ended: an entry of the history that is not there yet.
INSERT INTO @ended (tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name,
                   device, secret_hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (tag, random) DO NOTHING;

-- drop_session: one that has ended elsewhere.
DELETE FROM @session WHERE tag = $1 AND random = $2 AND user_id = $3;

-- has_ended: whether a session is in the history.
SELECT 1 FROM @ended WHERE tag = $1 AND random = $2;

-- import_session: a session, or the later of two records of it.
INSERT INTO @session AS here (tag, random, user_id, secret_hash, series, signed_in_at, last_active_at,
                              idle_timeout, expires_at, ip, user_agent, name, tail, device)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (tag, random) DO UPDATE SET
  secret_hash = excluded.secret_hash, series = excluded.series, last_active_at = excluded.last_active_at,
  ip = excluded.ip, user_agent = excluded.user_agent, name = excluded.name, tail = excluded.tail,
  device = excluded.device
WHERE here.user_id = excluded.user_id AND here.last_active_at <= excluded.last_active_at;

-- import_data: its data bag.
INSERT INTO @data (tag, random, bag) VALUES ($1, $2, $3)
ON CONFLICT (tag, random) DO UPDATE SET bag = excluded.bag;

-- forget_others: the user's series that are not among these.
DELETE FROM @series WHERE tag = $1 AND user_id = $2 AND NOT key = ANY ($3::bytea[]);

-- import_series: a series, or the one of two records of it that expires later.
INSERT INTO @series AS here (tag, key, user_id, secret_hash, previous_hash, nonce, seen_at, session_random,
                             created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (tag, key) DO UPDATE SET
  secret_hash = excluded.secret_hash, previous_hash = excluded.previous_hash, nonce = excluded.nonce,
  seen_at = excluded.seen_at, session_random = excluded.session_random, expires_at = excluded.expires_at
WHERE here.user_id = excluded.user_id AND here.expires_at <= excluded.expires_at;

-- not_remembered: sessions whose series is gone go on without it.
UPDATE @session SET series = NULL
WHERE tag = $1 AND user_id = $2 AND series IS NOT NULL
  AND series NOT IN (SELECT key FROM @series WHERE tag = $1 AND user_id = $2);
