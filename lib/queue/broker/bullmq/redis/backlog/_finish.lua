-- Ends a job that was taken from its place, as BullMQ ends one that has failed: its record stays where it is, arguments
-- and all. KEYS[2] begins our keys. ARGV: now, reason as JSON, retention by task in milliseconds, as JSON.
--- @include "../jobs/_is-job"
--- @include "../ended/_bucket"
local ours, now, reason, retentions = KEYS[2], ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local events = redis.call('HGET', jobs .. 'meta', 'opts.maxLenEvents') or 10000
local ended, candidates = {}, {}

local function finish(id, place)
  local record = jobs .. id
  -- Deleted by hand, evicted, or never one: it would be listed until it is due.
  if not isJob(id) then return redis.call('DEL', record) end
  local fields = redis.call('HMGET', record, 'deid', 'failedReason', 'name')
  local key, before, own = fields[1], fields[2], retentions[fields[3] or '']
  local retention = own or retentions['*']
  local memo = '{"state":"cancelled","reason":' .. reason
  if before and before ~= '' then
    memo = memo .. ',"before":' .. cjson.encode(before)
    candidates[#candidates + 1] = id
  end
  memo = memo .. '}'
  redis.pcall('HINCRBY', record, 'atm', 1) -- fails where it is damaged
  redis.call('HSET', record, 'failedReason', memo, 'finishedOn', now)
  redis.call('ZADD', jobs .. 'failed', now, id)
  if own then redis.call('ZADD', ours .. 'kept', now + math.max(own, HANDLE_RETENTION), id) end
  if key then
    if redis.pcall('GET', jobs .. 'de:' .. key) == id then
      redis.call('DEL', jobs .. 'de:' .. key, jobs .. 'dn:' .. key)
    end
    if retention > 0 then
      local bucket = bucketOf(key)
      local last = redis.call('HGET', bucket, key)
      if not last or last <= id then redis.call('HSET', bucket, key, id) end
    end
  end
  redis.pcall('XADD', jobs .. 'events', 'MAXLEN', '~', events, '*', 'event', 'failed', 'jobId', id, 'failedReason', memo, 'prev', place)
  ended[#ended + 1] = id
end
