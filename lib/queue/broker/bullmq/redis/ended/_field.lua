--- @include "../jobs/_types"
local function fieldOf(id, field)
  local value = redis.pcall('HGET', jobs .. id, field)
  return type(value) == 'string' and value or ''
end
