-- needs: records ending
-- Bring what is kept of a user to what another store keeps. Keys: sessions, history, data bags, barriers.
-- ARGV: user, barrier, then how many of each and the parts themselves:
-- endings (random, entry), series (key, value), sessions (random, value, 1 if it has a data bag, the bag).
local key, history, data, barriers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local user, barrier = ARGV[1], tonumber(ARGV[2])
local at = 3
local function following()
  at = at + 1
  return ARGV[at - 1]
end

if barrier > tonumber(redis.call('HGET', barriers, user) or 0) then
  redis.call('HSET', barriers, user, string.format('%.0f', barrier))
  redis.call('PEXPIRE', barriers, 2 * BARRIER_KEPT)
end

local ended, refused, series, sessions = 0, 0, 0, 0
for _ = 1, tonumber(following()) do
  local random, entry = following(), following()
  ended = ended + redis.call('HSETNX', history, random, entry)
  if own(key, random, user) then
    redis.call('HDEL', key, random)
    redis.call('HDEL', data, random)
  end
end
redis.call('PEXPIRE', history, HISTORY_AGE + WEEK)
bound_history(history, user)

local given, latest = {}, 0
local existed = redis.call('EXISTS', key) == 1
local endless = existed and redis.call('PTTL', key) == -1
for _ = 1, tonumber(following()) do
  local field, value = following(), following()
  given[field] = true
  local there = redis.call('HGET', key, field)
  local old = there and is_series(field, there) and unpack_from('<I6', there, 60)
  if not there or (old and old <= unpack_from('<I6', value, 60) and series_owner(there) == user) then
    redis.call('HSET', key, field, value)
    series = series + 1
    latest = math.max(latest, (unpack_from('<I6', value, 60)))
  end
end
local mine, gone = redis.call('HGETALL', key), {}
for n = 1, #mine, 2 do
  if is_series(mine[n], mine[n + 1]) and not given[mine[n]] and series_owner(mine[n + 1]) == user then
    gone[#gone + 1] = mine[n]
  end
end
in_parts('HDEL', key, gone)

for _ = 1, tonumber(following()) do
  local random, value, has_bag, bag = following(), following(), following(), following()
  if redis.call('HEXISTS', history, random) == 1 then
    refused = refused + 1
  else
    local there = redis.call('HGET', key, random)
    local good = not there
    if there and is_session(random, there) and owner(there) == user then
      local _, before = times(there)
      local _, later = times(value)
      good = before <= later
    end
    if good then
      redis.call('HSET', key, random, value)
      sessions = sessions + 1
      local over = deadline(value)
      if over then latest = math.max(latest, over) else endless = true end
      if has_bag == '1' then redis.call('HSET', data, random, bag) else redis.call('HDEL', data, random) end
    end
  end
end
-- Sessions whose series is not there, or names another one, go on without it.
mine = redis.call('HGETALL', key)
local changed = {}
for n = 1, #mine, 2 do
  local v = mine[n + 1]
  if is_session(mine[n], v) and owner(v) == user then
    local field = series_of(v)
    local there = field ~= '' and redis.call('HGET', key, field)
    if field ~= '' and not (there and is_series(field, there) and sub(there, 42, 53) == mine[n]) then
      changed[#changed + 1] = mine[n]
      changed[#changed + 1] = without_series(v)
    end
  end
end
in_parts('HSET', key, changed)
-- How long the keys stay is told by the server's clock: there is no other in this step.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if endless then
  redis.call('PERSIST', key)
  redis.call('PERSIST', data)
else
  local left = math.max(latest - now + WEEK, redis.call('PTTL', key), WEEK)
  redis.call('PEXPIRE', key, left)
  redis.call('PEXPIRE', data, left)
end
return { sessions, series, ended, refused }
