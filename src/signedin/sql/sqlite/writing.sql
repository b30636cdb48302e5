-- barrier: of one user.
SELECT at FROM barrier WHERE tag = ? AND user_id = ?;

-- raise_barrier: of one user; it only moves forwards.
INSERT INTO barrier (tag, user_id, at) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET at = max(at, excluded.at)
RETURNING at;

-- raise_everybody_barrier: the same for everybody.
INSERT INTO everybody (one, barrier) VALUES (1, ?)
ON CONFLICT DO UPDATE SET barrier = max(barrier, excluded.barrier)
RETURNING barrier;

-- add: a new session; never in the place of another.
INSERT INTO session (tag, random, user_id, secret_hash, series, signed_in_at, last_active_at,
                     idle_timeout, expires_at, ip, user_agent, name, tail)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- add_series: a new remembered browser.
INSERT INTO series (tag, key, user_id, secret_hash, previous_hash, nonce, seen_at, session_random,
                    created_at, expires_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- count_active: how many of a user's sessions are active, without the one that makes room.
SELECT count(*) FROM session WHERE tag = ? AND user_id = ? AND dead_at > ? AND random IS NOT ?;

-- surplus: the user's other active sessions beyond so many; the rule `surplus` in policy.py.
SELECT random FROM session
WHERE tag = ? AND user_id = ? AND random <> ? AND dead_at > ?
ORDER BY last_active_at DESC, signed_in_at DESC, random DESC LIMIT -1 OFFSET ?;

-- move_series: the series' next secret, if it is still at the expected one.
UPDATE series SET secret_hash = ?1, previous_hash = ?2, nonce = ?3, seen_at = NULL, session_random = ?4,
                  expires_at = ?5
WHERE tag = ?6 AND key = ?7 AND user_id = ?8 AND secret_hash = ?9;

-- series_session: which session a series led to, if its secret is still the expected one.
SELECT session_random FROM series WHERE tag = ? AND key = ? AND user_id = ? AND secret_hash = ?;

-- end_one: one session of a user, returned as it was.
DELETE FROM session WHERE tag = ?1 AND random = ?2 AND user_id = ?3
RETURNING random, secret_hash, series, signed_in_at, last_active_at, idle_timeout, expires_at, ip, name, tail;

-- end_all_but: all sessions of a user but one (or none), returned as they were.
DELETE FROM session WHERE tag = ?1 AND user_id = ?3 AND random IS NOT ?2
RETURNING random, secret_hash, series, signed_in_at, last_active_at, idle_timeout, expires_at, ip, name, tail;

-- end_expired: one session that is over, returned as it was.
DELETE FROM session WHERE tag = ? AND random = ? AND dead_at <= ?
RETURNING random, secret_hash, series, signed_in_at, last_active_at, idle_timeout, expires_at, ip, name, tail;

-- remember_ended: an entry of the history.
INSERT INTO ended (tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name,
                   device, secret_hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- bound_history: no more than so many entries of a user.
DELETE FROM ended WHERE tag = ?1 AND random IN (
  SELECT random FROM ended WHERE tag = ?1 AND user_id = ?2
  ORDER BY ended_at DESC, random LIMIT -1 OFFSET ?3);

-- drop_data: the data bag of a session that ended.
DELETE FROM data WHERE tag = ? AND random = ?;

-- forget_one: one series of a user.
DELETE FROM series WHERE tag = ? AND key = ? AND user_id = ?;

-- forget_all_but: all series of a user but one (or none).
DELETE FROM series WHERE tag = ? AND user_id = ? AND key IS NOT ?;

-- not_remembered: the sessions of a forgotten series go on without it.
UPDATE session SET series = NULL WHERE tag = ? AND user_id = ? AND series = ?;

-- none_remembered_but: the same for all series but one (or none).
UPDATE session SET series = NULL WHERE tag = ? AND user_id = ? AND series IS NOT NULL AND series IS NOT ?;

-- touch: activity of many sessions, given as a JSON list of [tag, random].
UPDATE session SET last_active_at = ?1
FROM json_each(?2) AS note
WHERE tag = unhex(note.value ->> 0) AND random = unhex(note.value ->> 1)
  AND last_active_at < ?1 AND dead_at > ?1;

-- touch_client: the same where the client is told, [tag, random, ip, user agent]: a statement of its own,
-- because it moves an entry of the index on addresses.
UPDATE session SET last_active_at = ?1, ip = note.value ->> 2, user_agent = note.value ->> 3
FROM json_each(?2) AS note
WHERE tag = unhex(note.value ->> 0) AND random = unhex(note.value ->> 1)
  AND last_active_at < ?1 AND dead_at > ?1;

-- seen: the series of those that were resumed at least so long ago are seen now, for the first time.
UPDATE series SET seen_at = ?1
WHERE seen_at IS NULL AND (tag, key) IN (
  SELECT s.tag, s.series FROM json_each(?2) AS note
  JOIN session AS s ON s.tag = unhex(note.value ->> 0) AND s.random = unhex(note.value ->> 1)
  WHERE s.series IS NOT NULL AND s.signed_in_at <= ?1 - ?3 AND s.last_active_at = ?1);

-- rotate: a new secret and tail, if the session is alive and at the expected secret.
UPDATE session SET secret_hash = ?1, tail = ?2
WHERE tag = ?3 AND random = ?4 AND secret_hash = ?5 AND dead_at > ?6;

-- rename: the user's own name for a live session.
UPDATE session SET name = ? WHERE tag = ? AND random = ? AND user_id = ? AND dead_at > ?;

-- set_data: the data bag of a live session.
INSERT INTO data (tag, random, bag)
SELECT tag, random, ?4 FROM session WHERE tag = ?1 AND random = ?2 AND dead_at > ?3
ON CONFLICT DO UPDATE SET bag = excluded.bag;

-- add_visitor: a new visitor; never in the place of another.
INSERT INTO visitor (id, secret_hash, expires_at, bag) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- set_visitor: the bag of one that is there, and how long it is kept.
UPDATE visitor SET expires_at = ?3, bag = ?4 WHERE id = ?1 AND secret_hash = ?2;

-- drop_visitor: one that goes.
DELETE FROM visitor WHERE id = ?;

-- old_visitors: those whose time is over, a batch of a sweep.
DELETE FROM visitor WHERE id IN (SELECT id FROM visitor WHERE expires_at <= ? LIMIT ?);

-- old_history: entries that are too old, a batch of a sweep.
DELETE FROM ended WHERE (tag, random) IN (SELECT tag, random FROM ended WHERE ended_at < ? LIMIT ?);

-- old_series: series that are over, a batch of a sweep.
DELETE FROM series WHERE (tag, key) IN (SELECT tag, key FROM series WHERE expires_at <= ? LIMIT ?)
RETURNING tag, user_id, key;

-- old_barriers: barriers that nothing can meet any more.
DELETE FROM barrier WHERE at < ?;

-- everybody_until: the tag of the last of the next so many rows of sessions, and of series.
SELECT (SELECT tag FROM session WHERE tag > ?1 ORDER BY tag LIMIT 1 OFFSET ?2),
       (SELECT tag FROM series WHERE tag > ?1 ORDER BY tag LIMIT 1 OFFSET ?2);

-- everybody_users: how many users these tags are of, but who has one session alone.
SELECT count(*) FROM (SELECT tag, user_id FROM session WHERE tag > ?1 AND tag <= ?2
                        AND NOT (tag = ?3 AND random = ?4)
                      UNION SELECT tag, user_id FROM series WHERE tag > ?1 AND tag <= ?2);

-- everybody_history: the history of all sessions with these tags but one.
INSERT INTO ended (tag, random, user_id, signed_in_at, last_active_at, ended_at, reason, actor, ip, name,
                   device, secret_hash)
SELECT tag, random, user_id, signed_in_at, last_active_at, ?3,
       CASE WHEN dead_at > ?3 THEN ?4 ELSE why_over(last_active_at, idle_timeout, expires_at, tail, ?3) END,
       CASE WHEN dead_at > ?3 THEN ?5 END, ip, name, device_of(tail), secret_hash
FROM session WHERE tag > ?1 AND tag <= ?2 AND NOT (tag = ?6 AND random = ?7);

-- everybody_told: what was just written of them.
SELECT e.tag, e.random, e.user_id, e.signed_in_at, e.last_active_at, e.ended_at, e.reason, e.actor, e.ip,
       e.name, e.device
FROM session AS s JOIN ended AS e USING (tag, random)
WHERE s.tag > ?1 AND s.tag <= ?2 AND NOT (s.tag = ?3 AND s.random = ?4);

-- everybody_data: their data bags go.
DELETE FROM data WHERE tag > ?1 AND tag <= ?2 AND NOT (tag = ?3 AND random = ?4);

-- everybody_sessions: they go themselves.
DELETE FROM session WHERE tag > ?1 AND tag <= ?2 AND NOT (tag = ?3 AND random = ?4);

-- everybody_series: all Remember me with these tags goes.
DELETE FROM series WHERE tag > ?1 AND tag <= ?2;

-- everybody_spared: the one that goes on is not remembered any more.
UPDATE session SET series = NULL WHERE tag > ?1 AND tag <= ?2 AND series IS NOT NULL;

-- everybody_long: tags that may have more history than is kept.
SELECT tag FROM ended WHERE tag > ?1 AND tag <= ?2 GROUP BY tag HAVING count(*) > ?3;

-- everybody_long_users: the users of a tag.
SELECT DISTINCT user_id FROM ended WHERE tag = ?;

-- audit: an entry of the trail.
INSERT INTO audit (run, at, outcome, actor, action, about, reason, origin, sessions, already, users,
                   in_doubt, is_first)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, NOT EXISTS (SELECT 1 FROM audit WHERE run = ?1));

-- audit_once: the same, unless its run has the very same entry.
INSERT INTO audit (run, at, outcome, actor, action, about, reason, origin, sessions, already, users,
                   in_doubt, is_first)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, NOT EXISTS (SELECT 1 FROM audit WHERE run = ?1)
WHERE NOT EXISTS (SELECT 1 FROM audit
  WHERE run = ?1 AND at = ?2 AND outcome = ?3 AND actor = ?4 AND action = ?5 AND about = ?6 AND reason IS ?7
    AND origin IS ?8 AND sessions = ?9 AND already = ?10 AND users = ?11 AND in_doubt = ?12);
