-- find: sessions by their ids, at most 256, one behind the other in one value; the hot path. A fixed series
-- and OFFSET 0 leave one plan, which is made once: a look into the index for each.
SELECT s.tag, s.random, s.user_id, s.secret_hash, s.series, s.signed_in_at, s.last_active_at,
       s.idle_timeout, s.expires_at, s.ip, s.user_agent, s.name, s.tail
FROM generate_series(0, 255) AS n
CROSS JOIN LATERAL (
  SELECT * FROM @session
  WHERE random = substring($1::bytea FROM n * 24 + 1 FOR 12)
    AND tag = substring($1::bytea FROM n * 24 + 13 FOR 12) OFFSET 0) AS s
WHERE n < length($1::bytea) / 24;

-- find_one: the same of one.
SELECT tag, random, user_id, secret_hash, series, signed_in_at, last_active_at, idle_timeout, expires_at,
       ip, user_agent, name, tail
FROM @session WHERE tag = $1 AND random = $2;

-- find_with_data: the same, with their data bags.
SELECT s.tag, s.random, s.user_id, s.secret_hash, s.series, s.signed_in_at, s.last_active_at,
       s.idle_timeout, s.expires_at, s.ip, s.user_agent, s.name, s.tail,
       (SELECT bag FROM @data AS d WHERE d.tag = s.tag AND d.random = s.random)
FROM generate_series(0, 255) AS n
CROSS JOIN LATERAL (
  SELECT * FROM @session
  WHERE random = substring($1::bytea FROM n * 24 + 1 FOR 12)
    AND tag = substring($1::bytea FROM n * 24 + 13 FOR 12) OFFSET 0) AS s
WHERE n < length($1::bytea) / 24;

-- find_one_with_data: one session and its data bag, which is the usual case without waiting.
SELECT s.tag, s.random, s.user_id, s.secret_hash, s.series, s.signed_in_at, s.last_active_at,
       s.idle_timeout, s.expires_at, s.ip, s.user_agent, s.name, s.tail,
       (SELECT bag FROM @data AS d WHERE d.tag = $1 AND d.random = $2)
FROM @session AS s WHERE s.tag = $1 AND s.random = $2;

-- for_user: the keys of a user's series (the other columns are NULL), then the user's sessions.
SELECT key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM @series WHERE tag = $1 AND user_id = $2
UNION ALL
SELECT NULL, random, secret_hash, series, signed_in_at, last_active_at, idle_timeout,
       expires_at, ip, user_agent, name, tail
FROM @session WHERE tag = $1 AND user_id = $2;

-- find_ended: the history's entry of a session.
SELECT tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name, device,
       secret_hash
FROM @ended WHERE tag = $1 AND random = $2;

-- history: what ended for a user since a time, the latest first.
SELECT tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name, device
FROM @ended WHERE tag = $1 AND user_id = $2 AND ended_at >= $3
ORDER BY ended_at DESC, random LIMIT $4;

-- find_series: a series by its key.
SELECT user_id, secret_hash, previous_hash, nonce, seen_at, session_random, created_at, expires_at
FROM @series WHERE tag = $1 AND key = $2;

-- search_key: sessions in key order, from a key on (1, 2); 4, 5: bounds of the random part; 6, 7: of the
-- last activity; 8: remembered or not; 9, 10: of the address.
SELECT tag, random, user_id, secret_hash, series, signed_in_at, last_active_at, idle_timeout, expires_at,
       ip, user_agent, name, tail
FROM @session
WHERE (tag, random) > ($1, $2) AND random BETWEEN $4 AND $5 AND last_active_at BETWEEN $6 AND $7
  AND ($8::boolean IS NULL OR (series IS NOT NULL) = $8::boolean) AND ip BETWEEN $9 AND $10
ORDER BY tag, random LIMIT $3;

-- search_recent: the same, most recently active first; 11: the activity of the last one before.
SELECT tag, random, user_id, secret_hash, series, signed_in_at, last_active_at, idle_timeout, expires_at,
       ip, user_agent, name, tail
