--- @include "../jobs/_types"
local function setOf(id)
  for _, set in ipairs({ 'completed', 'failed' }) do
    if typeOf(set) == 'zset' and redis.call('ZSCORE', jobs .. set, id) then return set end
  end
  return nil
end
