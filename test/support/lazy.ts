// Thenables whose work starts when their `then` is called, as queries of Knex, Drizzle, Prisma and Mongoose do.

type Work = () => unknown;
type Then = PromiseLike<unknown>['then'];
type Callbacks<A, B> = Parameters<typeof Promise.prototype.then<A, B>>;

/** Runs `work` each time its `then` is called: a query that is awaited twice runs twice. */
export function lazy(work: Work): PromiseLike<unknown> {
  return { then: thenOf(work) };
}

/** The forms in which libraries have them. */
export const lazyKinds: Readonly<Record<string, (work: Work) => unknown>> = {
  'an object with a method then': lazy,
  'an instance of a class': (work) => new Query(work),
  'a function with a method then': (work) => Object.assign(() => 'called', { then: thenOf(work) }),
  'a proxy of an object': (work) => new Proxy({}, { get: (_, name) => (name === 'then' ? thenOf(work) : undefined) }),
  'a proxy of a function': (work) =>
    new Proxy(() => {}, { get: (_, name) => (name === 'then' ? thenOf(work) : undefined) }),
  'a promise that starts late': (work) => new LatePromise(work),
  'a promise of one': async (work) => lazy(work),
  'one that resolves with another one': (work) => lazy(() => lazy(work)),
};

class Query {
  readonly #work: Work;

  constructor(work: Work) {
    this.#work = work;
  }

  get then(): Then {
    return thenOf(this.#work);
  }
}

class LatePromise extends Promise<unknown> {
  readonly #work: Work;

  constructor(work: Work) {
    super(() => {});
    this.#work = work;
  }

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  override then<A = unknown, B = never>(...callbacks: Callbacks<A, B>): Promise<A | B> {
    return new Promise<unknown>((resolve) => resolve(this.#work())).then(...callbacks);
  }
}

function thenOf(work: Work): Then {
  return (fulfilled, rejected) => new Promise((resolve) => resolve(work())).then(fulfilled, rejected);
}
