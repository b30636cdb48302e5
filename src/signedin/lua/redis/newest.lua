-- needs: records
-- When the most recently active session of some users was active. Keys: sessions of each user.
local newest = 0
for _, key in ipairs(KEYS) do
  local all = redis.call('HGETALL', key)
  for n = 1, #all, 2 do
    if is_session(all[n], all[n + 1]) then
      local _, active = times(all[n + 1])
      if active > newest then newest = active end
    end
  end
end
return newest
