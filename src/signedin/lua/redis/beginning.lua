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

-- Add the session; end the least recently active beyond the cap, never the new one: surplus() in policy.py.
local function admit(key, history, data, user, new, value, now, cap)
  local ended = {}
  if cap then
    local mine, active = sessions_of(key, user), {}
    for n = 1, #mine, 2 do
      if not verdict(mine[n + 1], now) then
        local signed_in, last_active = times(mine[n + 1])
        active[#active + 1] = { last_active, signed_in, mine[n], mine[n + 1] }
      end
    end
    if #active >= cap then
      table.sort(active, function(a, b)
        if a[1] ~= b[1] then return a[1] > b[1] end
        if a[2] ~= b[2] then return a[2] > b[2] end
        return a[3] > b[3]
      end)
      local surplus = {}
      for n = cap, #active do
        surplus[#surplus + 1] = active[n][3]
        surplus[#surplus + 1] = active[n][4]
      end
      ended = end_sessions(key, history, data, user, surplus, now, 'limit', nil, 'none')
    end
  end
  -- What has just gone may have been all: then the key is new, and has no expiry.
  local existed = redis.call('EXISTS', key) == 1
  redis.call('HSET', key, new, value)
  keep(key, data, deadline(value), now, existed)
  return ended
end
