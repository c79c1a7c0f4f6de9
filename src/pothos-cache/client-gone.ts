/**
 * Whether the client of a request is gone, told from the context that servers give resolvers: Yoga and others put a Fetch
 * `Request` into it, Apollo Server and graphql-http Node's `req` and `res`, mercurius Fastify's `reply`. It is looked at only
 * when a load has failed, so it costs a hit nothing.
 */

/** Where servers keep the request and its answer, and frameworks those that theirs are made of. */
const places = ['request', 'req', 'res', 'response', 'reply', 'ctx', 'event', 'node', 'raw'];
const depthMax = 3;

/**
 * Checks whether the client of the request with this context is gone.
 *
 * @returns Undefined where the context does not tell.
 */
export function isClientGone(context: unknown): boolean | undefined {
  const seen = new Set<unknown>();
  let isGone: boolean | undefined;
  const look = (party: unknown, depth: number): void => {
    if (!isObject(party) || seen.has(party) || isGone === true) return;
    seen.add(party);
    isGone = stateOf(party) ?? isGone;
    if (depth < depthMax) for (const place of places) look(party[place], depth + 1);
  };
  look(context, 0);
  return isGone;
}

/** What one object tells: an `AbortSignal`, what has one, or Node's request, response or socket. */
function stateOf({ aborted, signal, abortSignal, socket, destroyed, writableFinished }: Party): boolean | undefined {
  const states = [
    aborted,
    abortedOf(signal),
    abortedOf(abortSignal),
    isObject(socket) ? socket['destroyed'] : undefined,
  ];
  // A response is destroyed too when it has been sent.
  if (typeof writableFinished === 'boolean') states.push(destroyed === true && !writableFinished);
  const told = states.filter((state) => typeof state === 'boolean');
  return told.length === 0 ? undefined : told.includes(true);
}

function abortedOf(signal: unknown): unknown {
  return isObject(signal) ? signal['aborted'] : undefined;
}

type Party = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Party {
  return typeof value === 'object' && value !== null;
}
