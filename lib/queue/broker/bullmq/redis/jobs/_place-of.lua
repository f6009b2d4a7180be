-- A look for a job in a long list holds everybody up. Scripts are atomic, and each job lies in some place: one that lies
-- in no other waits. Only a script of BullMQ's that has stopped half-way leaves a job in none. Where few wait, a look
-- tells it from the rest.
--- @include "_places"
-- longest: of lists that are looked through.
local function placeOf(id, longest)
  for _, set in ipairs({ 'completed', 'failed', 'delayed', 'prioritized' }) do
    if typeOf(set) == 'zset' and redis.call('ZSCORE', jobs .. set, id) then return set end
  end
  if typeOf('active') == 'list' and redis.call('LPOS', jobs .. 'active', id) then return 'active' end
  if sizeOf('wait') + sizeOf('paused') > longest then return 'wait' end
  for _, list in ipairs({ 'wait', 'paused' }) do
    if typeOf(list) == 'list' and redis.call('LPOS', jobs .. list, id) then return list end
  end
  return 'unknown'
end
