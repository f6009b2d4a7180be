import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { RedisLimiter } from '../../../../lib/queue/broker/bullmq/redis/redis-limiter.js';
import { ServerClock } from '../../../../lib/queue/broker/bullmq/server-clock.js';
import { resolveQueueOptions } from '../../../../lib/queue/queue-options.js';
import type { Limiters } from './limiter.js';

/**
 * Precedes each script, and replaces the commands that go by the time of the server with ones that go by the test's. A script
 * with a command of that kind that is not here fails.
 */
const VIRTUAL_TIME = `
local server, expiries = redis, KEYS[1] .. 'virtual-expiries'
local virtual = tonumber(server.call('GET', KEYS[1] .. 'virtual-now'))
for _, key in ipairs(server.call('ZRANGEBYSCORE', expiries, '-inf', virtual)) do
  server.call('DEL', key)
  server.call('ZREM', expiries, key)
end
local timed = {
  TIME = function()
    return { string.format('%d', math.floor(virtual / 1000)), string.format('%d', virtual % 1000 * 1000) }
  end,
  PEXPIRE = function(key, ttl)
    if server.call('EXISTS', key) == 0 then return 0 end
    server.call('ZADD', expiries, virtual + ttl, key)
    return 1
  end,
  PTTL = function(key)
    if server.call('EXISTS', key) == 0 then return -2 end
    local expiry = server.call('ZSCORE', expiries, key)
    return expiry and tonumber(expiry) - virtual or -1
  end,
  SET = function(key, value, px, ttl, nx)
    if px ~= 'PX' or nx ~= 'NX' then error('SET without PX and NX') end
    if server.call('EXISTS', key) == 1 then return false end
    server.call('ZADD', expiries, virtual + ttl, key)
    return server.call('SET', key, value)
  end,
}
for _, name in ipairs({ 'EXPIRE', 'EXPIREAT', 'PEXPIREAT', 'SETEX', 'PSETEX', 'TTL', 'PERSIST', 'GETEX', 'RENAME' }) do
  timed[name] = function() error(name .. ' goes by the time of the server') end
end
local redis = setmetatable({
  call = function(name, key, ...)
    if timed[name] then return timed[name](key, ...) end
    local reply = server.call(name, key, ...)
    -- A key that is empty is gone, and its expiry with it.
    if key and server.call('EXISTS', key) == 0 then server.call('ZREM', expiries, key) end
    return reply
  end,
}, { __index = server })
`;

class VirtualRedis extends Redis {
  override defineCommand(name: string, definition: { lua: string; numberOfKeys?: number }): void {
    super.defineCommand(name, { ...definition, lua: VIRTUAL_TIME + definition.lua });
  }
}

export async function openRedis(url: string, lease: number): Promise<Limiters> {
  const client = new VirtualRedis(url);
  const prefix = `t_${randomBytes(5).toString('hex')}`;
  // Nobody synchronizes it: a time of the server stays as it is.
  const clock = new ServerClock(() => Promise.reject(new Error('not here')));
  let queues = 0;
  return {
    open() {
      const name = `q${(queues += 1)}`;
      const options = resolveQueueOptions({ url, prefix, name, worker: { lease } });
      const limits = new RedisLimiter(client, options, clock);
      return Object.assign(limits, {
        // In order on one connection: what follows sees it.
        setTime: (now: number) => void client.set(`${prefix}:${name}/limits:virtual-now`, now),
        grant: (id: string, token: string) => client.set(`${prefix}:${name}:${id}:lock`, token),
      });
    },
    async close() {
      for await (const keys of client.scanStream({ match: `${prefix}:*`, count: 1_000 })) {
        if ((keys as string[]).length > 0) await client.unlink(...(keys as string[]));
      }
      await client.quit();
    },
  };
}
