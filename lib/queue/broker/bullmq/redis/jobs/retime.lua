-- Moves a delayed job to another time, and writes down its memo in the same step, which BullMQ's own call cannot.
-- KEYS: delayed, job. ARGV: id, expected memo, next memo, score, delay.
-- Returns 1 when the job was delayed with the expected memo.
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
if (redis.call('HGET', KEYS[2], 'failedReason') or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], 'failedReason', ARGV[3], 'delay', ARGV[5])
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
return 1
