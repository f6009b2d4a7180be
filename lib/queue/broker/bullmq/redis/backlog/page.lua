-- Lists jobs that have not ended, in the order of their starts. ARGV: most jobs to return, most to look at, time for that in
-- microseconds, most bytes; number of a place, position or score in it, and id, to go on behind; places that are wanted,
-- between commas; least and greatest score of delayed ones; then conditions, each empty where there is none: task, beginning
-- of the encoded key, text of the error as it stands in a memo, worker, and `scheduled` or `retrying` of delayed ones.
--
-- Returns place, position or score, and id of the last job that was looked at, place 0 where no more follow, how many were
-- looked at, then id, place and fields of each job. What only the caller can check is among them.
--- @include "../jobs/_summary"
--- @include "../jobs/_places"
--- @include "../ended/_field"
--- @include "../_clock"
local PLACES = { 'active', 'wait', 'paused', 'prioritized', 'delayed' }
local limit, most, latest, largest = tonumber(ARGV[1]), tonumber(ARGV[2]), clock() + tonumber(ARGV[3]), tonumber(ARGV[4])
local place, order, behind = tonumber(ARGV[5]), ARGV[6], ARGV[7]
local wanted, least, greatest = ARGV[8], ARGV[9], tonumber(ARGV[10])
local task, prefix, needle, worker, kind = ARGV[11], ARGV[12], ARGV[13], ARGV[14], ARGV[15]
local PAGE = 200

local function isWanted(id, list)
  if task ~= '' and fieldOf(id, 'name') ~= task then return false end
  if worker ~= '' and fieldOf(id, 'pb') ~= worker then return false end
  if prefix ~= '' then
    local key = fieldOf(id, 'deid')
    if key == '' then key = id end
    if string.sub(key, 1, 2) ~= '%#' and string.sub(key, 1, #prefix) ~= prefix then return false end
  end
  if list == 'delayed' and kind ~= '' then
    local attempts = tonumber(fieldOf(id, 'atm')) or 0
    if kind == 'retrying' and attempts == 0 then return false end
    -- Attempts of earlier runs count for nothing, which only the memo tells.
    if kind == 'scheduled' and attempts > 0 and not string.find(fieldOf(id, 'failedReason'), '"attemptsBefore":', 1, true) then
      return false
    end
  end
  return needle == '' or string.find(fieldOf(id, 'failedReason'), needle, 1, true) ~= nil
end

local looked, bytes, found = 0, 0, {}
local function isTired()
  return looked >= most or bytes > largest or (looked > 0 and looked % 20 == 0 and clock() > latest)
end

-- First rank of a set behind the last job: where its score would be, if that has moved on.
local function rankIn(key, list)
  local rank = 0
  if order ~= '' then
    local score = behind ~= '' and redis.call('ZSCORE', key, behind)
    if score and tonumber(score) == tonumber(order) then
      rank = redis.call('ZRANK', key, behind) + 1
    else
      rank = redis.call('ZCOUNT', key, '-inf', '(' .. order)
    end
  end
  if list == 'delayed' then rank = math.max(rank, redis.call('ZCOUNT', key, '-inf', '(' .. least)) end
  return rank
end

-- Goes on in a place. Returns whether it was looked through.
local function walk(list)
  local key = jobs .. list
  local is_set = typeOf(list) == 'zset'
  if sizeOf(list) == 0 or not string.find(wanted, ',' .. list .. ',', 1, true) then return true end
  local position = is_set and rankIn(key, list) or tonumber(order) or 0
  while true do
    local page = is_set and redis.call('ZRANGE', key, position, position + PAGE - 1, 'WITHSCORES')
      or redis.call('LRANGE', key, -position - PAGE, -position - 1)
    local size = is_set and #page / 2 or #page
    if size == 0 then return true end
    for at = 1, size do
      -- The last one of a list comes first.
      local id = is_set and page[at * 2 - 1] or page[size + 1 - at]
      local score = is_set and page[at * 2]
      if list == 'delayed' and tonumber(score) > greatest then return true end
      if #found == limit or isTired() then return false end
      looked, position = looked + 1, position + 1
      order, behind = is_set and score or (position .. ''), id
      local fields = isWanted(id, list) and summaryOf(id)
      if fields then
        for _, value in ipairs(fields) do bytes = bytes + (value and #value or 0) end
        found[#found + 1] = { id, list, fields }
      end
    end
  end
end

while place <= #PLACES do
  if not walk(PLACES[place]) then return { place, order, behind, looked, found } end
  place, order, behind = place + 1, '', ''
end
return { 0, '', '', looked, found }
