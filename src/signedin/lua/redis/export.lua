-- All that is kept under one tag, at one moment: how many of each, then field, value, … of sessions and
-- series, history, data bags, barriers. Keys: sessions, history, data bags, barriers. A tag is told where its
-- first key is met: ARGV[1] is which of the keys that is now.
for n = 1, tonumber(ARGV[1]) - 1 do
  if n ~= 3 and redis.call('EXISTS', KEYS[n]) == 1 then return {} end
end
local answer, all = {}, {}
for n = 1, 4 do
  all[n] = redis.call('HGETALL', KEYS[n])
  answer[n] = #all[n]
end
for n = 1, 4 do
  for _, part in ipairs(all[n]) do answer[#answer + 1] = part end
end
return answer
