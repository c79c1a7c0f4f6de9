/**
 * The lease's Lua scripts: each is one step that nobody comes between. `KEYS[1]` is the value, `KEYS[2]` its lease, whose
 * text is the holder's token and then what his load stands on.
 */
import { createHash } from 'node:crypto';
import type { ChainableCommander } from 'ioredis';

export interface Script {
  readonly text: string;
  readonly sha1: string;
}

/** `ARGV`: the token, what the load stands on, the lease's life, the head of the value that was seen. */
export const acquireScript = script(`
  local value = redis.pcall('GET', KEYS[1])
  local seen = ARGV[4]
  if type(value) == 'string' and seen ~= '*' and (seen == '' or string.sub(value, 1, #seen) ~= seen) then
    return {'value', value, redis.call('PTTL', KEYS[1])}
  end
  local lease = redis.call('GET', KEYS[2])
  if lease == 'open' then return {'open'} end
  if lease and string.sub(lease, -#ARGV[2]) == ARGV[2] then return {'taken'} end
  redis.call('SET', KEYS[2], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
  return {'held'}`);

/** `ARGV`: the token, the value's text, the time of its end. 1: stored. */
export const fillScript = script(`
  if string.sub(redis.call('GET', KEYS[2]) or '', 1, #ARGV[1]) ~= ARGV[1] then return 0 end
  redis.call('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
  redis.call('DEL', KEYS[2])
  return 1`);

/** `ARGV`: the token, the lease's life. */
export const renewScript = script(`
  if string.sub(redis.call('GET', KEYS[2]) or '', 1, #ARGV[1]) ~= ARGV[1] then return 0 end
  return redis.call('PEXPIRE', KEYS[2], ARGV[2])`);

/** `ARGV`: the token, for how long the lease stays open; 0: it goes. */
export const releaseScript = script(`
  if string.sub(redis.call('GET', KEYS[2]) or '', 1, #ARGV[1]) ~= ARGV[1] then return 0 end
  if ARGV[2] == '0' then return redis.call('DEL', KEYS[2]) end
  redis.call('SET', KEYS[2], 'open', 'PX', ARGV[2])
  return 1`);

/** Puts a run of `script` into a pipeline: by its hash, or by its text where the server does not know it (yet, any more). */
export function addScript(
  commands: ChainableCommander,
  { text, sha1 }: Script,
  { key, args, isKnown }: { key: string; args: readonly (string | number)[]; isKnown: boolean },
): ChainableCommander {
  const keysAndArgs = [2, key, leaseKey(key), ...args] as const;
  return isKnown ? commands.evalsha(sha1, ...keysAndArgs) : commands.eval(text, ...keysAndArgs);
}

/** In the slot of the value, in a Cluster; the value's own key has no braces, so that people can read it. */
export function leaseKey(key: string): string {
  return `{${key}}:lease`;
}

function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}
