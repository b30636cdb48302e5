-- needs: records
-- Activity of a user's sessions: those that are alive and were last active before now. Keys: sessions, data bags.
-- Behind the time four arguments a session: random, 1 if the client is told, its address, its user agent.
local key, data, now = KEYS[1], KEYS[2], tonumber(ARGV[1])
for n = 2, #ARGV, 4 do
  local random = ARGV[n]
  local v = redis.call('HGET', key, random)
  if v and is_session(random, v) then
    local signed_in, active = times(v)
    if active < now and not verdict(v, now) then
      local user, ip, name, series, agent = unpack_from('<HBHBH', v, 66)
      local from = series_at(v)
      local field = sub(v, from, from + series - 1)
      local rest = sub(v, 68)
      if ARGV[n + 1] == '1' then
        rest = pack('<BHBH', #ARGV[n + 2], name, series, #ARGV[n + 3]) .. sub(v, 74, 73 + user) .. ARGV[n + 2]
          .. sub(v, 74 + user + ip, from + series - 1) .. ARGV[n + 3] .. sub(v, from + series + agent)
      end
      v = sub(v, 1, 41) .. pack('<I8', now) .. sub(v, 50, 67) .. rest
      redis.call('HSET', key, random, v)
      keep(key, data, deadline(v), now, true)
      if series > 0 and signed_in <= now - SEEN_AFTER then
        local there = redis.call('HGET', key, field)
        if there and is_series(field, there) and unpack_from('<I6', there, 36) == 0 then
          redis.call('HSET', key, field, sub(there, 1, 35) .. pack('<I6', now) .. sub(there, 42))
        end
      end
    end
  end
end
return 1
