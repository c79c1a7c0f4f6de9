/**
 * What is asked for in one turn of the event loop, in one round trip: an operation with fifty cached fields asks Redis
 * once, and so do fifty requests whose loads have ended together. What several ask for is asked for once.
 *
 * The tokens are read last, together with the id of their database. So they are never older than the values that are read in the
 * same round trip, and those that a write returns were valid after it.
 */
import type { ChainableCommander } from 'ioredis';
import type { DatabaseIdentity } from './database-identity.ts';
import { CacheError } from '../../base/errors.ts';
import { isFault, replyOf, type RedisConnection, type Reply } from './connection.ts';
import { addScript, confirmScript, tokenBytesMax, tokensScript, type Script, type ScriptCall } from './scripts.ts';
import type { EntryVersion } from '../../entry/entry-ref.ts';
import { endOfTick } from '../../base/tick.ts';

/** Commands and tags that fill a batch; the next caller's go along in a batch of their own. One caller's stay together. */
const batchMax = 2_000;
const noReply: Reply = [null, undefined];

export interface BatchParts {
  readonly connection: Pick<RedisConnection, 'redis' | 'runEach' | 'knownRunId' | 'runId'>;
  readonly identity: Pick<DatabaseIdentity, 'key' | 'knows' | 'begin' | 'renew'>;
  readonly tokenKey: (tag: string) => string;
}

/**
 * Asks of the batch that is open.
 *
 * @param add Adds what is asked, scripts by their hashes, or by their texts where the server turned out not to know them.
 *   What is added without an `await` in between goes in one round trip.
 * @returns What the function gives that `add` returns.
 */
export type AskBatch = <T>(add: (batch: Batch, isKnown: boolean) => () => T | Promise<T>) => Promise<T>;

/** `askedAtOnce` asks in a round trip of its own, which is sent before that of this turn. */
export function batchCalls(parts: BatchParts): { readonly asked: AskBatch; readonly askedAtOnce: AskBatch } {
  let open: { readonly batch: Batch; readonly turn: Promise<void> } | undefined;
  const openBatch = (): Batch => {
    const turn = endOfTick();
    // Who asks when a turn is over, and its batch about to be sent, is of the next turn: so `lease.ts` counts him.
    if (open?.turn === turn && open.batch.size < batchMax) return open.batch;
    const batch = new Batch(parts, turn, () => {
      if (open?.batch === batch) open = undefined; // its replies may be large
    });
    open = { batch, turn };
    return batch;
  };
  const batchAtOnce = (): Batch => new Batch(parts, Promise.resolve(), () => {});
  return { asked: asking(openBatch), askedAtOnce: asking(batchAtOnce) };
}

function asking(batchFor: () => Batch): AskBatch {
  return async (add) => {
    const batch = batchFor();
    const answer = add(batch, true);
    await batch.answered;
    try {
      return answer();
    } catch (error) {
      if (!isScriptUnknown(error)) throw error;
    }
    const next = batchFor();
    const itsAnswer = add(next, false);
    await next.answered;
    return itsAnswer();
  };
}

function isScriptUnknown(error: unknown): boolean {
  return error instanceof CacheError && error.message.startsWith('NOSCRIPT');
}

type Token = string | undefined;

/**
 * Each method that asks for something returns a function, to be called after `answered` has resolved: it gives what was
 * answered, or throws the fault.
 */
export class Batch {
  readonly #parts: BatchParts;
  readonly #commands: ChainableCommander;
  readonly #byName = new Map<string, () => unknown[]>();
  readonly #sentTexts = new Set<Script>();
  readonly #marks: EntryVersion[] = [];
  /** With their places in the answer. */
  readonly #tags = new Map<string, number>();
  /** Rejects where nothing was answered at all. */
  readonly answered: Promise<void>;
  #replies: readonly Reply[] = [];
  /** What `confirmScript` gives of all entries that are asked about. */
  #lives: Reply | undefined;
  /** In the order in which the tags came. */
  #tokens: readonly Reply[] = [];
  /** What a token begins with that was made on this run of the server. */
  #runPrefix = '';
  #asksDatabase = false;
  /** Whether the tokens are those of the database that this process has worked in. */
  #isKnownDatabase = false;

  /** @param onSend Nothing may come to it any more, once `isDue` has resolved. */
  constructor(parts: BatchParts, isDue: Promise<void>, onSend: () => void) {
    this.#parts = parts;
    this.#commands = parts.connection.redis.pipeline();
    this.answered = isDue.then(() => {
      onSend();
      return this.#send();
    });
    this.answered.catch(() => {}); // said to each who waits for it
  }

  get size(): number {
    return this.#commands.length + this.#marks.length + this.#tags.size;
  }

