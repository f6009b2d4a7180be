-- Returns the time at which a job has failed with a group; nothing where it has not, or with another one.
--- @include "_field"
local function failedIn(id, group)
  local at = typeOf('failed') == 'zset' and redis.call('ZSCORE', jobs .. 'failed', id)
  return at and string.match(fieldOf(id, 'failedReason'), '^{"group":"([%w_-]+)"') == group and at or nil
end
