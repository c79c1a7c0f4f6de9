import { useEffect, useState } from 'react';

/** For users who prefer reduced motion, figures change less often. */
const calmMs = 5_000;

/** `Date.now()`, renewed once a second while the page is visible. */
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const everyMs = matchMedia('(prefers-reduced-motion: reduce)').matches ? calmMs : 1_000;
    const renew = (): void => {
      if (document.visibilityState === 'visible') setNow(Date.now());
    };
    const timer = setInterval(renew, everyMs);
    document.addEventListener('visibilitychange', renew);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', renew);
    };
  }, []);
  return now;
}
