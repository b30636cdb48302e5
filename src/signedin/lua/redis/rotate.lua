-- needs: records
-- A new secret and tail for a live session that is still at the expected hash. Key: sessions.
local v = redis.call('HGET', KEYS[1], ARGV[1])
if not v or not is_session(ARGV[1], v) or verdict(v, tonumber(ARGV[2])) or sub(v, 2, 33) ~= ARGV[3] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], with_secret(v, ARGV[4], ARGV[5]))
return 1
