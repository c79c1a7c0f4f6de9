import { CacheError } from '../base/errors.ts';

/**
 * Describes what was thrown, for the log: its class, its code and its place in the source. Its message is left out unless it is
 * the engine's own, because it may contain values such as those that a client sent.
 */
export function thrownText(error: unknown): string {
  // The received text is quoted at the end; tags, for example, are built from arguments.
  if (error instanceof CacheError) return error.message.replace(/, got "[^]*$/, '');
  if (!(error instanceof Error)) return `a thrown ${error === null ? 'null' : typeof error}`;
  const code = codeOf(error);
  const place = placeOf(error);
  return [nameOf(error), ...(code === undefined ? [] : [code]), ...(place === undefined ? [] : [`at ${place}`])].join(
    ' ',
  );
}

/** A code such as `ECONNREFUSED`, a SQLSTATE, or that of a GraphQL error. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code, extensions } = error as { code?: unknown; extensions?: { code?: unknown } | null };
  return [code, extensions?.code].find((one): one is string => typeof one === 'string' && /^\w{1,60}$/.test(one));
}

/** For telemetry: the code of an error, otherwise the name of its class; the type of a thrown value that is not an error. */
export function errorTypeOf(error: unknown): string {
  return codeOf(error) ?? (error instanceof Error ? nameOf(error) : error === null ? 'null' : typeof error);
}

function nameOf(error: Error): string {
  const name: unknown = error.constructor.name;
  return typeof name === 'string' && /^[A-Za-z_$][\w$]{0,60}$/.test(name) ? name : 'Error';
}

/** The file and line that threw it: the first frame of the stack, after the message. */
function placeOf({ stack, message }: Error): string | undefined {
  const frames = typeof stack === 'string' ? stack.replace(message, () => '') : '';
  return /^\s+at (?:.*\()?((?:file:\/\/|\/|[A-Za-z]:\\)[^()\n]+:\d+):\d+\)?$/m.exec(frames)?.[1];
}
