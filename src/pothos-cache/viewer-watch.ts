/** Which properties of a context identify the viewer, and that a resolver reads one of them. */
import { noteViewerRead } from '../cache/index.ts';
import type { PluginOptions } from './types.ts';
import { unawaited } from './unawaited.ts';
import { pauseReads, resumeReads, watchContext } from './watched-context.ts';

type Name = string | symbol;

/** What programs usually call it, and what it is derived from. */
const usualNames = ['user', 'currentUser', 'viewer', 'session', 'auth', 'account', 'request', 'req', 'headers'];

export class ViewerWatch<Context> {
  readonly #names: Set<Name>;
  readonly #isDeclared: boolean;
  readonly #viewerOf: PluginOptions<Context>['viewer'];
  /** Contexts that the viewer has been read from. */
  readonly #learned = new WeakSet<object>();

  constructor({ viewer, viewerProperties }: Pick<PluginOptions<Context>, 'viewer' | 'viewerProperties'>) {
    this.#isDeclared = viewerProperties !== undefined;
    this.#names = new Set(viewerProperties ?? usualNames);
    this.#viewerOf = viewer;
  }

  /**
   * Watches what the load that begins here reads of `context`. Where that cannot be watched, the load counts as one that
   * reads the viewer.
   */
  begin(context: Context): void {
    if (this.#names.size === 0 || context === undefined || context === null) return;
    if (typeof context !== 'object' && typeof context !== 'function') {
      if (!this.#isDeclared) noteViewerRead('the context itself');
      return;
    }
    if (!this.#isDeclared) this.#learn(context);
    if (!watchContext(context, this.#names)) noteViewerRead('a context that cannot be watched (frozen or sealed)');
  }

  /** What `viewer` reads may differ between requests: each adds to what the others have shown. */
  #learn(context: Context & object): void {
    if (this.#viewerOf === undefined || this.#learned.has(context)) return;
    this.#learned.add(context);
    for (const name of namesReadBy(this.#viewerOf, context)) this.#names.add(name);
  }
}

/** The properties of `context` that `viewer` reads. */
function namesReadBy<Context extends object>(viewer: (context: Context) => unknown, context: Context): Set<Name> {
  const names = new Set<Name>();
  const before = pauseReads();
  try {
    // Methods and getters run on the recorder too, which shows what they read in turn. One that uses private fields fails
    // there; the second run calls it on the context itself.
    if (!hasRun(viewer, recorderOf(context, names))) hasRun(viewer, recorderOf(context, names, context));
  } finally {
    resumeReads(before);
  }
  return names;
}

function hasRun<Context>(viewer: (context: Context) => unknown, context: Context): boolean {
  try {
    unawaited(viewer(context));
    return true;
  } catch {
    return false;
  }
}

/** `context` as `viewer` is shown it; `self` is what its methods run on, by default the recorder. */
function recorderOf<Context extends object>(context: Context, names: Set<Name>, self?: object): Context {
  const record = (name: Name): void => void (name in Object.prototype || names.add(name));
  return new Proxy(context, {
    get(target, name, recorder): unknown {
      record(name);
      const value: unknown = Reflect.get(target, name, self ?? recorder);
      return self !== undefined && typeof value === 'function' ? (value.bind(self) as unknown) : value;
    },
    has(target, name) {
      record(name);
      return Reflect.has(target, name);
    },
    getOwnPropertyDescriptor(target, name) {
      record(name);
      return Reflect.getOwnPropertyDescriptor(target, name);
    },
  });
}
