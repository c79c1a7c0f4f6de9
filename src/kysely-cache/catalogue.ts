/**
 * The relations and functions of the database, and the tags of what a statement reads.
 *
 * - The tag of a table is its name, or `schema.name` if the search path does not find it. Partitioned and foreign tables are
 *   tables; so is a materialized view, which changes when it is refreshed.
 * - A view is replaced by what it reads, through further views.
 * - A partition, or a table that inherits, has its parents' tags too: a write to the parent may change it. A parent has its
 *   own tag only: a write to a partition by its name invalidates the parent's tag as well.
 * - Unknown is what no write invalidates, or what may read anything: relations of the system, tables with row security, functions
 *   that may read tables, names that the database did not have when its catalogue was read.
 *
 * The catalogue is read in the background: once a minute, because a view may be replaced, and as soon as a statement names
 * something that it lacks (every ten seconds while that is still missing). Meanwhile, loads use what is known.
 */
import { runForLoads, type Clock } from '../cache/index.ts';
import type { CatalogueRows, NameVerdicts, RelationRow } from './catalogue-sql.ts';
import { isTableTag, nameKey, tagOf, type RelationName } from './relation-names.ts';
import type { TableReferences } from './table-references.ts';

/** What a statement reads, for a load. */
export interface Sources {
  readonly tags: ReadonlySet<string>;
  /** Descriptions of what has no tag. */
  readonly unknown: ReadonlySet<string>;
}

interface Known {
  /** By `nameKey`: unqualified names that the search path finds, and names with schemas. */
  readonly relations: ReadonlyMap<string, Sources>;
  /** Whether a function of this name may read tables. */
  readonly functions: ReadonlyMap<string, boolean>;
  readonly operators: ReadonlyMap<string, boolean>;
  /** The types to which a cast may read tables. */
  readonly rowFunctions: ReadonlySet<string>;
  readonly castTypes: ReadonlySet<string>;
  readonly hasStandardStrings: boolean;
  readonly tags: readonly string[];
}

const readEveryMsMin = 1_000;
const keptMs = 60_000;
/** For a name that was not found: it may be that of a temporary table, which the catalogue query never finds. */
const absentEveryMs = 10_000;
const namesMax = 1_000;

export class Catalogue {
  readonly #readRows: () => Promise<CatalogueRows>;
  readonly #clock: Pick<Clock, 'nowMs'>;
  #known: Known | undefined;
  /** The names that were missing since the catalogue was read last, and what was missing then. */
  readonly #asked = new Set<string>();
  #absent: ReadonlySet<string> = new Set();
  #lastReadMs = -Infinity;
  #reading: Promise<void> | undefined;

  constructor({ readRows, clock }: { readRows: () => Promise<CatalogueRows>; clock: Pick<Clock, 'nowMs'> }) {
    this.#readRows = readRows;
    this.#clock = clock;
  }

  /** The tags that statements may have; empty until the catalogue is known. */
  get tags(): readonly string[] {
    this.#readWhereOlderThan(this.#known === undefined ? readEveryMsMin : keptMs);
    return this.#known?.tags ?? [];
  }

  /** The tags of what a statement reads. */
  sourcesOf(reading: TableReferences): Sources {
    this.#readWhereOlderThan(keptMs);
    const known = this.#known;
    const tags = new Set<string>();
    const unknown = new Set(reading.hidden);
    const missing: string[] = [];
    for (const name of reading.relations) {
      const sources = known?.relations.get(nameKey(name));
      if (sources === undefined) missing.push(`relation ${shown(name)}`);
      for (const tag of sources?.tags ?? []) tags.add(tag);
      for (const what of sources?.unknown ?? []) unknown.add(what);
    }
    for (const { names, isSuspicious, shownAs } of callsOf(reading, known)) {
      for (const name of names) {
        const verdict = isSuspicious(name);
        if (verdict === undefined) missing.push(shownAs(name));
        else if (verdict) unknown.add(`${shownAs(name)}, which may read tables`);
      }
    }
    for (const what of missing) {
      if (this.#asked.size < namesMax) this.#asked.add(what);
      this.#readWhereOlderThan(this.#absent.has(what) ? absentEveryMs : readEveryMsMin);
    }
    for (const what of missing) unknown.add(`${what}, which was not there when the catalogue was read`);
    if (reading.hasBackslash && known?.hasStandardStrings === false) {
      unknown.add('a backslash, which may escape a quote: standard_conforming_strings is off');
    }
    return { tags, unknown };
  }

  /** Reads the catalogue now, or waits until it has been read. Never rejects: if that fails, the previous one stays in use. */
  read(): Promise<void> {
    this.#lastReadMs = this.#clock.nowMs();
    // Outside of all loads: no value depends on what is read here.
    this.#reading ??= runForLoads([], async () => {
      try {
        const asked = new Set(this.#asked);
        this.#known = knownFrom(await this.#readRows());
        for (const what of asked) this.#asked.delete(what);
        this.#absent = asked;
      } catch {
        // The database is unavailable; the loads that need it report that.
      } finally {
        this.#reading = undefined;
      }
    });
    return this.#reading;
  }

