-- needs: records
-- The user's own name for a live session; none if there is no fourth argument. Key: sessions.
local user, random, name = ARGV[1], ARGV[2], ARGV[4]
local v = own(KEYS[1], random, user)
if not v or verdict(v, tonumber(ARGV[3])) then return 0 end
local owner_length, ip, before = unpack_from('<HBH', v, 66)
local name_at = 74 + owner_length + ip
redis.call('HSET', KEYS[1], random, sub(v, 1, 68) .. pack('<H', name and #name or 65535)
  .. sub(v, 71, name_at - 1) .. (name or '') .. sub(v, name_at + (before == 65535 and 0 or before)))
return 1
