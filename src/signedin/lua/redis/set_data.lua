-- needs: records
-- The data bag of a live session, or none if there is no third argument. Keys: sessions, data bags.
local random, bag = ARGV[1], ARGV[3]
if not bag then return redis.call('HDEL', KEYS[2], random) end
local v = redis.call('HGET', KEYS[1], random)
if not v or not is_session(random, v) or verdict(v, tonumber(ARGV[2])) then return 0 end
redis.call('HSET', KEYS[2], random, bag)
local left = redis.call('PTTL', KEYS[1])
if left > 0 then redis.call('PEXPIRE', KEYS[2], left) else redis.call('PERSIST', KEYS[2]) end
return 1
