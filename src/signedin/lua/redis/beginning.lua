-- What a sign-in and a resume have in common.

-- The sessions of the user: random, value, random, value …
local function sessions_of(key, user)
  local all, mine = redis.call('HGETALL', key), {}
  for n = 1, #all, 2 do
    if is_session(all[n], all[n + 1]) and owner(all[n + 1]) == user then
      mine[#mine + 1] = all[n]
      mine[#mine + 1] = all[n + 1]
    end
  end
  return mine
end

-- Why the new session may not be, before anything is written. leaving: the one that makes room, or ''.
local function refusal(key, barriers, user, new, leaving, now, started_at, cap, at_cap)
  if redis.call('HEXISTS', key, new) == 1 then return 'exists' end
  local barrier = redis.call('HGET', barriers, user)
  if barrier and started_at < tonumber(barrier) then return 'barrier' end
  if cap and at_cap == 'refuse' then
    local mine, active = sessions_of(key, user), 0
    for n = 1, #mine, 2 do
      if mine[n] ~= leaving and not verdict(mine[n + 1], now) then active = active + 1 end
    end
    if active >= cap then return 'limit' end
  end
  return nil
end

-- Whether one active session goes before another: last active, signed in, random, value.
local function goes_before(a, b)
  if a[1] ~= b[1] then return a[1] < b[1] end
  if a[2] ~= b[2] then return a[2] < b[2] end
  return a[3] < b[3]
end

-- The least recently active sessions of the user beyond the cap, one more being added: random, value, random …
-- Where one goes, which is every sign-in of somebody who has reached the cap, one pass finds it.
local function surplus(key, user, now, cap)
  local all, count, length, places, first = redis.call('HGETALL', key), 0, #user, {}, nil
  local least_active, least_signed_in
  for n = 1, #all, 2 do
    local field, v = all[n], all[n + 1]
    if #field == 12 and #v >= 73 and byte(v) <= 2 then
      local signed_in, last_active, idle, expires, own_length = unpack_from('<I8I8I8I8H', v, 34)
      -- find makes no string of its own, as sub does
      if own_length == length and (expires == 0 or now < expires) and (idle == 0 or now < last_active + idle)
        and find(v, user, 74, true) == 74 then
        count = count + 1
        places[count] = n
        if not first or last_active < least_active or (last_active == least_active
          and (signed_in < least_signed_in or (signed_in == least_signed_in and field < all[first]))) then
          first, least_active, least_signed_in = n, last_active, signed_in
        end
      end
    end
  end
  if count < cap then return {} end
  if count == cap then return { all[first], all[first + 1] } end
  local active, found = {}, {}
  for _, n in ipairs(places) do
    local signed_in, last_active = times(all[n + 1])
    active[#active + 1] = { last_active, signed_in, all[n], all[n + 1] }
  end
  table.sort(active, goes_before)
  for n = 1, count - cap + 1 do
    found[#found + 1] = active[n][3]
    found[#found + 1] = active[n][4]
  end
  return found
end

-- Add the session; end the least recently active beyond the cap, never the new one: surplus() in policy.py.
local function admit(key, history, data, user, new, value, now, cap)
  local ended = {}
  -- There are no more sessions than fields.
  if cap and redis.call('HLEN', key) >= cap then
    local going = surplus(key, user, now, cap)
    ended = end_sessions(key, history, data, user, going, now, 'limit', nil, 'none')
  end
  -- What has just gone may have been all: then the key is new, and has no expiry.
  local existed = redis.call('EXISTS', key) == 1
  redis.call('HSET', key, new, value)
  keep(key, data, deadline(value), now, existed)
  return ended
end
