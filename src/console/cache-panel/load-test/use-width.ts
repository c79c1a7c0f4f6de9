/** The width of an element, for charts that are drawn in pixels. */
import { useLayoutEffect, useRef, useState, type RefObject } from 'react';

/** @returns what to pass to the element as `ref`, and its width in pixels: 0 before it is shown. */
export function useWidth<T extends Element>(): [ref: RefObject<T | null>, width: number] {
  const ref = useRef<T>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return undefined;
    const measure = (): void => setWidth(element.getBoundingClientRect().width);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}
