/**
 * The Lua scripts: each runs as one atomic step. Those of a lease take the value as `KEYS[1]` and its lease as `KEYS[2]`, whose
 * text is the lease's id followed by its stamps digest. Some take more keys: the hash with the properties of the value (`properties.ts`),
 * and the id of the last change of the key, which loads without a lease compare.
 */
import { createHash } from 'node:crypto';
import type { ChainableCommander } from 'ioredis';
import { changeMs, textCharsMax } from '../store.ts';

/** The longest text, in UTF-8. */
export const textBytesMax = 3 * textCharsMax;
/** How much of a text is read before it is known to be an entry. */
export const firstBytes = 1_048_576;

/** Tokens, and a database's id with those it replaced, are shorter. No more of the text at their keys is read. */
export const tokenBytesMax = 128;

/** A report to memory tiers expires after this time. */
const reportMs = 1_000;

export interface Script {
  readonly text: string;
  readonly sha1: string;
}

/**
 * No script reads a value, token or lease that is longer than any that is written: another program may keep 150 MB at one of our
 * keys. Content that cannot be an entry, by its length or type, is removed before the load that replaces it.
 *
 * `ARGV`: the lease id, the stamps digest, the life of the lease, the id of the rejected entry, the id of the lease to take over,
 * `1` for `open` in any case. `KEYS[3]`: the change.
 * Foreign content at one of the keys counts as missing, and so does a value without an expiry, or a lease that expires later than
 * leases do, or stays open for more than a minute. A caller that has found something other than an entry (`*`) receives any entry.
 */
export const acquireScript = script(`
  ${changeId('KEYS[3]')}
  if ARGV[6] == '1' then return {'open', changeId} end
  local seen = ARGV[4]
  local length = redis.pcall('STRLEN', KEYS[1])
  if type(length) ~= 'number' or length > ${textBytesMax} then
    redis.pcall('UNLINK', KEYS[1])
    length = 0
  end
  local start = redis.call('GETRANGE', KEYS[1], 0, math.max(#seen, 24) - 1)
  local isEntry = string.find(start, '^{"id":"' .. string.rep('[%w_-]', 16) .. '"')
  local isOther = seen == '' or string.sub(start, 1, #seen) ~= seen
  if seen == '*' then isOther = isEntry end
  if isOther and (isEntry or length < ${firstBytes}) then
    local remaining = redis.call('PTTL', KEYS[1])
    if remaining > 0 then return {'value', redis.call('GET', KEYS[1]), remaining} end
  end
  local lease = redis.pcall('GETRANGE', KEYS[2], 0, 63)
  if type(lease) ~= 'string' then redis.pcall('UNLINK', KEYS[2]) end
  local life = redis.call('PTTL', KEYS[2])
  if lease == 'open' and life > 0 and life <= 60 * ARGV[3] then return {'open', changeId} end
  if lease == 'open' or life < 0 or life > 2 * ARGV[3] then lease = nil end
  local holder = type(lease) == 'string' and string.sub(lease, 1, #ARGV[1]) or ''
  if holder ~= '' and holder ~= ARGV[1] and holder ~= ARGV[5] then return {'taken', lease} end
  redis.call('SET', KEYS[2], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
  return {'held', changeId}`);

/**
 * `KEYS`: the value, its lease, the change. `ARGV`: the id of the change before the load, the value's text, the time at which it expires.
 * Returns 1 if it was stored.
 */
export const writeScript = script(`${unchangedOnly('KEYS[3]')}
  local stored = redis.pcall('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
  redis.call('DEL', KEYS[2])
  if stored.err then return stored end
  return 1`);

const heldOnly = `
  local lease = redis.pcall('GETRANGE', KEYS[2], 0, #ARGV[1] - 1)
  if lease ~= ARGV[1] then return 0 end`;

/**
 * `ARGV`: the lease id, the value's text, the time at which it expires. Returns 1 if it was stored. If the server has no room for
 * the value, the lease ends nevertheless, so that no request waits for it.
 */
export const fillScript = script(`${heldOnly}
  local stored = redis.pcall('SET', KEYS[1], ARGV[2], 'PXAT', ARGV[3])
  redis.call('DEL', KEYS[2])
  if stored.err then return stored end
  return 1`);

/** `ARGV`: the lease id, the life of the lease. */
export const renewScript = script(`${heldOnly}
  return redis.call('PEXPIRE', KEYS[2], ARGV[2])`);

/**
 * `ARGV`: the lease id, how long the lease stays open, `1` if the value is removed, with its properties (`KEYS[3]`); 0 removes the lease.
 */
export const releaseScript = script(`${heldOnly}
  if ARGV[3] == '1' then redis.call('UNLINK', KEYS[1], KEYS[3]) end
  if ARGV[2] == '0' then return redis.call('DEL', KEYS[2]) end
  redis.call('SET', KEYS[2], 'open', 'PX', ARGV[2])
  return 1`);

