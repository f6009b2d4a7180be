-- Fields of a job for a list, without its data and its result. Of a long memo it is the beginning: arguments of the next run
-- stand at its end. Of a key that is too long for `deid` it is the part of the data that has it: arguments stand before it, and
-- no text in them has an unescaped quotation mark. Nothing where no job has the id.
--- @include "_is-job"
local SUMMARY = { 'name', 'opts', 'progress', 'priority', 'timestamp', 'ats', 'atm', 'stc', 'processedOn', 'finishedOn', 'pb', 'deid' }
local LONGEST_MEMO, LONGEST_KEY = 65536, 8192

local function summaryOf(id)
  if not isJob(id) then return nil end
  local fields = redis.call('HMGET', jobs .. id, unpack(SUMMARY))
  local memo = redis.call('HGET', jobs .. id, 'failedReason')
  fields[#SUMMARY + 1] = memo and string.sub(memo, 1, LONGEST_MEMO)
  fields[#SUMMARY + 2] = false
  if fields[#SUMMARY] and string.sub(fields[#SUMMARY], 1, 2) == '%#' then
    local data = redis.call('HGET', jobs .. id, 'data') or ''
    local at = string.find(data, '","key":"', 1, true)
    if at then fields[#SUMMARY + 2] = string.sub(data, at + 2, at + LONGEST_KEY) end
  end
  return fields
end
