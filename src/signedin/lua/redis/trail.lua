-- Runs of the trail, flat: number, first entry, last entry. ARGV: 'run' and its name, or 'before', a number (0 for
-- the latest) and how many. Keys: the entries, the first ones of the runs, of each run its first and last number.
local log, firsts, runs = KEYS[1], KEYS[2], KEYS[3]
local names = {}
if ARGV[1] == 'run' then
  names[1] = ARGV[2]
else
  local from = ARGV[2] == '0' and '+' or '(' .. ARGV[2] .. '-0'
  for _, item in ipairs(redis.call('XREVRANGE', firsts, from, '-', 'COUNT', ARGV[3])) do
    names[#names + 1] = item[2][2]
  end
end
local answer = {}
for _, name in ipairs(names) do
  local first, last = string.match(redis.call('HGET', runs, 'run ' .. name) or '', '^(%d+) (%d+)$')
  if first then
    answer[#answer + 1] = first
    for _, number in ipairs({ first, last }) do
      answer[#answer + 1] = redis.call('XRANGE', log, number .. '-0', number .. '-0')[1][2][2]
    end
  end
end
return answer
