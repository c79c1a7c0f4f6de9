/** The leases in Redis, and the writes that depend on them: each is one script, so that nothing comes in between. */
import type { AskBatch } from './batch.ts';
import type { RedisConnection } from './connection.ts';
import { propertiesKey, storeCall, storeScript } from './properties.ts';
import { acquireScript, changeKey, endAfter, fillScript, leaseKey, releaseScript, renewScript } from './scripts.ts';
import type { LeaseReply, Store } from '../store.ts';
import { addReplaced } from './tracking.ts';

interface LeaseParts {
  readonly tokenPrefix: string;
  readonly inBatch: AskBatch;
  readonly connection: Pick<RedisConnection, 'wrote' | 'knownServerNowMs' | 'serverNowMs'>;
}

export function redisLeases({
  inBatch,
  connection: { wrote, knownServerNowMs, serverNowMs },
  tokenPrefix,
}: LeaseParts): Pick<Store, 'acquire' | 'fill' | 'renew' | 'release'> {
  return {
    acquire: (key, { lease, stampsDigest, leaseMs, rejectedEntryId = '', takenOver = '', isUnleased, tags }) =>
      inBatch((batch, isKnown) => {
        const args = [lease, stampsDigest, leaseMs, rejectedEntryId, takenOver, isUnleased === true ? 1 : 0];
        const reply = batch.script(acquireScript, { keys: [...withLease(key), changeKey(key)], args, isKnown });
        const tokens = batch.tokens(tags);
        return () => {
          const [state, text = '', remainingMs = 0] = reply() as [LeaseReply['state'], string?, number?];
          if (state === 'held') wrote();
          return {
            state,
            text: state === 'value' ? text : undefined,
            remainingMs,
            holder: state === 'taken' ? holderIn(text, lease.length) : undefined,
            changeId: state === 'open' || state === 'held' ? text : '',
            tokens: tokens(),
          };
        };
      }),

    async fill(key, { lease, text, properties, ttlMs, tags, isReplacing }) {
      const endMs = endAfter(ttlMs, knownServerNowMs() ?? (await serverNowMs()));
      return await inBatch((batch, isKnown) => {
        const reply =
          properties === undefined
            ? batch.script(fillScript, { keys: withLease(key), args: [lease, text, endMs], isKnown })
            : batch.script(storeScript, { ...storeCall(key, { text, properties, endMs, lease }), isKnown });
        if (isReplacing === true) batch.run((commands) => addReplaced(commands, tokenPrefix, key));
        const tokens = batch.tokens(tags);
        return () => {
          const isStored = reply() === 1;
          if (isStored) wrote();
          return { isStored, tokens: tokens() };
        };
      });
    },

    renew: (key, { lease, leaseMs }) =>
      inBatch((batch, isKnown) => {
        const reply = batch.script(renewScript, { keys: withLease(key), args: [lease, leaseMs], isKnown });
        return () => void reply();
      }),

    release: (key, { lease, openMs, isRemoving }) =>
      inBatch((batch, isKnown) => {
        const args = [lease, openMs, isRemoving === true ? 1 : 0];
        const keys = isRemoving === true ? [...withLease(key), propertiesKey(key)] : withLease(key);
        const reply = batch.script(releaseScript, { keys, args, isKnown });
        if (isRemoving === true) batch.run((commands) => addReplaced(commands, tokenPrefix, key));
        return () => void reply();
      }),
  };
}

function withLease(key: string): readonly string[] {
  return [key, leaseKey(key)];
}

/** The id of the holder's lease, which is as long as every other one, and the digest after it. */
function holderIn(text: string, idLength: number): LeaseReply['holder'] {
  return { lease: text.slice(0, idLength), stampsDigest: text.slice(idLength) };
}
