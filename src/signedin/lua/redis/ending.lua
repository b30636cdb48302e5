-- The one way out: whatever ends sessions goes through end_sessions. An entry of the history is when, why and
-- by whom, and the session as it was, without user agent and series.

-- How entries begin, by their reasons: with and without the script's one actor.
local starts, starts_alone = {}, {}

local function entry_of(v, now, why, by)
  local known = by and starts or starts_alone
  if not known[why] then
    known[why] = pack('<BI6BH', 1, now, #why, by and #by or 65535) .. why .. (by or '')
  end
  local at, series = series_at(v)
  return known[why] .. sub(v, 1, 70) .. '\0\0\0' .. sub(v, 74, at - 1)
    .. sub(v, at + series + unpack_from('<H', v, 72))
end

local function ended_at(entry)
  return (unpack_from('<I6', entry, 2))
end

local function why_ended(entry)
  return sub(entry, 11, 10 + byte(entry, 8))
end

local function ended_owner(entry)
  local why, by = unpack_from('<BH', entry, 8)
  local before = 10 + why + (by == 65535 and 0 or by)
  return sub(entry, before + 74, before + 73 + unpack_from('<H', entry, before + 66))
end

-- A call with a list of arguments, a bounded number at a time.
local function in_parts(command, key, list)
  for start = 1, #list, 2000 do
    redis.call(command, key, unpack(list, start, math.min(start + 1999, #list)))
  end
end

-- No more than so many entries of a user; some go beyond it before the oldest are looked for.
local function bound_history(history, user)
  if redis.call('HLEN', history) <= HISTORY_LENGTH + 40 then return end
  local all, mine = redis.call('HGETALL', history), {}
  for n = 1, #all, 2 do
    local entry = all[n + 1]
    if ended_owner(entry) == user then mine[#mine + 1] = { ended_at(entry), all[n] } end
  end
  table.sort(mine, function(a, b)
    if a[1] ~= b[1] then return a[1] > b[1] end
    return a[2] < b[2]
  end)
  local old = {}
  for n = HISTORY_LENGTH + 1, #mine do old[#old + 1] = mine[n][2] end
  in_parts('HDEL', history, old)
end

-- Sessions of the user with one of these series go on without it.
local function not_remembered(key, user, gone)
  local all, changed = redis.call('HGETALL', key), {}
  for n = 1, #all, 2 do
    local v = all[n + 1]
    if is_session(all[n], v) and byte(v, 71) > 0 and gone[series_of(v)] and owner(v) == user then
      changed[#changed + 1] = all[n]
      changed[#changed + 1] = without_series(v)
    end
  end
  in_parts('HSET', key, changed)
end

-- One series of the user by its key. How many went.
local function forget_one(key, user, series)
  local v = redis.call('HGET', key, series)
  if not v or not is_series(series, v) or series_owner(v) ~= user then return 0 end
  redis.call('HDEL', key, series)
  -- Only the session that a series names has it: a resume ends the one before.
  local random = sub(v, 42, 53)
  local session = own(key, random, user)
  if session and series_of(session) == series then redis.call('HSET', key, random, without_series(session)) end
  return 1
end

-- All series of the user but one, or none. How many went.
local function forget_all_but(key, user, kept)
  local all, gone, list = redis.call('HGETALL', key), {}, {}
  for n = 1, #all, 2 do
    if is_series(all[n], all[n + 1]) and all[n] ~= kept and series_owner(all[n + 1]) == user then
      gone[all[n]] = true
      list[#list + 1] = all[n]
    end
  end
  if #list == 0 then return 0 end
  in_parts('HDEL', key, list)
  not_remembered(key, user, gone)
  return #list
end

-- End these sessions, given as random, value, random, value …: the history is written, data bags and series go.
-- key: false if the whole of it goes anyway. reason: nil in a sweep. A session that had passed a limit of its own ends for that, whoever ends it now.
-- Returns random, entry, random, entry …
local function end_sessions(key, history, data, user, found, now, reason, by, forgets)
  if #found == 0 then return {} end
  local randoms, entries, series = {}, {}, {}
  for n = 1, #found, 2 do
    local random, v = found[n], found[n + 1]
    local over = verdict(v, now)
    local why = over or reason
    if over and byte(v) == 2 then why = 'unreadable' end
    randoms[#randoms + 1] = random
    entries[#entries + 1] = random
    entries[#entries + 1] = entry_of(v, now, why, not over and by or nil)
    if not over and forgets == 'series' then series[#series + 1] = series_of(v) end
  end
  if key then in_parts('HDEL', key, randoms) end
  in_parts('HSET', history, entries)
  redis.call('PEXPIRE', history, HISTORY_AGE + WEEK)
  if redis.call('EXISTS', data) == 1 then in_parts('HDEL', data, randoms) end
  for _, one in ipairs(series) do
    if one ~= '' then forget_one(key, user, one) end
  end
  bound_history(history, user)
  return entries
end
