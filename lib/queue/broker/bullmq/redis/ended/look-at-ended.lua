-- Looks at jobs from the newest end on. ARGV: most jobs to return, most to look at, time and id to go on behind (the id may
-- be empty), earliest time, then conditions, each empty where there is none: states between commas, task, beginning of the
-- encoded key, text of the error as it stands in a memo, and worker.
--
-- Returns ids, time and id of the last job that was looked at, and whether there are more. What only the caller can check,
-- such as a key that is too long to be kept beside the job, is among the ids.
--- @include "_field"
--- @include "_state"
--- @include "_tired"
local limit, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local from, behind, since = ARGV[3], ARGV[4], tonumber(ARGV[5])
local states, task, prefix, needle, worker = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local PAGE = 200

local function isWanted(set, id)
  if states ~= '' and not (set == 'completed' and string.find(states, ',completed,', 1, true)) then
    if set == 'completed' then return false end
    if not string.find(states, ',' .. stateOf(fieldOf(id, 'failedReason')) .. ',', 1, true) then return false end
  end
  if task ~= '' and fieldOf(id, 'name') ~= task then return false end
  if worker ~= '' and fieldOf(id, 'pb') ~= worker then return false end
  if prefix ~= '' then
    local key = fieldOf(id, 'deid')
    if key == '' then key = id end
    if string.sub(key, 1, 2) ~= '%#' and string.sub(key, 1, #prefix) ~= prefix then return false end
  end
  if needle ~= '' then
    if set == 'completed' then return false end
    local memo = fieldOf(id, 'failedReason')
    if not string.find(memo, needle, 1, true) and not string.find(memo, '"before":', 1, true) then return false end
  end
  return true
end

-- Where a set goes on: behind the last job, or where its time would be.
local function open(set)
  local key = jobs .. set
  if typeOf(set) ~= 'zset' then return { set = set, at = 1, page = {} } end
  local rank = redis.call('ZCOUNT', key, '(' .. from, '+inf')
  if behind ~= '' and redis.call('ZSCORE', key, behind) == from then rank = redis.call('ZREVRANK', key, behind) + 1 end
  return { set = set, key = key, rank = rank, at = 1, page = {} }
end

local function head(one)
  if one.at > #one.page and one.key then
    one.page = redis.call('ZREVRANGE', one.key, one.rank, one.rank + PAGE - 1, 'WITHSCORES')
    one.rank, one.at = one.rank + PAGE, 1
    if #one.page == 0 then one.key = nil end
  end
  return one.page[one.at], tonumber(one.page[one.at + 1])
end

local sets = {}
if states == '' or string.find(states, ',completed,', 1, true) then sets[#sets + 1] = open('completed') end
if states == '' or states ~= ',completed,' then sets[#sets + 1] = open('failed') end
local found, last, lastId = {}, from, behind
while true do
  local best, id, score
  for _, one in ipairs(sets) do
    local nextId, nextScore = head(one)
    if nextId and (not best or nextScore > score or (nextScore == score and nextId > id)) then
      best, id, score = one, nextId, nextScore
    end
  end
  if not best or score < since then return { found, last, lastId, 0 } end
  if #found == limit then return { found, last, lastId, 1 } end
  local isTold = behind ~= '' and best.page[best.at + 1] == from and id >= behind
  last, lastId = best.page[best.at + 1], id
  best.at = best.at + 2
  if not isTold and isWanted(best.set, id) then found[#found + 1] = id end
  if isTired(most) then return { found, last, lastId, 1 } end
end
