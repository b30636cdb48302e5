-- An entry of the trail, behind the others; none is ever changed or removed. ARGV: run, entry, once.
-- Keys: the entries, the first ones of the runs, and of each run its first and last number.
local log, firsts, runs = KEYS[1], KEYS[2], KEYS[3]
local run, entry = ARGV[1], ARGV[2]
local first, last = string.match(redis.call('HGET', runs, 'run ' .. run) or '', '^(%d+) (%d+)$')
if ARGV[3] == '1' and first then
  local from = first
  while true do
    local some = redis.call('XRANGE', log, from .. '-0', last .. '-0', 'COUNT', 500)
    for _, item in ipairs(some) do
      if item[2][1] == run and item[2][2] == entry then return 0 end
    end
    if #some < 500 then break end
    from = string.match(some[#some][1], '^%d+') + 1
  end
end
local number = redis.call('HINCRBY', runs, 'number', 1)
redis.call('XADD', log, number .. '-0', run, entry)
if not first then redis.call('XADD', firsts, number .. '-0', 'run', run) end
redis.call('HSET', runs, 'run ' .. run, (first or number) .. ' ' .. number)
return number
