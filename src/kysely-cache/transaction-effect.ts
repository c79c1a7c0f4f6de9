/**
 * What a text does to the transaction of its connection, whatever comments and other statements surround `begin`.
 *
 * A function, a procedure or a DO block cannot begin a transaction that outlasts it. EXECUTE can, because any statement may have
 * been prepared through the protocol. https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT
 */
import type { Fields } from './parse-tree.ts';

/**
 * - `begins`: a transaction is open afterwards, which may have been open before
 * - `restarts`: the transaction that was open has ended, and another one is open
 * - `may-begin`: a transaction may be open afterwards
 */
export type TransactionEffect = 'none' | 'begins' | 'ends' | 'restarts' | 'may-begin';

/** The first keywords of statements with an effect, anywhere in a text. Keywords are ASCII. */
const anyEffect = /\b(abort|begin|commit|end|execute|prepare|rollback|start)\b/i;
const opening = /\b(begin|chain|execute|start)\b/i;

/** Whether `text` must be parsed to know its effect; otherwise it has none. */
export function mayHaveEffect(text: string): boolean {
  return anyEffect.test(text);
}

/** Whether a text that cannot be parsed may leave a transaction open. */
export function mayBegin(text: string): boolean {
  return opening.test(text);
}

/** The effect of the next statement of a text, after the effect `before` of the previous ones. */
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
