/** `createdAt` is ISO 8601 in UTC with milliseconds: `2024-02-29T12:30:00.000Z`. */
export interface Review {
  id: number;
  rating: number;
  comment: string | null;
  createdAt: string;
}

/** The columns of reviews that make a `Review`. */
export const reviewColumns = ['reviews.id', 'reviews.rating', 'reviews.comment', 'reviews.created_at'] as const;

interface ReviewRow extends Omit<Review, 'createdAt'> {
  created_at: Date;
}

export function reviewOf({ id, rating, comment, created_at }: ReviewRow): Review {
  return { id, rating, comment, createdAt: created_at.toISOString() };
}
