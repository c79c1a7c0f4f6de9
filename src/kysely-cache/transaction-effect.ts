/**
 * What a text does to the transaction of its connection, whatever comments and other statements stand around `begin`.
 *
 * A function, a procedure and a DO block cannot begin a transaction that lasts; EXECUTE can, for what was prepared by the
 * protocol may be any statement. https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
 */
import type { Fields } from './parse-tree.ts';

/**
 * - `begins`: one is open afterwards, which may have been open before
 * - `restarts`: the one that was open has ended, and another is open
 * - `may-begin`: one may be open afterwards
 */
export type TransactionEffect = 'none' | 'begins' | 'ends' | 'restarts' | 'may-begin';

/** The keywords that a statement with an effect begins with, wherever they stand. Keywords are ASCII. */
const anyEffect = /\b(abort|begin|commit|end|execute|prepare|rollback|start)\b/i;
const opening = /\b(begin|chain|execute|start)\b/i;

/** Whether `text` has to be parsed to know its effect; without it there is none. */
export function mayHaveEffect(text: string): boolean {
  return anyEffect.test(text);
}

/** Whether a text that cannot be parsed may leave a transaction open. */
export function mayBegin(text: string): boolean {
  return opening.test(text);
}

/** The effect of one more statement of a text, after the effect `before` of those in front of it. */
export function transactionEffectOf(
  kind: string | undefined,
  fields: Fields,
  before: TransactionEffect,
): TransactionEffect {
  if (kind === 'ExecuteStmt') return before === 'begins' || before === 'restarts' ? before : 'may-begin';
  if (kind !== 'TransactionStmt') return before;
  switch (fields['kind']) {
    case 'TRANS_STMT_BEGIN':
    case 'TRANS_STMT_START':
      return before === 'ends' || before === 'restarts' ? 'restarts' : 'begins';
    case 'TRANS_STMT_COMMIT':
    case 'TRANS_STMT_ROLLBACK':
      return fields['chain'] === true ? 'restarts' : 'ends';
    case 'TRANS_STMT_PREPARE':
      return 'ends';
    default: // savepoints, and what was prepared for a second phase
      return before;
  }
}
