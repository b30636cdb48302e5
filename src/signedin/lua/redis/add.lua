-- needs: records ending beginning
-- A sign-in. Keys: sessions, history, data bags, barriers.
local key, history, data, barriers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now, started_at, cap, at_cap = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local user, new, value, replaces, forgets = ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local series, series_value, bag = ARGV[10], ARGV[11], ARGV[12]
local refused = refusal(key, barriers, user, new, replaces, now, started_at, cap, at_cap)
if refused then return { refused } end

local leaving = replaces ~= '' and own(key, replaces, user)
local ended = end_sessions(key, history, data, user, leaving and { replaces, leaving } or {}, now, 'replaced',
  nil, 'series')
if forgets ~= '' then forget_one(key, user, forgets) end
local evicted = admit(key, history, data, user, new, value, now, cap)
if series ~= '' then
  redis.call('HSET', key, series, series_value)
  keep(key, data, (unpack_from('<I6', series_value, 60)), now, true)
end
if bag then
  redis.call('HSET', data, new, bag)
  local left = redis.call('PTTL', key)
  if left > 0 then redis.call('PEXPIRE', data, left) end
end
local answer = { 'added' }
for _, part in ipairs(ended) do answer[#answer + 1] = part end
for _, part in ipairs(evicted) do answer[#answer + 1] = part end
return answer
