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
      local user, series, ip, agent, name = unpack_from('<HBBHH', v, 58)
      local series_at = 66 + user
      local ip_at = series_at + series
      local rest = sub(v, 60)
      if ARGV[n + 1] == '1' then
        rest = pack('<BBHH', series, #ARGV[n + 2], #ARGV[n + 3], name) .. sub(v, 66, ip_at - 1)
          .. ARGV[n + 2] .. ARGV[n + 3] .. sub(v, ip_at + ip + agent)
      end
      v = sub(v, 1, 39) .. pack('<I6', now) .. sub(v, 46, 59) .. rest
      redis.call('HSET', key, random, v)
      keep(key, data, deadline(v), now, true)
      if series > 0 and signed_in <= now - SEEN_AFTER then
        local field = sub(v, series_at, ip_at - 1)
        local there = redis.call('HGET', key, field)
        if there and is_series(field, there) and unpack_from('<I6', there, 36) == 0 then
          redis.call('HSET', key, field, sub(there, 1, 35) .. pack('<I6', now) .. sub(there, 42))
        end
      end
    end
  end
end
return 1