/**
 * The change of a key: its id, which is `ARGV[1]`, and the report to memory tiers. Redis allows these commands even when its memory is full,
 * because the script has already written.
 */
export const noteChange = (change: string, report: string): string => `
  redis.call('SET', ${change}, ARGV[1], 'PX', ${changeMs})
  redis.call('SET', ${report}, '', 'PX', ${reportMs})`;

/**
 * `KEYS`: the value, its lease, its hash, the change, the report. `ARGV`: the id of the change. In one step: a load from before can store
 * neither before its end, nor after. Returns the number of values removed.
 */
export const removeScript = script(`
  local removed = redis.call('UNLINK', KEYS[1])
  redis.call('UNLINK', KEYS[2], KEYS[3])
  ${noteChange('KEYS[4]', 'KEYS[5]')}
  return removed`);

/** `ARGV`: for each key, the entry id and the length of the text. Returns the remaining life, or -2 if the text is another one. */
export const confirmScript = script(`
  local lives = {}
  for i, key in ipairs(KEYS) do
    local start = ARGV[2 * i - 1]
    local isThere = redis.pcall('GETRANGE', key, 0, #start - 1) == start
    isThere = isThere and redis.pcall('STRLEN', key) == tonumber(ARGV[2 * i])
    lives[i] = isThere and redis.call('PTTL', key) or -2
  end
  return lives`);

/** `KEYS[1]`: a value of more than `firstBytes`. Returns its text and remaining life; nothing if it is longer than any stored value. */
export const longScript = script(`
  local length = redis.pcall('STRLEN', KEYS[1])
  if type(length) ~= 'number' or length > ${textBytesMax} then
    redis.pcall('UNLINK', KEYS[1])
    return {}
  end
  return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}`);

/** Returns the beginnings of the texts at `KEYS`, each of which is a whole token; empty if missing, or not a text. */
export const tokensScript = script(`
  local texts = {}
  for i, key in ipairs(KEYS) do
    local text = redis.pcall('GETRANGE', key, 0, ${tokenBytesMax - 1})
    texts[i] = type(text) == 'string' and text or ''
  end
  return texts`);

/**
 * Deletes a token, and notifies all processes that track it, whether or not it existed: Redis notifies of written keys only. It
 * allows the SET even when its memory is full, because the script has already written.
 */
const dropToken = (key: string): string => `
  redis.call('UNLINK', ${key})
  redis.call('SET', ${key}, '', 'PX', 1000)
  redis.call('DEL', ${key})`;

/** The tokens that one call of `dropScript` deletes, so that it does not delay other clients of Redis. */
export const tokensPerDrop = 100;

/** `KEYS`: tokens. */
export const dropScript = script(`
  for _, key in ipairs(KEYS) do
    ${dropToken('key')}
  end
  return 1`);

/**
 * `KEYS`: the id of a database, the token of everything. `ARGV`: the text of the id as it was read, the new one, its life. Drops
 * the token and sets the new id, unless another process has set one meanwhile; returns the id that is there then.
 */
export const beginScript = script(`
  local text = redis.pcall('GETRANGE', KEYS[1], 0, 127)
  if type(text) ~= 'string' or string.find(text, '[^%w_,-]') then text = '' end
  if text ~= ARGV[1] then return text end
  ${dropToken('KEYS[2]')}
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return ARGV[2]`);

/** Reads the id of a change. Foreign content counts as none. */
function changeId(key: string): string {
  return `
  local changeId = redis.pcall('GETRANGE', ${key}, 0, 63)
  if type(changeId) ~= 'string' then changeId = '' end`;
}

/** Returns 0 if another change than `ARGV[1]` was made. */
export function unchangedOnly(key: string): string {
  return `${changeId(key)}
  if changeId ~= ARGV[1] then return 0 end`;
}

/** One call of a script, by its hash, which the server may not know (yet, or any more). */
export interface ScriptCall {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  readonly isKnown: boolean;
}

/** Adds a call of `script` to a pipeline. */
export function addScript(
  commands: ChainableCommander,
  { text, sha1 }: Script,
  { keys, args, isKnown }: ScriptCall,
): ChainableCommander {
  const keysAndArgs = [keys.length, ...keys, ...args] as const;
  return isKnown ? commands.evalsha(sha1, ...keysAndArgs) : commands.eval(text, ...keysAndArgs);
}

/** The braces keep lease and value in one slot of a Cluster. The value's own key has none, so that people can read it. */
export function leaseKey(key: string): string {
  return `{${key}}:lease`;
}

export function changeKey(key: string): string {
  return `{${key}}:changed`;
}

export function script(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}

/** In milliseconds since 1970, rounded: Redis takes whole numbers. */
export function endAfter(ttlMs: number, nowMs: number): number {
  return Math.floor(nowMs + ttlMs);
}
