/**
 * Identifies the database that the connection is in. SWAPDB replaces it without ending a connection and without notifying clients
 * that track keys; so does an address that leads to another server. This process has not invalidated the tokens there, so
 * invalidated values would count as valid again:
 *
 *   1. a value is stored in A,  2. SWAPDB: B replaces A,  3. its tag is invalidated, in B,  4. SWAPDB: A is back,
 *   with the value and the tokens that it was stamped with.
 *
 * So each database has a random id beside its tokens, which is read together with them. A process that finds another id than
 * before treats no token as valid. It invalidates everything in that database and gives it a new id, followed by the ids that it
 * replaces; so of several processes that notice the change, only the first one invalidates.
 */
import { randomBytes } from 'node:crypto';
import type { ChainableCommander } from 'ioredis';
import type { Clock } from '../../base/clock.ts';
import { replyOf, type RedisConnection } from './connection.ts';
import { addScript, beginScript } from './scripts.ts';
import { tokenTtlMs } from '../store.ts';
import { everythingTag, internalMark } from '../../tags/tags.ts';

const idBytes = 9;
const idChars = 12;
/** Their text must fit into `tokenBytesMax`. */
const predecessorsMax = 8;
/** How often a process tries to set a new id while others do the same. */
const attemptsMax = 5;

interface IdentityParts {
  readonly connection: Pick<RedisConnection, 'redis' | 'runEach'>;
  readonly clock: Clock;
  readonly tokenKey: (tag: string) => string;
}

export class DatabaseIdentity {
  readonly key: string;
  readonly #parts: IdentityParts;
  readonly #listeners = new Set<() => void>();
  #id: string | undefined;
  #renewedMs = -Infinity;

  constructor(parts: IdentityParts) {
    this.#parts = parts;
    this.key = parts.tokenKey(`${internalMark}db`);
  }

  /** Calls `listener` whenever another database has replaced the previous one. */
  readonly onChange = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Prolongs the life of the id when that is due; it lives as long as tokens do. */
  renew(commands: ChainableCommander): void {
    const nowMs = this.#parts.clock.nowMs();
    if (nowMs - this.#renewedMs < tokenTtlMs / 4) return;
    this.#renewedMs = nowMs;
    commands.pexpire(this.key, tokenTtlMs);
  }

  /** Whether `text`, read at `key`, is the id of the database that this process has worked in, or of one that succeeds it. */
  knows(text: string): boolean {
    const [id = '', ...predecessors] = text.split(',');
    if (id.length !== idChars) return false;
    if (id === this.#id) return true;
    if (this.#id !== undefined && !predecessors.includes(this.#id)) return false;
    this.#adopt(id);
    return true;
  }

  /** Invalidates everything in an unknown database, whose id was read as `text`. */
  async begin(text: string): Promise<void> {
    const { connection, tokenKey } = this.#parts;
    const keys = [this.key, tokenKey(everythingTag)];
    let seen = text;
    for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
      seen = /^[\w,-]*$/.test(seen) ? seen : '';
      const args = [seen, this.#successorOf(seen), tokenTtlMs];
      const commands = addScript(connection.redis.pipeline(), beginScript, { keys, args, isKnown: false });
      const [reply] = await connection.runEach(commands);
      seen = String(replyOf(reply));
      if (this.knows(seen)) return;
    }
  }

  #successorOf(text: string): string {
    const replaced = [this.#id ?? '', ...text.split(',')].filter((id) => id.length === idChars);
    return [randomBytes(idBytes).toString('base64url'), ...new Set(replaced)].slice(0, 1 + predecessorsMax).join(',');
  }

  #adopt(id: string): void {
    const isChange = this.#id !== undefined;
    this.#id = id;
    if (isChange) for (const listener of this.#listeners) listener();
  }
}
