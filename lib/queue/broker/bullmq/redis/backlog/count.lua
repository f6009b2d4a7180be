-- Counts executions that have not ended by task, a page with each call. ARGV: number of the place, how many of it were
-- looked at, how many to look at, for how many microseconds, now, and until when parked ones are delayed.
--
-- Returns the next place and position, 0 when all is counted, then for each task its name, how many are scheduled, wait,
-- are parked, run and are retried, and since when the first of those that wait is due, or -1.
--
-- Places come in the order in which jobs pass them, and lists from the end that is claimed first: a job that moves on
-- meanwhile may be counted twice, and none is left out for it.
--- @include "../jobs/_places"
--- @include "../_clock"
-- Scores of delayed jobs are their times with twelve bits for their order.
local SCORE = 4096
local SCHEDULED, WAITING, PARKED, RUNNING, RETRYING, OLDEST = 1, 2, 3, 4, 5, 6
local place, position, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local now, parked = tonumber(ARGV[5]), tonumber(ARGV[6])
local latest = clock() + tonumber(ARGV[4])

local names, counts = {}, {}
local function count(name, state, due)
  local of = counts[name]
  if not of then
    of = { 0, 0, 0, 0, 0, -1 }
    counts[name] = of
    names[#names + 1] = name
  end
  of[state] = of[state] + 1
  if due and (of[OLDEST] < 0 or due < of[OLDEST]) then of[OLDEST] = due end
end

-- Notes of the last run; none where they cannot be read. The decoder takes no half of a surrogate pair, which is the user's.
local function memoOf(text)
  if not text or string.sub(text, 1, 1) ~= '{' then return {} end
  local is_json, memo = pcall(cjson.decode, text)
  if not is_json then
    is_json, memo = pcall(cjson.decode, (string.gsub(string.gsub(text, '\\\\', ''), '\\u%x%x%x%x', '')))
  end
  return is_json and type(memo) == 'table' and memo or {}
end
local function numberIn(value)
  return type(value) == 'number' and value or nil
end
-- A quotation mark in a string of JSON has a backslash before it: only a property has the name.
local function addedFor(timestamp, opts)
  return (tonumber(timestamp) or 0) + (tonumber(string.match(opts or '', '"delay":(%d+)') or 0))
end

-- Nothing where no job has the id; it may have another type.
local function fieldsOf(id, wanted)
  local fields = redis.pcall('HMGET', jobs .. id, unpack(wanted))
  if fields.err or not (fields[1] or redis.call('EXISTS', jobs .. id) == 1) then return nil end
  return fields
end

local OF_DELAYED = { 'name', 'atm', 'failedReason' }
local OF_WAITING = { 'name', 'timestamp', 'opts', 'failedReason' }
local OF_ACTIVE = { 'name' }

local look = {
  delayed = function(id, score)
    local at = math.floor(score / SCORE)
    local fields = fieldsOf(id, OF_DELAYED)
    if not fields then return end
    local name = fields[1] or ''
    if at >= parked then return count(name, PARKED) end
    if at <= now then return count(name, WAITING, at) end
    local attempts = tonumber(fields[2]) or 0
    local before = attempts > 0 and numberIn(memoOf(fields[3]).attemptsBefore) or 0
    count(name, attempts > before and RETRYING or SCHEDULED)
  end,
  wait = function(id)
    local fields = fieldsOf(id, OF_WAITING)
    if not fields then return end
    count(fields[1] or '', WAITING, numberIn(memoOf(fields[4]).when) or addedFor(fields[2], fields[3]))
  end,
  active = function(id)
    local fields = fieldsOf(id, OF_ACTIVE)
    if fields then count(fields[1] or '', RUNNING) end
  end,
}
look.prioritized, look.paused = look.wait, look.wait

local PLACES = { 'delayed', 'prioritized', 'wait', 'paused', 'active' }
local looked = 0
local function hasTime()
  if looked > 0 and looked % 20 == 0 and clock() > latest then most = looked end
  return looked < most
end
while place <= #PLACES and hasTime() do
  local list = PLACES[place]
  local is_set = typeOf(list) == 'zset'
  local page, rest = {}, most - looked
  if sizeOf(list) > position then
    page = is_set and redis.call('ZRANGE', jobs .. list, position, position + rest - 1, 'WITHSCORES')
      or redis.call('LRANGE', jobs .. list, -position - rest, -position - 1)
  end
  local step = is_set and 2 or 1
  local size, taken = #page / step, 0
  while taken < size and hasTime() do
    if is_set then
      look[list](page[taken * 2 + 1], tonumber(page[taken * 2 + 2]))
    else
      look[list](page[size - taken])
    end
    taken, looked = taken + 1, looked + 1
  end
  if taken == size and size < rest then
    place, position = place + 1, 0
  else
    position = position + taken
  end
end

local answer = { place > #PLACES and 0 or place, position }
for _, name in ipairs(names) do
  answer[#answer + 1] = name
  for _, number in ipairs(counts[name]) do answer[#answer + 1] = number end
end
return answer
