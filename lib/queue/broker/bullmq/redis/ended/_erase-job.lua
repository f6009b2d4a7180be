-- Our key `kept` has the jobs that are stored until a time of their own.
--- @include "_field"
--- @include "_bucket"
--- @include "_leave-group"
local function eraseJob(id, set)
  if set == 'failed' then leaveGroup(id, fieldOf(id, 'failedReason')) end
  local key = fieldOf(id, 'deid')
  if key ~= '' and redis.call('HGET', bucketOf(key), key) == id then redis.call('HDEL', bucketOf(key), key) end
  redis.call('ZREM', jobs .. set, id)
  redis.call('ZREM', ours .. 'kept', id)
  local record = jobs .. id
  redis.call('DEL', record, record .. ':logs', record .. ':dependencies', record .. ':processed', record .. ':failed', record .. ':unsuccessful')
end