  #readWhereOlderThan(ageMs: number): void {
    if (this.#clock.nowMs() - this.#lastReadMs >= ageMs) void this.read();
  }
}

/** Names of one kind that a statement calls, and whether what they call may read tables: undefined if that is not known. */
interface Calls {
  readonly names: Iterable<string>;
  readonly isSuspicious: (name: string) => boolean | undefined;
  readonly shownAs: (name: string) => string;
}

function callsOf(
  { functions, operators, rowNames, types }: TableReferences,
  known: Known | undefined,
): readonly Calls[] {
  return [
    { names: functions, isSuspicious: (name) => known?.functions.get(name), shownAs: (name) => `function ${name}()` },
    { names: operators, isSuspicious: (name) => known?.operators.get(name), shownAs: (name) => `operator ${name}` },
    {
      names: rowNames,
      isSuspicious: (name) => known?.rowFunctions.has(name),
      shownAs: (name) => `function row.${name}`,
    },
    { names: types, isSuspicious: (name) => known?.castTypes.has(name), shownAs: (name) => `cast to ${name}` },
  ];
}

function knownFrom(catalogue: CatalogueRows): Known {
  const { relations: rows, functions, operators, rowFunctions, castTypes, hasStandardStrings } = catalogue;
  const byId = new Map(rows.map((row) => [row.id, row]));
  const relations = new Map<string, Sources>();
  const tags = new Set<string>();
  for (const row of rows) {
    const sources = sourcesOfRow(row, byId);
    relations.set(nameKey(row), sources);
    if (row.isVisible) relations.set(nameKey({ schema: undefined, name: row.name }), sources);
    for (const tag of sources.tags) tags.add(tag);
  }
  return {
    relations,
    functions: isSuspiciousByName(functions),
    operators: isSuspiciousByName(operators),
    rowFunctions: new Set(rowFunctions),
    castTypes: new Set(castTypes),
    hasStandardStrings,
    tags: [...tags].toSorted(),
  };
}

function isSuspiciousByName({ harmless, suspicious }: NameVerdicts): ReadonlyMap<string, boolean> {
  return new Map([
    ...harmless.map((name) => [name, false] as const),
    ...suspicious.map((name) => [name, true] as const),
  ]);
}

/** The tag of the relation and those of the relations that it depends on, directly or not. */
function sourcesOfRow(row: RelationRow, byId: ReadonlyMap<number, RelationRow>): Sources {
  const tags = new Set<string>();
  const unknown = new Set<string>();
  const seen = new Set<number>([row.id]);
  for (const id of seen) {
    const one = byId.get(id);
    if (one === undefined) {
      unknown.add(`view ${row.name}, which reads a relation that is no table`);
      continue;
    }
    const obstacle = obstacleOf(one);
    if (obstacle !== undefined) unknown.add(obstacle);
    else if (one.kind !== 'v') tags.add(tagOf(one));
    for (const next of [...one.parents, ...(one.isSystem ? [] : one.reads)]) seen.add(next);
  }
  return { tags, unknown };
}

function obstacleOf(row: RelationRow): string | undefined {
  if (row.isSystem) return `relation ${shown(row)}, which is the system's`;
  if (row.hasRowSecurity) return `table ${shown(row)}, which has row security`;
  if (row.calls !== null) return `view ${shown(row)}, which calls ${row.calls}()`;
  if (!isTableTag(tagOf(row))) return `relation ${shown(row)}, whose name is no tag`;
  return undefined;
}

function shown({ schema, name }: RelationName): string {
  return schema === undefined ? name : `${schema}.${name}`;
}
