/**
 * The tokens in Redis.
 *
 * A token begins with the id of the server run during which it was created, and counts as missing during any other run. A server
 * that restarts from an old dump has the tokens of that time, and with them values that were invalidated since; so has a replica
 * that takes over from a primary before it has received its last deletions.
 */
import { randomBytes } from 'node:crypto';
import type { ChainableCommander } from 'ioredis';
import type { AskBatch } from './batch.ts';
import type { RedisConnection } from './connection.ts';
import { dropScript, tokensPerDrop } from './scripts.ts';
import { tokenTtlMs, type Store } from '../store.ts';

interface TokenParts {
  readonly inBatch: AskBatch;
  readonly inOwnBatch: AskBatch;
  readonly connection: Pick<RedisConnection, 'runId' | 'wrote'>;
  readonly tokenKey: (tag: string) => string;
}

type AddCommands = (commands: ChainableCommander, key: string) => unknown;

export function redisTokens({
  inBatch,
  inOwnBatch,
  connection: { runId, wrote },
  tokenKey,
}: TokenParts): Pick<Store, 'tokens' | 'capture' | 'dropTokens'> {
  /** Runs the commands of `add` for the token of each tag; callers that use the same name in one tick share them. */
  const eachToken = (name: string, tags: readonly string[], add: AddCommands): Promise<unknown> =>
    inBatch((batch) => {
      const answers = tags.map((tag) => batch.once(`${name} ${tag}`, (commands) => add(commands, tokenKey(tag))));
      return () => answers.map((answer) => answer());
    });

  /** Keeps existing tokens and creates missing ones. */
  const captured = async (tags: readonly string[]): Promise<(string | undefined)[]> => {
    const ofThisRun = `${await runId()}.`;
    const [livesMs, tokens] = await inBatch((batch) => {
      const capturing = tags.map((tag) =>
        batch.once(`capture ${tag}`, (commands) => {
          const token = ofThisRun + randomBytes(16).toString('base64url');
          commands.set(tokenKey(tag), token, 'PX', tokenTtlMs, 'NX').pttl(tokenKey(tag));
        }),
      );
      const answer = batch.tokens(tags);
      return () => [capturing.map((reply) => Number(reply()[1])), answer()] as const;
    });
    if (tags.length > 0) wrote();
    // Rarely, not with each capture: Redis notifies all tracking clients of every EXPIRE of a token.
    const old = tags.filter((_, index) => Number(livesMs[index]) < tokenTtlMs / 2);
    if (old.length > 0) await eachToken('renew', old, (commands, key) => commands.pexpire(key, tokenTtlMs));
    return tokens;
  };

  return {
    tokens: (tags) => inBatch((batch) => batch.tokens(tags)),

    async capture(tags) {
      const tokens = await captured(tags);
      const lost = tags.filter((_, index) => tokens[index] === undefined);
      if (lost.length === 0) return tokens;
      // Evicted meanwhile, of another run, or foreign content at the key, which must never count as a token.
      await eachToken('drop', lost, (commands, key) => commands.unlink(key));
      return captured(tags);
    },

    async dropTokens(tags) {
      await inOwnBatch((batch) => {
        // By its text, which is short: an invalidation must not need a second round trip.
        const dropping = inParts(tags, tokensPerDrop).map((part) =>
          batch.script(dropScript, { keys: part.map(tokenKey), args: [], isKnown: false }),
        );
        // In another database than before, everything is invalidated before this call resolves.
        const database = batch.database();
        return () => {
          for (const dropped of dropping) dropped();
          database();
        };
      });
      wrote();
    },
  };
}

function inParts<T>(list: readonly T[], partMax: number): readonly (readonly T[])[] {
  const count = Math.ceil(list.length / partMax);
  return Array.from({ length: count }, (_, part) => list.slice(part * partMax, (part + 1) * partMax));
}
