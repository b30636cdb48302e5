-- The layout of what is kept, as src/signedin/redis/records.py writes it, and the rule of life and death.
--
-- All of a user lies under one hash tag: a hash with the user's sessions (fields of 12 bytes) and series
-- (fields of 32), and beside it the history (h), the data bags (d) and the barriers (b).
-- A session: version 1 (2: the tail can't be read), the secret's hash, signed in, last active, idle timeout,
-- absolute limit (8 bytes each, 0 for none), then the lengths of what follows: user id, address, name (65535
-- for none), series, user agent; the tail is the rest. The history keeps all but series and user agent.

local byte, find, sub = string.byte, string.find, string.sub
local pack, unpack_from = struct.pack, struct.unpack

-- What somebody else wrote under our key is not a session.
local function is_session(field, v)
  if #field ~= 12 or #v < 73 then return false end
  local version = byte(v)
  return version == 1 or version == 2
end

local function is_series(field, v)
  return #field == 32 and #v >= 67 and byte(v) == 1
end

local function owner(v)
  return sub(v, 74, 73 + unpack_from('<H', v, 66))
end

local function series_owner(v)
  return sub(v, 68, 67 + unpack_from('<H', v, 66))
end

-- signed in, last active, idle timeout, absolute limit
local function times(v)
  return unpack_from('<I8I8I8I8', v, 34)
end

-- Which of its limits a session has passed, or nil while it is active: judge() in session.py.
local function verdict(v, now)
  local _, active, idle, expires = times(v)
  if expires > 0 and now >= expires then return 'expired' end
  if idle > 0 and now >= active + idle then return 'idle' end
  return nil
end

-- The first millisecond at which a session is over, or nil for never: deadline() in session.py.
local function deadline(v)
  local _, active, idle, expires = times(v)
  if idle == 0 then return expires > 0 and expires or nil end
  if expires == 0 then return active + idle end
  return math.min(active + idle, expires)
end

-- Where a session's series begins, and how long it is.
local function series_at(v)
  local user, ip, name, series = unpack_from('<HBHB', v, 66)
  return 74 + user + ip + (name == 65535 and 0 or name), series
end

local function series_of(v)
  local at, series = series_at(v)
  return sub(v, at, at + series - 1)
end

-- The same session without its series: it goes on, no longer remembered.
local function without_series(v)
  local at, series = series_at(v)
  return sub(v, 1, 70) .. '\0' .. sub(v, 72, at - 1) .. sub(v, at + series)
end

-- The same session with another secret and tail. head: the version and the hash.
local function with_secret(v, head, tail)
  local at, series = series_at(v)
  return head .. sub(v, 34, at + series + unpack_from('<H', v, 72) - 1) .. tail
end

-- A session of this user, or nil.
local function own(key, random, user)
  local v = redis.call('HGET', key, random)
  if v and is_session(random, v) and owner(v) == user then return v end
  return nil
end

-- A key stays a week longer than anything in it can live, so that a sweep finds it; an hour more or less
-- doesn't matter, and saves most of the writes.
local function keep(key, data, until_, now, existed)
  local left = existed and redis.call('PTTL', key) or 0
  if left == -1 then return end
  if until_ == nil then
    redis.call('PERSIST', key)
    redis.call('PERSIST', data)
    return
  end
  local wanted = until_ - now + WEEK
  if left < wanted - 3600000 then
    redis.call('PEXPIRE', key, wanted)
    redis.call('PEXPIRE', data, wanted)
  end
end
