-- needs: records ending
-- End what is over of some users, at most so many sessions; remove old series, history and barriers.
-- Keys: sessions, history, data bags, barriers of each user. Returns whether all were looked at, then
-- the user's place among the keys, random, entry, …
local now, limit = tonumber(ARGV[1]), tonumber(ARGV[2])
local answer = { 1 }
for at = 1, #KEYS, 4 do
  local key, history, data, barriers = KEYS[at], KEYS[at + 1], KEYS[at + 2], KEYS[at + 3]
  local all, over, old, going = redis.call('HGETALL', key), {}, {}, {}
  for n = 1, #all, 2 do
    local field, v = all[n], all[n + 1]
    if is_session(field, v) then
      if verdict(v, now) then
        local user = owner(v)
        over[user] = over[user] or {}
        table.insert(over[user], { field, v })
      end
    elseif is_series(field, v) and unpack_from('<I6', v, 60) <= now then
      old[#old + 1] = field
      going[field] = true
    end
  end
  for user, list in pairs(over) do
    local found = {}
    for _, one in ipairs(list) do
      if limit == 0 then
        answer[1] = 0
        break
      end
      limit = limit - 1
      found[#found + 1] = one[1]
      found[#found + 1] = one[2]
    end
    local entries = end_sessions(key, history, data, user, found, now, nil, nil, 'none')
    for n = 1, #entries, 2 do
      answer[#answer + 1] = at
      answer[#answer + 1] = entries[n]
      answer[#answer + 1] = entries[n + 1]
    end
  end
  in_parts('HDEL', key, old)
  -- What lives goes on without them.
  for n = 1, #old > 0 and #all or 0, 2 do
    local v = all[n + 1]
    if is_session(all[n], v) and not verdict(v, now) and going[series_of(v)] then
      redis.call('HSET', key, all[n], without_series(v))
    end
  end
  old = {}
  all = redis.call('HGETALL', history)
  for n = 1, #all, 2 do
    if ended_at(all[n + 1]) < now - HISTORY_AGE then old[#old + 1] = all[n] end
  end
  in_parts('HDEL', history, old)
  old = {}
  all = redis.call('HGETALL', barriers)
  for n = 1, #all, 2 do
    if tonumber(all[n + 1]) < now - BARRIER_KEPT then old[#old + 1] = all[n] end
  end
  in_parts('HDEL', barriers, old)
end
return answer