  /** The answers to the commands that `add` adds, or the first fault among them. */
  run(add: (commands: ChainableCommander) => unknown): () => unknown[] {
    const first = this.#commands.length;
    add(this.#commands);
    const end = this.#commands.length;
    return () => this.#replies.slice(first, end).map(replyOf);
  }

  /** The same, run once for all who name it alike. */
  once(name: string, add: (commands: ChainableCommander) => unknown): () => unknown[] {
    const answers = this.#byName.get(name) ?? this.run(add);
    this.#byName.set(name, answers);
    return answers;
  }

  /** What `script` gives. Its text is sent once where the server does not know it, and by its hash from then on. */
  script(script: Script, { isKnown, ...call }: ScriptCall): () => unknown {
    const isSent = isKnown || this.#sentTexts.has(script);
    if (!isSent) this.#sentTexts.add(script);
    const answers = this.run((commands) => addScript(commands, script, { ...call, isKnown: isSent }));
    return () => answers()[0];
  }

  /** What is left of the lives of these entries, as `confirmScript` tells: one run of it for all who ask. */
  confirm(marks: readonly EntryVersion[], isKnown: boolean): () => readonly number[] {
    if (!isKnown) this.#sentTexts.add(confirmScript);
    const first = this.#marks.length;
    this.#marks.push(...marks);
    return () => (marks.length === 0 ? [] : (replyOf(this.#lives) as number[]).slice(first, first + marks.length));
  }

  /** The tokens of `tags`, after all that is run; those of other runs of the server are none. */
  tokens(tags: readonly string[]): () => Token[] {
    const places = tags.map((tag) => {
      const place = this.#tags.get(tag) ?? this.#tags.size;
      this.#tags.set(tag, place);
      return place;
    });
    return () => places.map((place) => this.#token(place));
  }

  /** Whether all that is run is run in the database that this process has worked in; where it is not, nothing there is valid. */
  database(): () => boolean {
    this.#asksDatabase = true;
    return () => this.#isKnownDatabase;
  }

  #token(place: number): Token {
    const token = replyOf(this.#tokens[place]);
    if (!this.#isKnownDatabase) return undefined;
    return typeof token === 'string' && token.startsWith(this.#runPrefix) ? token : undefined;
  }

  async #send(): Promise<void> {
    const { connection, identity, tokenKey } = this.#parts;
    const livesAt = this.#commands.length;
    this.#addConfirm();
    const keys = [identity.key, ...[...this.#tags.keys()].map(tokenKey)];
    const isAsked = this.#tags.size > 0 || this.#asksDatabase;
    if (isAsked) {
      identity.renew(this.#commands);
      addScript(this.#commands, tokensScript, { keys, args: [], isKnown: true });
    }
    this.#replies = await connection.runEach(this.#commands);
    if (this.#marks.length > 0) this.#lives = this.#replies[livesAt];
    if (!isAsked) return;
    this.#runPrefix = `${connection.knownRunId() ?? (await connection.runId())}.`;
    const [database = noReply, ...tokens] = await this.#texts(this.#replies.at(-1), keys);
    const isUnknown = isFault(database);
    this.#tokens = isUnknown ? tokens.map(() => database) : tokens;
    if (!isUnknown) await this.#recognise(replyOf(database));
  }

  async #recognise(answer: unknown): Promise<void> {
    const { identity } = this.#parts;
    const text = typeof answer === 'string' ? answer : '';
    this.#isKnownDatabase = identity.knows(text);
    // Where it takes no writes, its tokens stay invalid for this process.
    if (!this.#isKnownDatabase) await identity.begin(text).catch(() => {});
  }

  /** The texts one by one; `reply` is that of `tokensScript`. */
  async #texts(reply: Reply | undefined, keys: readonly string[]): Promise<readonly Reply[]> {
    const [fault, answer] = reply ?? [null, []];
    if (fault === null) return (answer as string[]).map((text) => [null, text]);
    // An access list that forbids one of the keys forbids the script.
    const isForbidden = fault.message.startsWith('NOPERM');
    if (!isForbidden && !fault.message.startsWith('NOSCRIPT')) return keys.map(() => [fault, undefined]);
    const commands = this.#parts.connection.redis.pipeline();
    if (!isForbidden) addScript(commands, tokensScript, { keys, args: [], isKnown: false });
    else for (const key of keys) commands.getrange(key, 0, tokenBytesMax - 1);
    const replies = await this.#parts.connection.runEach(commands);
    return isForbidden ? replies : this.#texts(replies[0], keys);
  }

  #addConfirm(): void {
    if (this.#marks.length === 0) return;
    const keys = this.#marks.map(({ key }) => key);
    const args = this.#marks.flatMap(({ entryId: head, textBytes }) => [head, textBytes]);
    addScript(this.#commands, confirmScript, { keys, args, isKnown: !this.#sentTexts.has(confirmScript) });
  }
}
