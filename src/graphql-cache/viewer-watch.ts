/** Finds out which properties of a context identify the viewer, and whether a resolver reads one of them. */
import { noteViewerRead } from '../cache/index.ts';
import type { SchemaCacheOptions } from './schema-cache-options.ts';
import { unawaited } from './unawaited.ts';
import { pauseReads, resumeReads, watchContext } from './watched-context.ts';

type Name = string | symbol;

/** The usual names of the viewer, and of what it is derived from. */
const usualNames = ['user', 'currentUser', 'viewer', 'session', 'auth', 'account', 'request', 'req', 'headers'];

/** How often `viewer` is run at most for one context, to find out what it reads. */
const runsMax = 10;

const watches = new WeakMap<object, ViewerWatch<never>>();

/** Resolvers with the same function `viewer` have one watch, so that what it reads is found out once for a request. */
export function viewerWatchOf<Context>(options: WatchOptions<Context>): ViewerWatch<Context> {
  const { viewer, viewerProperties } = options;
  if (viewer === undefined || viewerProperties !== undefined) return new ViewerWatch(options);
  const known = watches.get(viewer) as ViewerWatch<Context> | undefined;
  const watch = known ?? new ViewerWatch(options);
  watches.set(viewer, watch);
  return watch;
}

type WatchOptions<Context> = Pick<SchemaCacheOptions<Context>, 'viewer' | 'viewerProperties'>;

export class ViewerWatch<Context> {
  readonly #names: Set<Name>;
  /** The names that `viewer` was seen to read. */
  readonly #readByViewer = new Set<Name>();
  readonly #isDeclared: boolean;
  readonly #viewerOf: SchemaCacheOptions<Context>['viewer'];
  /** The contexts from which the viewer has been read. */
  readonly #learned = new WeakSet<object>();

  constructor({ viewer, viewerProperties }: WatchOptions<Context>) {
    this.#isDeclared = viewerProperties !== undefined;
    this.#names = new Set(viewerProperties ?? usualNames);
    this.#viewerOf = viewer;
  }

  /**
   * Watches what the load that begins now reads of `context`. If the context cannot be watched, the load counts as one that reads
   * the viewer.
   */
  begin(context: Context): void {
    if (this.#names.size === 0 || context === undefined || context === null) return;
    if (typeof context !== 'object' && typeof context !== 'function') {
      if (!this.#isDeclared) noteViewerRead('the context itself');
      return;
    }
    if (!this.#isDeclared) this.#learn(context);
    if (!watchContext(context, this.#names))
      noteViewerRead('a context that cannot be watched (frozen, sealed or a proxy)');
  }

  /**
   * What `viewer` reads may differ between requests, so each request adds to the known names. It may also read a property only if
   * another one is absent (`key ?? user`), or was not set by an earlier call (`viewer ??= of(token)`). So after a new name, it is
   * run again without the properties that it is known to read.
   */
  #learn(context: Context & object): void {
    const viewer = this.#viewerOf;
    if (viewer === undefined || this.#learned.has(context)) return;
    this.#learned.add(context);
    let hidden: ReadonlySet<Name> = new Set();
    for (let runs = 0; runs < runsMax; runs += 1) {
      const known = this.#readByViewer.size;
      for (const name of namesReadBy(viewer, context, hidden)) {
        this.#readByViewer.add(name);
        this.#names.add(name);
      }
      if (this.#readByViewer.size === known) return;
      hidden = this.#readByViewer;
    }
  }
}

/** The properties of `context` that `viewer` reads while those in `hidden` are undefined. */
function namesReadBy<Context extends object>(
  viewer: (context: Context) => unknown,
  context: Context,
  hidden: ReadonlySet<Name>,
): Set<Name> {
  const names = new Set<Name>();
  const shown = hidden.size === 0 ? context : without(hidden, context);
  const before = pauseReads();
  try {
    // Methods and getters run on the recorder too, which shows what they read in turn. One that uses private fields fails
    // there; the second run calls it on the context itself.
    if (!hasRun(viewer, recorderOf(shown, names))) hasRun(viewer, recorderOf(shown, names, context));
  } finally {
    resumeReads(before);
  }
  return names;
}

/** `context` with some properties undefined. Writes are discarded: they follow from the absence of these properties. */
function without<Context extends object>(hidden: ReadonlySet<Name>, context: Context): Context {
  return new Proxy(context, {
    get: (target, name, receiver): unknown => (hidden.has(name) ? undefined : Reflect.get(target, name, receiver)),
    has: (target, name) => !hidden.has(name) && Reflect.has(target, name),
    defineProperty: () => true,
    deleteProperty: () => true,
  });
}

function hasRun<Context>(viewer: (context: Context) => unknown, context: Context): boolean {
  try {
    unawaited(viewer(context));
    return true;
  } catch {
    return false;
  }
}

/** `context` as `viewer` sees it; `self` is the object that its methods run on, by default the recorder. */
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
