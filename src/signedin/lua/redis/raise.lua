-- A barrier for everybody, which only moves forwards. Key: the barrier.
local raised = math.max(tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[1]) or 0))
redis.call('SET', KEYS[1], string.format('%.0f', raised))
return raised
