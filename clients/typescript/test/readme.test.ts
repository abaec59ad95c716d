/** What README.md shows compiles, and runs. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { after, before, describe, it } from 'node:test';

import { Pdpd, ROOT } from './support/pdpd';

const PACKAGE = path.join(ROOT, 'clients/typescript');
// Inside of the package, so that its own name leads to what was built.
const BLOCKS = path.join(PACKAGE, 'dist/readme');

interface Block {
  readonly code: string;
  /** What its comments behind `console.log` say that it prints. */
  readonly output: readonly string[];
}

function blocks(): Block[] {
  const readme = fs.readFileSync(path.join(PACKAGE, 'README.md'), 'utf8');
  return [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => ({
    code,
    output: [...code.matchAll(/^console\.log\(.*\); \/\/ (?!with)(.*)$/gm)].map(([, text = '']) => text),
  }));
}

describe('README.md', () => {
  let server: Pdpd;
  before(async () => {
    server = await Pdpd.start();
    fs.rmSync(BLOCKS, { recursive: true, force: true });
    fs.mkdirSync(BLOCKS);
    // As a user's project may be set up.
    const compilerOptions = { strict: true, target: 'ES2022', module: 'nodenext', skipLibCheck: true, types: ['node'] };
    fs.writeFileSync(path.join(BLOCKS, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    blocks().forEach(({ code }, i) => fs.writeFileSync(path.join(BLOCKS, `block${i}.mts`), code));
  });
  after(() => server.stop());

  it('shows code that compiles and prints what it says', () => {
    const all = blocks();
    assert.ok(all.length >= 4);
    execFileSync(path.join(PACKAGE, 'node_modules/.bin/tsc'), ['-p', BLOCKS], { stdio: 'inherit' });
    all.forEach(({ code, output }, i) => {
      if (!code.includes('127.0.0.1:8990')) return;
      const file = path.join(BLOCKS, `block${i}.mjs`);
      const text = fs.readFileSync(file, 'utf8');
      fs.writeFileSync(file, text.replaceAll('127.0.0.1:8990', server.target));
      const run = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: 60_000 });
      assert.equal(run.status, 0, run.stderr);
      for (const line of output) assert.ok(run.stdout.split('\n').includes(line), `${line} is not in:\n${run.stdout}`);
    });
  });
});
