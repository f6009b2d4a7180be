-- ARGV: since, groups. Returns how many have failed in each since then, the times of the first and the last, and the id of
-- the last; false where there is none. Notes come before the moves of their jobs: the newest may have none yet, or never.
local jobs, ours = KEYS[1], KEYS[2]
local NEWEST = 50
local since, groups = ARGV[1], {}

local function count(key)
  local newest = redis.call('ZREVRANGE', key, 0, NEWEST - 1, 'WITHSCORES')
  local early = 0
  for at = 1, #newest, 2 do
    if redis.call('ZSCORE', jobs .. 'failed', newest[at]) then
      local all = redis.call('ZCOUNT', key, since, '+inf') - early
      if all <= 0 then return false end
      local first = redis.call('ZRANGEBYSCORE', key, since, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
      return { all, first[2], newest[at + 1], newest[at] }
    end
    if tonumber(newest[at + 1]) >= tonumber(since) then early = early + 1 end
  end
  return false
end

for at = 2, #ARGV do groups[#groups + 1] = count(ours .. 'failure:' .. ARGV[at]) end
return groups
