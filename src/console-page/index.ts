/**
 * The built console as files, for any HTTP server: `consolePage` at the path of its GraphQL, and the files of `consoleFolder` below
 * `/console/`. See docs/console.md.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';

// By the package's own name for the folder: this file is at a different depth in `src` than in `dist`.
const path = createRequire(import.meta.url).resolve('#console/index.html');

/** The folder whose files the page loads from `/console/`, as an absolute path. Their names contain a hash of their content. */
export const consoleFolder: string = dirname(path);

/** The HTML of the page, which sends operations to its own address. */
export const consolePage: string = readFileSync(path, 'utf8');
