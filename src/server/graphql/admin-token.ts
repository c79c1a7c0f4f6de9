/** Who may change something: mutations need the token if there is one, and always while the console is off. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { getOperationAST, GraphQLError, OperationTypeNode } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { ServerContext } from './server-context.ts';

/** @param token What clients must send as `Authorization: Bearer …`; undefined: no mutation is executed. */
export function useAdminToken(token: string | undefined): Plugin {
  const expected = token === undefined ? undefined : digest(token);
  return {
    onExecute({ args, setResultAndStopExecution }) {
      const operation = getOperationAST(args.document, args.operationName)?.operation;
      if (operation !== OperationTypeNode.MUTATION) return;
      const { req } = args.contextValue as unknown as ServerContext;
      const reason = refusalOf(req.headers.authorization ?? '', expected);
      if (reason !== undefined) setResultAndStopExecution({ errors: [unauthenticated(reason)] });
    },
  };
}

/** The viewer of a request: `admin` for a request with the token, undefined for any other. */
export function viewerByToken(token: string | undefined): (request: IncomingMessage) => 'admin' | undefined {
  const expected = token === undefined ? undefined : digest(token);
  return ({ headers: { authorization } }) => {
    if (authorization === undefined || expected === undefined) return undefined;
    return refusalOf(authorization, expected) === undefined ? 'admin' : undefined;
  };
}

function refusalOf(authorization: string, expected: Buffer | undefined): string | undefined {
  if (expected === undefined) return 'Mutations are switched off: this server has no ADMIN_TOKEN.';
  const [, sent] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
  if (sent === undefined) return 'Mutations need the header "Authorization: Bearer <ADMIN_TOKEN>".';
  // Digests have one length, and comparing them takes the same time wherever they differ.
  return timingSafeEqual(digest(sent), expected) ? undefined : 'The token of the header Authorization is wrong.';
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function unauthenticated(message: string): GraphQLError {
  const http = { status: 401, headers: { 'www-authenticate': 'Bearer' } };
  return new GraphQLError(message, { extensions: { code: 'UNAUTHENTICATED', http } });
}
