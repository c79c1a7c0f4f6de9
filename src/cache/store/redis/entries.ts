/** The entries in Redis. A long one is read in two round trips. */
import { randomUUID } from 'node:crypto';
import type { AskBatch } from './batch.ts';
import type { RedisConnection } from './connection.ts';
import { anyEntryId, entryIdOf } from '../../entry/entry.ts';
import { changeKey, endAfter, firstBytes, leaseKey, longScript, removeScript, writeScript } from './scripts.ts';
import { propertiesKey, redisProperties, storeCall, storeScript } from './properties.ts';
import type { Store, StoreRead } from '../store.ts';
import { addReplaced, replacedKey } from './tracking.ts';

interface EntryParts {
  readonly inBatch: AskBatch;
  readonly connection: Pick<RedisConnection, 'wrote' | 'knownServerNowMs' | 'serverNowMs'>;
  readonly tokenPrefix: string;
  /** After twice this time, nothing waits for a reply any more. */
  readonly deadlineMs: number;
}

export function redisEntries(
  parts: EntryParts,
): Pick<Store, 'read' | 'readProperties' | 'replaceProperty' | 'confirm' | 'write' | 'remove'> {
  const { inBatch, tokenPrefix } = parts;
  const { wrote, knownServerNowMs, serverNowMs } = parts.connection;
  const readLong = (key: string, tags: readonly string[]): Promise<StoreRead> =>
    inBatch((batch, isKnown) => {
      const reply = batch.script(longScript, { keys: [key], args: [], isKnown });
      const tokens = batch.tokens(tags);
      return () => {
        const [text, remainingMs] = reply() as unknown[];
        return readOf(text, remainingMs, tokens());
      };
    });

  return {
    ...redisProperties(parts),

    read: (key, tags) =>
      inBatch((batch) => {
        const reading = batch.once(`read ${key}`, (commands) => commands.getrange(key, 0, firstBytes - 1).pttl(key));
        const tokens = batch.tokens(tags);
        return () => {
          const [text, remainingMs] = reading();
          return isLongEntry(text) ? readLong(key, tags) : readOf(text, remainingMs, tokens());
        };
      }),

    confirm: (entries, tags) =>
      inBatch((batch, isKnown) => {
        const lives = batch.confirm(entries, isKnown);
        const tokens = batch.tokens(tags);
        return () => ({ remainingMs: lives().map((life) => (life > 0 ? life : undefined)), tokens: tokens() });
      }),

    remove: (keys) => removeValues(keys, parts),

    async write(key, { text, properties, ttlMs, tags, changeId }) {
      const endMs = endAfter(ttlMs, knownServerNowMs() ?? (await serverNowMs()));
      return await inBatch((batch, isKnown) => {
        // A request that loads under a lease may have begun before this, and must not replace this value by an older one. If it
        // began later, that costs one more load.
        const keys = [key, leaseKey(key), changeKey(key)];
        const writing =
          properties !== undefined
            ? batch.script(storeScript, { ...storeCall(key, { text, properties, endMs, changeId }), isKnown })
            : changeId === undefined
              ? batch.run((commands) => commands.set(key, text, 'PXAT', endMs).del(leaseKey(key)))
              : batch.script(writeScript, { keys, args: [changeId, text, endMs], isKnown });
        const reporting = batch.run((commands) => addReplaced(commands, tokenPrefix, key));
        const tokens = batch.tokens(tags);
        return () => {
          const isStored = writing() !== 0; // throws if there was no room
          reporting();
          wrote();
          return isStored ? tokens() : undefined;
        };
      });
    },
  };
}

/** Removes values with their properties, and the leases of their keys; loads that run without a lease are not stored either. */
function removeValues(
  keys: readonly string[],
  { inBatch, connection: { wrote }, tokenPrefix }: EntryParts,
): Promise<number> {
  return inBatch((batch, isKnown) => {
    const removals = keys.map((key) => {
      const all = [key, leaseKey(key), propertiesKey(key), changeKey(key), replacedKey(tokenPrefix, key)];
      return batch.script(removeScript, { keys: all, args: [randomUUID()], isKnown });
    });
    return () => {
      const counts = removals.map((removal) => removal() as number);
      wrote();
      return counts.reduce((sum, removed) => sum + removed, 0);
    };
  });
}

function readOf(text: unknown, remainingMs: unknown, tokens: StoreRead['tokens']): StoreRead {
  const isAlive = typeof text === 'string' && typeof remainingMs === 'number' && remainingMs > 0;
  return { text: isAlive ? text : undefined, remainingMs: isAlive ? remainingMs : 0, tokens };
}

/** Whether `text`, read up to `firstBytes`, is the beginning of a longer entry. Its last character may be cut. */
function isLongEntry(text: unknown): boolean {
  if (typeof text !== 'string' || text.length < firstBytes / 4) return false;
  return Buffer.byteLength(text) >= firstBytes - 3 && entryIdOf(text) !== anyEntryId;
}
