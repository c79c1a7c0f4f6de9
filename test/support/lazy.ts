// Thenables whose work starts when their `then` is called, as queries of Knex, Drizzle, Prisma and Mongoose do.

type Work = () => unknown;
type Then = PromiseLike<unknown>['then'];
type Callbacks<A, B> = Parameters<typeof Promise.prototype.then<A, B>>;

/** Runs `work` each time its `then` is called: a query that is awaited twice runs twice. */
export function lazy(work: Work): PromiseLike<unknown> {
  return { then: thenOf(work) };
}

/** The forms of such thenables in libraries. */
export const lazyKinds: Readonly<Record<string, (work: Work) => unknown>> = {
  'an object with a method then': lazy,
  'an instance of a class': (work) => new Query(work),
  'a function with a method then': (work) => Object.assign(() => 'called', { then: thenOf(work) }),
  'a proxy of an object': (work) => new Proxy({}, { get: (_, name) => (name === 'then' ? thenOf(work) : undefined) }),
  'a proxy of a function': (work) =>
    new Proxy(() => {}, { get: (_, name) => (name === 'then' ? thenOf(work) : undefined) }),
  'a lazy promise': (work) => new LazyPromise(work),
  'a promise of a thenable': async (work) => lazy(work),
  'a thenable that resolves with another one': (work) => lazy(() => lazy(work)),
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

class LazyPromise extends Promise<unknown> {
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
