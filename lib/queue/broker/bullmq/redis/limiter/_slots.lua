--- @include "_take"
local woken, freed = {}, {}

-- R10
-- Those who have got a slot come first in BullMQ's queue, since others wait for it: at its end they would hold it for
-- as long as everything before them takes. BullMQ can do so only for jobs that wait already, and looks through all of
-- them. Where its keys are not what they were when this was written, promote() is left to do it.
local function putFirst(id)
  local wait = KEYS[2] .. 'wait'
  local kind = redis.call('TYPE', wait).ok
  if kind ~= 'list' and kind ~= 'none' then return false end
  if redis.call('TYPE', KEYS[2] .. 'delayed').ok ~= 'zset' then return false end
  if redis.call('ZREM', KEYS[2] .. 'delayed', id) == 0 then return false end
  redis.call('RPUSH', wait, id)
  redis.call('HSET', KEYS[2] .. id, 'delay', 0)
  redis.call('ZADD', KEYS[2] .. 'marker', 0, '0')
  return redis.call('HGET', KEYS[2] .. id, 'ats') or '0'
end

-- R10
local function wake(id, ticket)
  woken[#woken + 1] = id
  woken[#woken + 1] = ticket.key
  woken[#woken + 1] = putFirst(id) or ''
end

-- R10, R11
local function isGranted(ticket)
  return not ticket.token and not ticket.line
end

-- R20
local function tidy(pool)
  if redis.call('EXISTS', base .. 'line:' .. pool) == 0 then
    redis.call('SREM', base .. 'lines', pool)
    if redis.call('EXISTS', base .. 'slots:' .. pool) == 0 then redis.call('SREM', base .. 'pools', pool) end
  end
end

local function quitLine(id, ticket)
  if not ticket.line then return end
  redis.call('ZREM', base .. 'line:' .. ticket.line, id)
  tidy(ticket.line)
  ticket.line = nil
end

-- R8
local function lineUp(id, ticket, pool)
  ticket.line = pool
  redis.call('ZADD', base .. 'line:' .. pool, ticket.number, id)
  redis.call('SADD', base .. 'lines', pool)
  redis.call('SADD', base .. 'pools', pool)
  save(id, ticket)
end

local function vacate(id, ticket)
  quitLine(id, ticket)
  redis.call('HDEL', base .. 'tickets', id)
  for _, limit in ipairs(ticket.limits) do
    redis.call('ZREM', base .. 'slots:' .. limit[1], id)
    tidy(limit[1])
  end
end

-- R18
local function expire(pool)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', base .. 'slots:' .. pool, '-inf', now)) do
    local ticket = ticketOf(id)
    if not ticket then
      redis.call('ZREM', base .. 'slots:' .. pool, id)
      tidy(pool)
    elseif isGranted(ticket) then
      take(id, ticket)
      wake(id, ticket)
    else
      vacate(id, ticket)
      for _, limit in ipairs(ticket.limits) do
        if limit[1] ~= pool then freed[#freed + 1] = limit[1] end
      end
    end
  end
end

-- R6
local function hasRoom(limit)
  local slots = base .. 'slots:' .. limit[1]
  if redis.call('ZCARD', slots) < limit[2] then return true end
  expire(limit[1])
  return redis.call('ZCARD', slots) < limit[2]
end

-- R6
local function fullOf(limits)
  for _, limit in ipairs(limits) do
    if not hasRoom(limit) then return limit[1] end
  end
  return nil
end

-- R9
local function serve(pool)
  while true do
    local id = redis.call('ZRANGE', base .. 'line:' .. pool, 0, 0)[1]
    if not id then return end
    local ticket = ticketOf(id)
    if not ticket then
      redis.call('ZREM', base .. 'line:' .. pool, id)
      tidy(pool)
    else
      local full = fullOf(ticket.limits)
      if full == pool then return end
      quitLine(id, ticket)
      if full then
        lineUp(id, ticket, full)
      else
        take(id, ticket)
        save(id, ticket)
        wake(id, ticket)
      end
    end
  end
end

-- R14
-- Whose slots a dead holder had beside those that were looked at.
local function serveFreed()
  while #freed > 0 do serve(table.remove(freed)) end
end
