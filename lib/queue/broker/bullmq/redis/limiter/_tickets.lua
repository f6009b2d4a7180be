-- Rules R1 to R32 stand in limit.ts, and are cited where they are kept.
-- The limiter's keys. KEYS[1] begins all of their keys, KEYS[2] those of BullMQ. ARGV[1] is the lease in all scripts.
--
-- tickets: a hash of executions that hold slots or wait for them: key, limits, token of the claim, line, since when it is due
-- slots:<pool>: who holds one, by the end of its lease; line:<pool>: who waits, by since when
-- pools, lines: which of these there are
-- starts:<pool>: starts and places kept for them, by time; places: who has such places, in which pools
-- cooldown:<pool>, debounce:<pool>
local base = KEYS[1]

local function ticketOf(id)
  local text = redis.call('HGET', base .. 'tickets', id)
  return text and cjson.decode(text)
end
