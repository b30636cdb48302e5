-- needs: records
-- The user's own name for a live session; none if there is no fourth argument. Key: sessions.
local user, random, name = ARGV[1], ARGV[2], ARGV[4]
local v = own(KEYS[1], random, user)
if not v or verdict(v, tonumber(ARGV[3])) then return 0 end
local owner_, series, ip, agent, before = unpack_from('<HBBHH', v, 58)
local name_at = 66 + owner_ + series + ip + agent
local tail_at = name_at + (before == 65535 and 0 or before)
redis.call('HSET', KEYS[1], random, sub(v, 1, 63) .. pack('<H', name and #name or 65535)
  .. sub(v, 66, name_at - 1) .. (name or '') .. sub(v, tail_at))
return 1
