/**
 * Property tests draw the same values in each run, so that results are reproducible. `SEED=1 npm test` draws other
 * ones, to look for further cases.
 */
import { configureGlobal } from 'fast-check';

configureGlobal({ seed: Number(process.env['SEED'] ?? 20_261_126) });
