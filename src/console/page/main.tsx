/** The page: GraphiQL with the cache panel, for the GraphQL server at the page's own address. */
import './workers.ts';
import '@fontsource/fira-code/latin-400.css';
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import 'graphiql/graphiql.css';
import './style.css';
import { createRoot } from 'react-dom/client';
import { Console } from './console.tsx';
import { forgetHeaders } from './storage.tsx';

const root = document.querySelector('#console');
if (root === null) throw new Error('The page has no element #console.');
forgetHeaders();
createRoot(root, {
  // React has removed the page.
  onUncaughtError(error) {
    reportError(error);
    const alert = Object.assign(document.createElement('p'), { role: 'alert' });
    alert.textContent = `The console has failed: ${String(error)}. Reload the page.`;
    document.body.append(alert);
  },
}).render(<Console />);
