-- needs: records ending beginning
-- A resume: as a sign-in, if the series is still at the expected hash. Keys: sessions, history, data bags, barriers.
local key, history, data, barriers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local now, started_at, cap, at_cap = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local user, new, value = ARGV[5], ARGV[6], ARGV[7]
local series, series_value, expected = ARGV[8], ARGV[9], ARGV[10]
local there = redis.call('HGET', key, series)
if not there or not is_series(series, there) or series_owner(there) ~= user or sub(there, 2, 33) ~= expected then
  return { 'lost' }
end
local before = sub(there, 42, 53)
local refused = refusal(key, barriers, user, new, before, now, started_at, cap, at_cap)
if refused then return { refused } end

local leaving = own(key, before, user)
local ended = end_sessions(key, history, data, user, leaving and { before, leaving } or {}, now, 'resumed', nil,
  'none')
local evicted = admit(key, history, data, user, new, value, now, cap)
redis.call('HSET', key, series, series_value)
keep(key, data, (unpack_from('<I6', series_value, 60)), now, true)
local answer = { 'added' }
for _, part in ipairs(ended) do answer[#answer + 1] = part end
for _, part in ipairs(evicted) do answer[#answer + 1] = part end
return answer
