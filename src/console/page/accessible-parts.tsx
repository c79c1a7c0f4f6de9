/**
 * Corrects what GraphiQL tells screen readers about its own parts:
 *
 * - It marks the list items around its tabs as tabs, with two buttons in each. Here the button is the tab, as in
 *   https://www.w3.org/WAI/ARIA/apg/patterns/tabs/, and Delete closes it.
 * - It calls each operation in the history "Set active".
 */
import { useEffect } from 'react';

export function AccessibleParts(): null {
  useEffect(() => {
    const container = document.querySelector('.graphiql-container');
    if (container === null) return undefined;
    const observer = new MutationObserver(correct);
    // Not the editors, which change with every key.
    for (const part of container.querySelectorAll('.graphiql-tabs, .graphiql-plugin'))
      observer.observe(part, { subtree: true, childList: true, attributeFilter: ['class'] });
    correct();
    container.addEventListener('keydown', closeByKey);
    return () => {
      observer.disconnect();
      container.removeEventListener('keydown', closeByKey);
    };
  }, []);
  return null;
}

function correct(): void {
  for (const item of document.querySelectorAll('.graphiql-tab')) {
    item.setAttribute('role', 'presentation');
    item.removeAttribute('aria-selected');
    const tab = item.querySelector('.graphiql-tab-button');
    tab?.setAttribute('role', 'tab');
    tab?.setAttribute('aria-selected', String(item.classList.contains('graphiql-tab-active')));
    // Not a child that a list of tabs may have. The mouse still reaches it.
    const close = item.querySelector('.graphiql-tab-close');
    close?.setAttribute('aria-hidden', 'true');
    close?.setAttribute('tabindex', '-1');
  }
  for (const label of document.querySelectorAll('.graphiql-history-item-label')) label.removeAttribute('aria-label');
}

function closeByKey(event: Event): void {
  if (!(event instanceof KeyboardEvent) || event.key !== 'Delete' || !(event.target instanceof Element)) return;
  event.target.closest('.graphiql-tab')?.querySelector<HTMLElement>('.graphiql-tab-close')?.click();
}
