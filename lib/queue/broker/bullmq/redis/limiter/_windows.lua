-- Rates, cooldowns and debounces of one execution: they go by time.

-- R27, R28, R29, R31, R32
local function debounce(limit)
  if attempt > 1 then return nil end
  local burstKey = base .. 'debounce:' .. limit.pool
  local burst = redis.call('HMGET', burstKey, 'firstAt', 'dueAt', 'last', 'passed')
  local firstAt, dueAt, last, passed = tonumber(burst[1]), tonumber(burst[2]), burst[3], burst[4]
  if passed and order <= passed then
    if order == passed then return nil end
    return 'never'
  end
  if last and order < last then return 'never' end
  if last ~= order then
    -- Where the last one has not come for so long after its time, it was lost, and with it the row that it ended.
    if not last or dueAt + tonumber(ARGV[11]) < now then firstAt = now end
    dueAt = now + limit.window
    if limit.maxWait then dueAt = math.min(dueAt, firstAt + limit.maxWait) end
    redis.call('HSET', burstKey, 'firstAt', firstAt, 'dueAt', dueAt, 'last', order)
    redis.call('PEXPIRE', burstKey, dueAt - now + limit.window + memory)
  end
  if dueAt <= now then return nil end
  return dueAt
end

-- R23
local function keepPlace(pool, at)
  redis.call('ZADD', base .. 'starts:' .. pool, at, own)
  local text = redis.call('HGET', base .. 'places', id)
  local pools = text and cjson.decode(text) or {}
  pools[pool] = own
  redis.call('HSET', base .. 'places', id, cjson.encode(pools))
  -- Whoever never comes back, since its rules have changed, is forgotten in time.
  local ttl = at - now + memory
  if redis.call('PTTL', base .. 'places') < ttl then redis.call('PEXPIRE', base .. 'places', ttl) end
end

-- R24
local function dropPlace(pool)
  local text = redis.call('HGET', base .. 'places', id)
  if not text then return end
  local pools = cjson.decode(text)
  pools[pool] = nil
  if next(pools) then redis.call('HSET', base .. 'places', id, cjson.encode(pools))
  else redis.call('HDEL', base .. 'places', id) end
end

-- R22, R23, R24
local function nextStart(limit)
  local starts = base .. 'starts:' .. limit.pool
  redis.call('ZREMRANGEBYSCORE', starts, '-inf', now - limit.per)
  local reserved = tonumber(redis.call('ZSCORE', starts, own) or nil)
  if reserved and reserved > now then return reserved end
  redis.call('ZREM', starts, own)
  local until_ = reserved and now or '+inf'
  local freeing = redis.call('ZREVRANGEBYSCORE', starts, until_, '-inf', 'WITHSCORES', 'LIMIT', limit.max - 1, 1)
  local at = freeing[2] and tonumber(freeing[2]) + limit.per
  if not at or at <= now then return nil end
  if not limit.refuses then
    keepPlace(limit.pool, at)
    redis.call('PEXPIRE', starts, at - now + limit.per + memory)
  end
  return at
end
