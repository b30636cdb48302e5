-- needs: records
-- A series, and its session or what remains of it: 'live' and the session, 'ended' and the entry, or 'gone'.
-- Keys: sessions, history.
local there = redis.call('HGET', KEYS[1], ARGV[1])
if not there or not is_series(ARGV[1], there) then return {} end
local random = sub(there, 42, 53)
local v = redis.call('HGET', KEYS[1], random)
if v and is_session(random, v) then return { there, 'live', v } end
local entry = redis.call('HGET', KEYS[2], random)
if entry then return { there, 'ended', entry } end
return { there, 'gone' }
