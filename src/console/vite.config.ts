/**
 * Builds the console for browsers, into `dist/console`: a page of a few kilobytes, and scripts, styles, fonts and workers whose names
 * contain a hash of their content. Each is compressed once, here.
 */
import { fileURLToPath } from 'node:url';
import { constants } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';
import { compression, defineAlgorithm } from 'vite-plugin-compression2';

// Otherwise a shell that has another value, such as that of a test, would get React's slower and larger development build.
process.env['NODE_ENV'] = 'production';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: at('.'),
  // Where `src/server/http/console-files.ts` serves them.
  base: '/console/',
  plugins: [
    react(),
    compression({
      algorithms: [
        'gzip',
        // The highest quality, 11, takes twice as long and saves 2 %.
        defineAlgorithm('brotliCompress', { params: { [constants.BROTLI_PARAM_QUALITY]: 10 } }),
      ],
      include: /\.(html|js|css|svg|ttf)$/,
      threshold: 1_024,
    }),
  ],
  resolve: {
    alias: [
      // All of Monaco's features are twice as large as those that GraphiQL needs.
      { find: /^monaco-editor\/esm\/vs\/editor\/edcore\.main\.js$/, replacement: at('./page/editor-features.ts') },
    ],
  },
  worker: { format: 'es' },
  build: {
    outDir: at('../../dist/console'),
    emptyOutDir: true,
    target: 'es2022',
    // A font or an image in a style sheet delays the page even if nothing uses it.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 4_000,
  },
});
