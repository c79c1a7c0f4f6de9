// A store that is faulty on demand: a real store whose calls the test lets through, fails or delays.
import {
  CacheError,
  createMemoryStore,
  type LeaseRequest,
  type Store,
  type StoreWrite,
} from '../../../src/cache/index.ts';
import { newWorld, type World } from '../world.ts';

/** Both `mute` and `silent` reply only after `answerAll`: `mute` runs the call immediately, `silent` only then. */
export type Health = 'well' | 'failing' | 'refusing' | 'full' | 'silent' | 'mute';

export class FaultyStore implements Store {
  health: Health = 'well';
  /** The names of the received calls, in order. */
  readonly calls: string[] = [];
  /** Called with the name of each call before it runs. */
  onCall: (call: string) => void = () => {};
  readonly #store: Store;
  readonly #faultyCalls: ReadonlySet<string> | undefined;
  readonly #held: (() => void)[] = [];

  /** @param faultyCalls The calls that `health` affects. Default: all. */
  constructor(store: Store, faultyCalls?: readonly string[]) {
    this.#store = store;
    this.#faultyCalls = faultyCalls === undefined ? undefined : new Set(faultyCalls);
  }

  get namespace(): string {
    return this.#store.namespace;
  }
  get tier(): Store['tier'] {
    return this.#store.tier;
  }

  /** Replies to the calls that were held back. */
  answerAll(): void {
    for (const reply of this.#held.splice(0)) reply();
  }

  read(key: string, tags: readonly string[]): ReturnType<Store['read']> {
    return this.#through('read', () => this.#store.read(key, tags));
  }
  readProperties(...args: Parameters<Required<Store>['readProperties']>): ReturnType<Store['read']> {
    return this.#through('readProperties', () => propertiesOf(this.#store).readProperties(...args));
  }
  replaceProperty(...args: Parameters<Required<Store>['replaceProperty']>): Promise<boolean> {
    return this.#through('replaceProperty', () => propertiesOf(this.#store).replaceProperty(...args));
  }
  confirm(...args: Parameters<Store['confirm']>): ReturnType<Store['confirm']> {
    return this.#through('confirm', () => this.#store.confirm(...args));
  }
  tokens(tags: readonly string[]): ReturnType<Store['tokens']> {
    return this.#through('tokens', () => this.#store.tokens(tags));
  }
  capture(tags: readonly string[]): ReturnType<Store['capture']> {
    return this.#through('capture', () => this.#store.capture(tags));
  }
  remove(keys: readonly string[]): ReturnType<Store['remove']> {
    return this.#through('remove', () => this.#store.remove(keys));
  }
  write(key: string, write: StoreWrite): ReturnType<Store['write']> {
    return this.#through('write', () => this.#store.write(key, write));
  }
  acquire(key: string, request: LeaseRequest): ReturnType<Store['acquire']> {
    return this.#through('acquire', () => this.#store.acquire(key, request));
  }
  fill(key: string, write: StoreWrite & { readonly lease: string }): ReturnType<Store['fill']> {
    return this.#through('fill', () => this.#store.fill(key, write));
  }
  renew(...args: Parameters<Store['renew']>): Promise<void> {
    return this.#through('renew', () => this.#store.renew(...args));
  }
  release(...args: Parameters<Store['release']>): Promise<void> {
    return this.#through('release', () => this.#store.release(...args));
  }
  dropTokens(tags: readonly string[]): Promise<void> {
    return this.#through('dropTokens', () => this.#store.dropTokens(tags));
  }
  clear(): Promise<number> {
    return this.#through('clear', () => this.#store.clear());
  }
  getData(name: string): ReturnType<Store['getData']> {
    return this.#through('getData', () => this.#store.getData(name));
  }
  setData(name: string, text: string): Promise<void> {
    return this.#through('setData', () => this.#store.setData(name, text));
  }
  usage(): ReturnType<Store['usage']> {
    return this.#through('usage', () => this.#store.usage());
  }
  ping(): Promise<void> {
    return this.#through('ping', () => this.#store.ping());
  }
  close(): Promise<void> {
    return this.#store.close();
  }

  #through<T>(call: string, run: () => Promise<T>): Promise<T> {
    this.calls.push(call);
    this.onCall(call);
    const isFaulty = this.#faultyCalls?.has(call) ?? true;
    if (this.health === 'well' || !isFaulty) return run();
    if (this.health === 'failing') return Promise.reject(new Error(`${call}: the store is faulty`));
    if (this.health === 'full') return Promise.reject(new CacheError('STORE_FULL', `${call}: no room`));
    if (this.health === 'refusing') return Promise.reject(new CacheError('STORE_REFUSED', `${call}: no`));
    const done = this.health === 'mute' ? run() : undefined;
    return new Promise((resolve) => {
      this.#held.push(() => resolve(done ?? run()));
    });
  }
}

/** Every store of this project keeps properties. */
function propertiesOf(store: Store): Required<Store> {
  return store as Required<Store>;
}

export interface FaultyWorld extends World {
  readonly faulty: FaultyStore;
}

/** A world on such a store, which works until the test sets `health`. */
export async function newFaultyWorld(faultyCalls?: readonly string[]): Promise<FaultyWorld> {
  const faulty = new FaultyStore(createMemoryStore({ namespace: 'shop' }), faultyCalls);
  return { ...(await newWorld(faulty)), faulty };
}
