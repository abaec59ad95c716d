/** What is promised of the package itself. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';

import { ROOT } from './support/pdpd';

const PACKAGE = path.join(ROOT, 'clients/typescript');

describe('the package', () => {
  it('has the version of the project', () => {
    const project = /VERSION (\d+\.\d+\.\d+)/.exec(fs.readFileSync(path.join(ROOT, 'CMakeLists.txt'), 'utf8'))?.[1];
    assert.ok(project);
    for (const name of ['package.json', 'package-lock.json']) {
      const file: unknown = JSON.parse(fs.readFileSync(path.join(PACKAGE, name), 'utf8'));
      assert.equal((file as { version: string }).version, project, name);
    }
    const readme = fs.readFileSync(path.join(PACKAGE, 'README.md'), 'utf8');
    assert.ok(readme.includes(`medplum-pdp-client-${project}.tgz`));
  });

  it('has no `any`, a comment on all that it exports, and the API reference that these say', () => {
    const run = spawnSync(process.execPath, [path.join(PACKAGE, 'scripts/check.mjs')], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
  });

  it('has a lock file without hosts', () => {
    assert.doesNotMatch(fs.readFileSync(path.join(PACKAGE, 'package-lock.json'), 'utf8'), /"resolved"/);
  });

  it('is packed with what it exports, and nothing of its tests', () => {
    const run = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=silent'], {
      cwd: PACKAGE,
      encoding: 'utf8',
    });
    assert.equal(run.status, 0, run.stderr);
    const packed: unknown = JSON.parse(run.stdout);
    const [only] = Object.values(packed as Record<string, { files: { path: string }[] }>);
    const files = (only?.files ?? []).map((file) => file.path);
    for (const name of [
      'dist/src/index.js',
      'dist/src/index.d.ts',
      'dist/src/gen/medplum/pdp/v1/types_pb.js',
      'README.md',
      'API.md',
    ]) {
      assert.ok(files.includes(name), name);
    }
    const expected = /^(package\.json|README\.md|API\.md|dist\/src\/.*\.(js|d\.ts|js\.map))$/;
    assert.deepEqual(
      files.filter((name) => !expected.test(name)),
      [],
    );
  });

  it('exports what is there', () => {
    const file: unknown = JSON.parse(fs.readFileSync(path.join(PACKAGE, 'package.json'), 'utf8'));
    const { exports } = file as { exports: Record<string, string | Record<string, string>> };
    for (const entry of Object.values(exports)) {
      for (const target of typeof entry === 'string' ? [entry] : Object.values(entry)) {
        assert.ok(fs.existsSync(path.join(PACKAGE, target)), target);
      }
    }
  });
});
