-- Removes a part of the jobs that have ended in a state, but for those that are stored until a time of their own.
-- ARGV: state, times from and to, how many of the first to leave out, most to look at.
-- Returns the time to go on from, and how many of that to leave out; false when there are no more.
--- @include "_erase-job"
--- @include "_state"
--- @include "_tired"
local state, from, to, skip, most = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local set = state == 'completed' and state or 'failed'
if typeOf(set) ~= 'zset' then return false end
local page = redis.call('ZRANGEBYSCORE', jobs .. set, from, to, 'WITHSCORES', 'LIMIT', skip, most)
for at = 1, #page, 2 do
  local id, score = page[at], page[at + 1]
  if score ~= from then from, skip = score, 0 end
  local isOurs = set == 'completed' or stateOf(fieldOf(id, 'failedReason')) == state
  if isOurs and not redis.call('ZSCORE', ours .. 'kept', id) then
    eraseJob(id, set)
  else
    skip = skip + 1
  end
  if isTired(most) then return { from, skip } end
end
if #page < 2 * most then return false end
return { from, skip }
