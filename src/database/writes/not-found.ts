/** What a write refers to does not exist, or was deleted meanwhile. Nothing was written. */
import { DatabaseError } from 'pg';

/** There is no row with this id. */
abstract class NotFoundError extends Error {
  readonly id: number;

  constructor(row: string, id: number) {
    super(`Expected the id of an existing ${row}, got ${id}.`);
    this.id = id;
  }
}

/** There is no product with this id. */
export class ProductNotFoundError extends NotFoundError {
  override readonly name = 'ProductNotFoundError';
  readonly code = 'PRODUCT_NOT_FOUND';

  constructor(id: number) {
    super('product', id);
  }
}

/** There is no category with this id. */
export class CategoryNotFoundError extends NotFoundError {
  override readonly name = 'CategoryNotFoundError';
  readonly code = 'CATEGORY_NOT_FOUND';

  constructor(id: number) {
    super('category', id);
  }
}

/**
 * Resolves as `write` does, which sets one foreign key.
 *
 * A look beforehand would not do: the row can be deleted between the look and the write. The constraint decides.
 *
 * @param notFound The error to reject with if the key refers to no row.
 */
export async function referring<T>(write: Promise<T>, notFound: NotFoundError): Promise<T> {
  try {
    return await write;
  } catch (error) {
    throw isForeignKeyViolation(error) ? notFound : error;
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
function isForeignKeyViolation(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '23503';
}
