/**
 * Whether the client of a request has disconnected, read from the context that servers give to resolvers: Yoga and others put a
 * Fetch `Request` into it, Apollo Server and graphql-http Node's `req` and `res`, mercurius Fastify's `reply`. It is read only
 * after a load has failed, so it costs a hit nothing.
 */

/** The properties in which servers keep the request and its response, and frameworks the objects that theirs wrap. */
const places = ['request', 'req', 'res', 'response', 'reply', 'ctx', 'event', 'node', 'raw'];
const depthMax = 3;

/**
 * Checks whether the client of the request with this context has disconnected.
 *
 * @returns Undefined if the context does not show it.
 */
export function isClientGone(context: unknown): boolean | undefined {
  const seen = new Set<unknown>();
  let isGone: boolean | undefined;
  const look = (value: unknown, depth: number): void => {
    if (!isObject(value) || seen.has(value) || isGone === true) return;
    seen.add(value);
    isGone = stateOf(value) ?? isGone;
    if (depth < depthMax) for (const place of places) look(value[place], depth + 1);
  };
  look(context, 0);
  return isGone;
}

/** What one object shows: an `AbortSignal`, an object with one, or Node's request, response or socket. */
function stateOf({
  aborted,
  signal,
  abortSignal,
  socket,
  destroyed,
  writableFinished,
}: Properties): boolean | undefined {
  const states = [
    aborted,
    abortedOf(signal),
    abortedOf(abortSignal),
    isObject(socket) ? socket['destroyed'] : undefined,
  ];
  // A response is destroyed after it has been sent too.
  if (typeof writableFinished === 'boolean') states.push(destroyed === true && !writableFinished);
  const known = states.filter((state) => typeof state === 'boolean');
  return known.length === 0 ? undefined : known.includes(true);
}

function abortedOf(signal: unknown): unknown {
  return isObject(signal) ? signal['aborted'] : undefined;
}

type Properties = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Properties {
  return typeof value === 'object' && value !== null;
}
