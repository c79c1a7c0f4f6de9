import { sql } from 'kysely';
import { Client } from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { DatabaseUrlError } from '../../src/database/index.ts';
import { addressIn } from '../../src/database/address.ts';
import { migrate } from '../../src/database/migrate.ts';
import { startProgram } from '../server/start-program.ts';
import { connect } from './shop-database.ts';

describe('a database URL', () => {
  it.each([
    ['a%23b', 'a#b'],
    ['a%2523b', 'a%23b'],
    ['a%2Fb%3Fc%40d', 'a/b?c@d'],
    ['caf%C3%A9%20au%20lait', 'café au lait'],
    ['my shop', 'my shop'],
    ['shop', 'shop'],
  ])('with the path %s names the database %s', (path, database) => {
    for (const before of ['postgresql://u:p@h', 'postgres://u@%2Ftmp%2Fx:5432', 'postgres://u@']) {
      expect(addressIn(`${before}/${path}`).database).toBe(database);
    }
    expect(addressIn(`postgres://u@/${path}?host=/tmp`).database).toBe(database);
  });

  it('may have escapes in the password and a space in the path', () => {
    expect(addressIn('postgres://u:a%2Fb%23@h/my shop').password).toBe('a/b#');
  });

  it.each([
    ['postgres://u:sword%fish@h/shop', /% at character 19 without two hexadecimal digits$/],
    ['postgres://u:swordfish@h/%ZZ', /% at character 26 /],
    ['postgres://u:swordfish@%zz/shop', /% at character 24 /],
    ['postgres://u:swordfish@h/shop?host=%', /% at character 36 /],
    ['postgres://u:swordfish%2@h/shop', /% at character 23 /],
    ['postgres://u:swordfish%E0%A4@h/shop', /got escapes that are not UTF-8$/],
    ['postgres://u:swordfish@h/shop%FF', /got escapes that are not UTF-8$/],
    ['socket://u@/tmp?db=%GG', /% at character 20 /],
    ['postgres://u:swordfish@h/shop#1', /got a # at character 30: write %23$/],
    ['socket://u@/tmp?db=shop#1', /got a # at character 24: write %23$/],
    ['postgres://u:swordfish@h/shop%00a', /must not contain %00/],
  ])('is rejected with a reason that does not reveal the password: %s', (url, message) => {
    const failure = (): unknown => addressIn(url);
    expect(failure).toThrow(DatabaseUrlError);
    expect(failure).toThrow(message);
    expect(failure).not.toThrow(/sword/);
  });

  it('with a malformed escape ends the program at startup with one line', async () => {
    const program = await startProgram({ env: { DATABASE_URL: 'postgres://u:swordfish%zz@127.0.0.1:1/shop' } });
    expect(await program.ended).toBe(1);
    expect(program.stderr()).toMatch(/^DATABASE_URL must percent-encode special characters in UTF-8 .*\n$/);
    expect(program.stderr() + program.stdout()).not.toContain('swordfish');
  });

  it('may name a database whose name needs escapes', async () => {
    const name = `odd #?%/@${process.pid}`;
    const server = new Client({ connectionString: inject('databaseUrl') });
    await server.connect();
    await server.query(`create database ${server.escapeIdentifier(name)}`);
    onTestFinished(async () => {
      await server.query(`drop database ${server.escapeIdentifier(name)} with (force)`);
      await server.end();
    });
    const url = inject('databaseUrl').replace(/\/[^/]*$/, `/${encodeURIComponent(name)}`);
    expect(await migrate({ url })).toEqual({ changed: true });
    const { db } = connect({ url });
    const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(db);
    expect(rows).toEqual([{ name }]);
    await db.destroy();
  });
});
