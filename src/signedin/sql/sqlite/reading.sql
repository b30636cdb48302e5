-- find: one session by its key; the hot path.
SELECT user_id, secret_hash, series, signed_in_at, last_active_at, idle_timeout, expires_at, ip,
       user_agent, name, tail
FROM session WHERE tag = ? AND random = ?;

-- find_many: several sessions by their keys, given as a JSON list of [tag, random] in hex.
SELECT s.tag, s.random, s.user_id, s.secret_hash, s.series, s.signed_in_at, s.last_active_at,
       s.idle_timeout, s.expires_at, s.ip, s.user_agent, s.name, s.tail
FROM json_each(?) AS wanted
JOIN session AS s ON s.tag = unhex(wanted.value ->> 0) AND s.random = unhex(wanted.value ->> 1);

-- for_user: the keys of a user's series (11 columns are NULL), then the user's sessions.
SELECT key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM series WHERE tag = ?1 AND user_id = ?2
UNION ALL
SELECT NULL, random, secret_hash, series, signed_in_at, last_active_at, idle_timeout,
       expires_at, ip, user_agent, name, tail
FROM session WHERE tag = ?1 AND user_id = ?2;

-- find_ended: the history's entry of a session.
SELECT tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name, device,
       secret_hash
FROM ended WHERE tag = ? AND random = ?;

-- history: what ended for a user since a time, the latest first.
SELECT tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name, device
FROM ended WHERE tag = ? AND user_id = ? AND ended_at >= ?
ORDER BY ended_at DESC, random LIMIT ?;

-- find_series: a series by its key.
SELECT user_id, secret_hash, previous_hash, nonce, seen_at, session_random, created_at, expires_at
FROM series WHERE tag = ? AND key = ?;

-- search: all sessions in key order, from a key on.
SELECT tag, random, user_id, secret_hash, series, signed_in_at, last_active_at, idle_timeout, expires_at,
       ip, user_agent, name, tail
FROM session WHERE (tag, random) > (?, ?) ORDER BY tag, random LIMIT ?;

-- users: who has a session or a series, in key order, from a key on.
SELECT tag, user_id FROM (
  SELECT tag, user_id FROM (SELECT DISTINCT tag, user_id FROM session
                            WHERE tag >= ?1 AND (tag, user_id) > (?1, ?2) ORDER BY tag, user_id LIMIT ?3)
  UNION
  SELECT tag, user_id FROM (SELECT DISTINCT tag, user_id FROM series
                            WHERE tag >= ?1 AND (tag, user_id) > (?1, ?2) ORDER BY tag, user_id LIMIT ?3)
) ORDER BY tag, user_id LIMIT ?3;

-- expired: keys and users of sessions that are over, a batch.
SELECT tag, user_id, random FROM session WHERE dead_at <= ? LIMIT ?;

-- newest: when the most recently active session was active.
SELECT max(last_active_at) FROM session;

-- everybody_barrier: before which no sign-in of anybody may have begun.
SELECT barrier FROM everybody;

-- data: the data bag of a session.
SELECT bag FROM data WHERE tag = ? AND random = ?;