FROM @session
WHERE (last_active_at, tag, random) < ($11, $1, $2) AND random BETWEEN $4 AND $5 AND last_active_at BETWEEN $6 AND $7
  AND ($8::boolean IS NULL OR (series IS NOT NULL) = $8::boolean) AND ip BETWEEN $9 AND $10
ORDER BY last_active_at DESC, tag DESC, random DESC LIMIT $3;

-- search_ip: the same, along the index on addresses; 11: the address of the last one before.
SELECT tag, random, user_id, secret_hash, series, signed_in_at, last_active_at, idle_timeout, expires_at,
       ip, user_agent, name, tail
FROM @session
WHERE (ip, tag, random) > ($11, $1, $2) AND random BETWEEN $4 AND $5 AND last_active_at BETWEEN $6 AND $7
  AND ($8::boolean IS NULL OR (series IS NOT NULL) = $8::boolean) AND ip BETWEEN $9 AND $10
ORDER BY ip, tag, random LIMIT $3;

-- search_ended: what ended for anybody since a time, the latest first, from an entry on.
SELECT tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name, device
FROM @ended WHERE ended_at >= $1 AND (ended_at, tag, random) < ($2, $3, $4)
ORDER BY ended_at DESC, tag DESC, random DESC LIMIT $5;

-- counts: of active sessions: all, remembered, idle (the rule `is_idle`), active since, signed in since.
SELECT count(*), count(series),
       count(*) FILTER (WHERE $1 - last_active_at
         >= greatest(86400000, coalesce(idle_timeout, expires_at - signed_in_at, 0) / 2)),
       count(*) FILTER (WHERE last_active_at >= $2), count(*) FILTER (WHERE signed_in_at >= $3)
FROM @session WHERE dead_at > $1;

-- count_over: sessions that have passed their limits and are not swept yet.
SELECT count(*) FROM @session WHERE dead_at <= $1;

-- count_users: who have an active session.
SELECT count(*) FROM (SELECT DISTINCT tag, user_id FROM @session WHERE dead_at > $1) AS whose;

-- count_ended: what ended since a time, by reason.
SELECT reason, count(*) FROM @ended WHERE ended_at >= $1 GROUP BY reason;

-- audit_run: a run by its name: its first entry's number and time, and its last entry.
SELECT first.number, first.at, last.run, last.at, last.outcome, last.actor, last.action, last.about,
       last.reason, last.origin, last.sessions, last.already, last.users, last.in_doubt
FROM @audit AS first
JOIN @audit AS last ON last.number = (SELECT max(number) FROM @audit WHERE run = first.run)
WHERE first.run = $1 AND first.is_first;

-- audit_trail: the runs, the latest first, from a number on.
SELECT first.number, first.at, last.run, last.at, last.outcome, last.actor, last.action, last.about,
       last.reason, last.origin, last.sessions, last.already, last.users, last.in_doubt
FROM @audit AS first
JOIN @audit AS last ON last.number = (SELECT max(number) FROM @audit WHERE run = first.run)
WHERE first.is_first AND first.number < $1 ORDER BY first.number DESC LIMIT $2;

-- audit_log: the entries as they were written, from a number on.
SELECT number, run, at, outcome, actor, action, about, reason, origin, sessions, already, users, in_doubt
FROM @audit WHERE number > $1 ORDER BY number LIMIT $2;

-- expired: keys and users of sessions that are over, a batch.
SELECT tag, user_id, random FROM @session WHERE dead_at <= $1 LIMIT $2;

-- newest: when the most recently active session was active.
SELECT max(last_active_at) FROM @session;

-- everybody_barrier: before which no sign-in of anybody may have begun.
SELECT barrier FROM @everybody;

-- data: the data bag of a session.
SELECT bag FROM @data WHERE tag = $1 AND random = $2;

-- find_visitor: a visitor by its id.
SELECT secret_hash, expires_at, bag FROM @visitor WHERE id = $1;
