-- The entries of the trail from a number on, flat: number, entry. Keys: the entries. ARGV: number, how many.
local answer = {}
for _, item in ipairs(redis.call('XRANGE', KEYS[1], '(' .. ARGV[1] .. '-0', '+', 'COUNT', ARGV[2])) do
  answer[#answer + 1] = string.match(item[1], '^%d+')
  answer[#answer + 1] = item[2][2]
end
return answer
