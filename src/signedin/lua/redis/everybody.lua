-- needs: records ending
-- End all sessions of some users but one, and forget all their series.
-- Keys: sessions, history, data bags of each user. Returns how many sessions, users and series, then, if
-- they are told, the user's place among the keys, random, entry, …
local now, reason, spared_key, spared, told = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'
local by = ARGV[6]
local sessions, users, forgotten, answer = 0, 0, 0, { 0, 0, 0 }
for at = 1, #KEYS, 3 do
  local key, history, data = KEYS[at], KEYS[at + 1], KEYS[at + 2]
  local all, owners, series, staying, going = redis.call('HGETALL', key), {}, {}, nil, 0
  for n = 1, #all, 2 do
    local field, v = all[n], all[n + 1]
    local session = is_session(field, v)
    if session and key == spared_key and field == spared then
      staying = v
    elseif session or is_series(field, v) then
      local user = session and owner(v) or series_owner(v)
      local found = owners[user]
      if not found then
        found = {}
        owners[user] = found
        users = users + 1
      end
      if not session then
        series[#series + 1] = field
      else
        found[#found + 1] = field
        found[#found + 1] = v
        going = going + 1
      end
    end
  end
  local whole = going + #series == #all / 2
  for user, found in pairs(owners) do
    local entries = end_sessions(not whole and key, history, data, user, found, now, reason, by, 'none')
    sessions = sessions + #entries / 2
    if told then
      for n = 1, #entries, 2 do
        answer[#answer + 1] = at
        answer[#answer + 1] = entries[n]
        answer[#answer + 1] = entries[n + 1]
      end
    end
  end
  if whole then redis.call('DEL', key) else in_parts('HDEL', key, series) end
  forgotten = forgotten + #series
  if staying and series_of(staying) ~= '' then redis.call('HSET', key, spared, without_series(staying)) end
end
answer[1], answer[2], answer[3] = sessions, users, forgotten
return answer
