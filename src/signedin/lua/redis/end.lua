-- needs: records ending beginning
-- End sessions of a user. Keys: sessions, history, data bags, barriers.
-- which: 'only' with the random parts behind the other arguments, or 'all' but ARGV[7].
local key, history, data, barriers = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local user, now, reason, forgets, barrier = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local which, kept, rotated, expected, head, tail = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local by = ARGV[12] == '1' and ARGV[13] or nil
local found, already, resumable = {}, {}, false
if which == 'only' then
  local seen = {}
  for n = 14, #ARGV do
    local random = ARGV[n]
    local v = not seen[random] and own(key, random, user)
    if v then
      found[#found + 1] = random
      found[#found + 1] = v
    elseif not seen[random] then
      local entry = redis.call('HGET', history, random)
      if entry and ended_owner(entry) == user then
        already[#already + 1] = random
        already[#already + 1] = entry
        resumable = resumable or RESUMABLE[why_ended(entry)]
      end
    end
    seen[random] = true
  end
else
  local mine = sessions_of(key, user)
  for n = 1, #mine, 2 do
    if mine[n] ~= kept then
      found[#found + 1] = mine[n]
      found[#found + 1] = mine[n + 1]
    end
  end
end
local ended = end_sessions(key, history, data, user, found, now, reason, by, forgets)

-- Not for ids that are no sessions of the user, nor for what was revoked before. One that ended of itself may
-- still come back by its series, and whoever revokes it means that too.
local forgotten = 0
if forgets == 'all' and (which == 'all' or barrier == 'always' or #ended > 0 or resumable) then
  forgotten = forget_all_but(key, user, nil)
end
local raised = 0
if barrier == 'always' or (barrier == 'all' and which == 'all' and kept == '') then
  raised = math.max(now, tonumber(redis.call('HGET', barriers, user) or 0))
  redis.call('HSET', barriers, user, string.format('%.0f', raised))
  redis.call('PEXPIRE', barriers, 2 * BARRIER_KEPT)
end
local moved = 0
if rotated ~= '' then
  local v = redis.call('HGET', key, rotated)
  if v and is_session(rotated, v) and not verdict(v, now) and sub(v, 2, 33) == expected then
    redis.call('HSET', key, rotated, with_secret(v, head, tail))
    moved = 1
  end
end
local answer = { forgotten, raised, moved, #ended }
for _, part in ipairs(ended) do answer[#answer + 1] = part end
for _, part in ipairs(already) do answer[#answer + 1] = part end
return answer
