-- KEYS[2] begins our keys: `failures` has the groups of failures by the time of the last one, and `failure:` with a group its
-- jobs by the time of their ends. The group stands at the beginning of the memo of a failed job.
local ours = KEYS[2]

local function leaveGroup(id, memo)
  local group = string.match(memo, '^{"group":"([%w_-]+)"')
  if not group then return end
  local key = ours .. 'failure:' .. group
  redis.call('ZREM', key, id)
  if redis.call('EXISTS', key) == 0 then redis.call('ZREM', ours .. 'failures', group) end
end
