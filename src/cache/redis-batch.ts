/**
 * What is asked for in one turn of the event loop, in one round trip: an operation with fifty cached fields asks Redis
 * once, and so do fifty requests whose loads have ended together. What several ask for is asked for once.
 *
 * The tokens are read last. So they are never older than the values that are read with them, and what a write says of
 * them was true after it.
 */
import type { ChainableCommander } from 'ioredis';
import { replyOf, type RedisConnection, type Reply } from './redis-connection.ts';
import { addScript, confirmScript, type Script, type ScriptCall } from './redis-scripts.ts';
import type { EntryMark } from './store.ts';
import { endOfTurn } from './turn.ts';

/** Commands and tags that fill a batch; the next caller's go along in a batch of their own. One caller's stay together. */
const batchMax = 2_000;

export interface BatchParts {
  readonly connection: Pick<RedisConnection, 'redis' | 'runEach' | 'knownRunId' | 'runId'>;
  readonly tokenKey: (tag: string) => string;
}

/** Gives the batch that is open: what is asked of it without an `await` in between goes in one round trip. */
export function batchCalls(parts: BatchParts): () => Batch {
  let open: Batch | undefined;
  return () => {
    if (open?.isOpen !== true || open.size >= batchMax) open = new Batch(parts);
    return open;
  };
}

type Token = string | undefined;

/**
 * Each method that asks for something returns a function that gives what was answered, or throws the fault, and is called
 * once `answered` has resolved.
 */
export class Batch {
  readonly #parts: BatchParts;
  readonly #commands: ChainableCommander;
  readonly #byName = new Map<string, () => unknown[]>();
  readonly #sentTexts = new Set<Script>();
  readonly #marks: EntryMark[] = [];
  /** With their places in the answer. */
  readonly #tags = new Map<string, number>();
  /** Rejects where nothing was answered at all. */
  readonly answered: Promise<void>;
  #isOpen = true;
  #replies: readonly Reply[] = [];
  /** What `confirmScript` gives of all entries that are asked about. */
  #lives: Reply | undefined;
  /** In the order in which the tags came. */
  #tokens: readonly Reply[] = [];
  /** What a token begins with that was made on this run of the server. */
  #ofThisRun = '';

  constructor(parts: BatchParts) {
    this.#parts = parts;
    this.#commands = parts.connection.redis.pipeline();
    this.answered = endOfTurn().then(() => this.#send());
    this.answered.catch(() => {}); // said to each who waits for it
  }

  /** Whether it is still to be sent. */
  get isOpen(): boolean {
    return this.#isOpen;
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
  confirm(marks: readonly EntryMark[], isKnown: boolean): () => readonly number[] {
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

  #token(place: number): Token {
    const token = replyOf(this.#tokens[place]);
    return typeof token === 'string' && token.startsWith(this.#ofThisRun) ? token : undefined;
  }

  async #send(): Promise<void> {
    this.#isOpen = false;
    const { connection, tokenKey } = this.#parts;
    const livesAt = this.#commands.length;
    this.#addConfirm();
    const keys = [...this.#tags.keys()].map(tokenKey);
    if (keys.length > 0) this.#commands.mget(keys);
    this.#replies = await connection.runEach(this.#commands);
    this.#lives = this.#replies[livesAt];
    if (keys.length === 0) return;
    this.#ofThisRun = `${connection.knownRunId() ?? (await connection.runId())}.`;
    this.#tokens = eachOf(this.#replies.at(-1), keys) ?? (await this.#oneByOne(keys));
  }

  #addConfirm(): void {
    if (this.#marks.length === 0) return;
    const keys = this.#marks.map(({ key }) => key);
    const args = this.#marks.flatMap(({ head, textBytes }) => [head, textBytes]);
    addScript(this.#commands, confirmScript, { keys, args, isKnown: !this.#sentTexts.has(confirmScript) });
  }

  #oneByOne(keys: readonly string[]): Promise<Reply[]> {
    const commands = this.#parts.connection.redis.pipeline();
    for (const key of keys) commands.get(key);
    return this.#parts.connection.runEach(commands);
  }
}

/** The answers of MGET one by one. Undefined where it failed as a whole because an access list forbids one of the keys. */
function eachOf([fault, answer]: Reply = [null, []], keys: readonly string[]): Reply[] | undefined {
  if (fault === null) return (answer as (string | null)[]).map((token) => [null, token]);
  return fault.message.startsWith('NOPERM') ? undefined : keys.map(() => [fault, undefined]);
}
