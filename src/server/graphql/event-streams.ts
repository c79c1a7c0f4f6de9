/** Subscriptions: each is one event stream, the response to a POST. */
import { GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { ServerContext } from './server-context.ts';

const eventStream = 'text/event-stream';

/** It comes after the limits, so that a stream is opened only for an operation that is executed. */
export function useEventStreams(): Plugin {
  return {
    onSubscribe({ args, setResultAndStopExecution }) {
      const refusal = refusalOf(args.contextValue as unknown as ServerContext);
      if (refusal !== undefined) setResultAndStopExecution({ errors: [refusal] });
    },
  };
}

function refusalOf({ req, exchange }: ServerContext): GraphQLError | undefined {
  // Any page can send a GET to any server, and would occupy the streams.
  if (req.method !== 'POST') {
    const message = 'A subscription is sent by POST, not by GET.';
    return refused(message, { code: 'BAD_USER_INPUT', status: 405, headers: { allow: 'POST' } });
  }
  if (req.headers.accept !== eventStream) {
    const message = `A subscription is answered by server-sent events: send the header "Accept: ${eventStream}".`;
    return refused(message, { code: 'BAD_USER_INPUT', status: 406 });
  }
  if (exchange.openStream()) return undefined;
  const message = 'Too many subscriptions are open; try again.';
  return refused(message, { code: 'OVERLOADED', status: 503, headers: { 'retry-after': '1' } });
}

function refused(
  message: string,
  { code, ...http }: { code: string; status: number; headers?: Readonly<Record<string, string>> },
): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http } });
}
