-- tags: whose turn it is, from a tag on.
SELECT tag FROM (SELECT DISTINCT tag FROM session WHERE tag > ?1 ORDER BY tag LIMIT ?2)
UNION SELECT tag FROM (SELECT DISTINCT tag FROM series WHERE tag > ?1 ORDER BY tag LIMIT ?2)
UNION SELECT tag FROM (SELECT DISTINCT tag FROM ended WHERE tag > ?1 ORDER BY tag LIMIT ?2)
UNION SELECT tag FROM (SELECT DISTINCT tag FROM barrier WHERE tag > ?1 ORDER BY tag LIMIT ?2)
ORDER BY tag LIMIT ?2;

-- sessions: of a tag.
SELECT tag, random, user_id, secret_hash, series, signed_in_at, last_active_at, idle_timeout, expires_at,
       ip, user_agent, name, tail
FROM session WHERE tag = ?;

-- series: of a tag.
SELECT key, user_id, secret_hash, previous_hash, nonce, seen_at, session_random, created_at, expires_at
FROM series WHERE tag = ?;

-- ended: of a tag.
SELECT tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name, device,
       secret_hash
FROM ended WHERE tag = ?;

-- barriers: of a tag.
SELECT user_id, at FROM barrier WHERE tag = ?;

-- data: of a tag.
SELECT random, bag FROM data WHERE tag = ?;

-- import_ended: an entry of the history that is not there yet.
INSERT INTO ended (tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name,
                   device, secret_hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- drop_session: one that has ended elsewhere.
DELETE FROM session WHERE tag = ? AND random = ? AND user_id = ?;

-- has_ended: whether a session is in the history.
SELECT 1 FROM ended WHERE tag = ? AND random = ?;

-- import_session: a session, or the later of two records of it.
INSERT INTO session (tag, random, user_id, secret_hash, series, signed_in_at, last_active_at,
                     idle_timeout, expires_at, ip, user_agent, name, tail)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
  secret_hash = excluded.secret_hash, series = excluded.series, last_active_at = excluded.last_active_at,
  ip = excluded.ip, user_agent = excluded.user_agent, name = excluded.name, tail = excluded.tail
WHERE user_id = excluded.user_id AND last_active_at <= excluded.last_active_at;

-- import_data: its data bag.
INSERT INTO data (tag, random, bag) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET bag = excluded.bag;

-- forget_others: the user's series whose keys, in hex, are not in the JSON list.
DELETE FROM series
WHERE tag = ?1 AND user_id = ?2 AND lower(hex(key)) NOT IN (SELECT value FROM json_each(?3));

-- import_series: a series, or the one of two records of it that expires later.
INSERT INTO series (tag, key, user_id, secret_hash, previous_hash, nonce, seen_at, session_random,
                    created_at, expires_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
  secret_hash = excluded.secret_hash, previous_hash = excluded.previous_hash, nonce = excluded.nonce,
  seen_at = excluded.seen_at, session_random = excluded.session_random, expires_at = excluded.expires_at
WHERE user_id = excluded.user_id AND expires_at <= excluded.expires_at;

-- not_remembered: sessions whose series is gone go on without it.
UPDATE session SET series = NULL
WHERE tag = ?1 AND user_id = ?2 AND series IS NOT NULL
  AND series NOT IN (SELECT key FROM series WHERE tag = ?1 AND user_id = ?2);
