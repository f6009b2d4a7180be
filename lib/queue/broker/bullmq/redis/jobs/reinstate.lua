-- A script of BullMQ's that stops in the middle leaves a job in none of its lists.
-- KEYS: active, completed, failed, job, lock. ARGV: id, token, lease.
if redis.call('EXISTS', KEYS[4]) == 0 then return 0 end
if redis.call('ZSCORE', KEYS[2], ARGV[1]) or redis.call('ZSCORE', KEYS[3], ARGV[1]) then return 0 end
if redis.call('LPOS', KEYS[1], ARGV[1]) then return 0 end
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('SET', KEYS[5], ARGV[2], 'PX', ARGV[3])
return 1
