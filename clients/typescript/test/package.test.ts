/** What is promised of the package itself. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, it } from 'node:test';

import * as ts from 'typescript';

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
  });

  it('has the API reference that its code says', () => {
    const run = spawnSync(process.execPath, [path.join(PACKAGE, 'scripts/api.mjs'), '--check'], { encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
  });

  it('has a lock file without hosts', () => {
    assert.doesNotMatch(fs.readFileSync(path.join(PACKAGE, 'package-lock.json'), 'utf8'), /"resolved"/);
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

  // The word nowhere, and no expression that got the type from elsewhere, such
  // as from JSON.parse.
  it('has no `any`', () => {
    const read = ts.readConfigFile(path.join(PACKAGE, 'tsconfig.json'), (name) => fs.readFileSync(name, 'utf8'));
    const config = ts.parseJsonConfigFileContent(read.config, ts.sys, PACKAGE);
    const program = ts.createProgram(config.fileNames, config.options);
    const checker = program.getTypeChecker();
    const found: string[] = [];
    const note = (source: ts.SourceFile, node: ts.Node): void => {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      found.push(`${path.relative(PACKAGE, source.fileName)}:${line + 1}: ${node.getText().slice(0, 60)}`);
    };
    const isAny = (node: ts.Node): boolean => (checker.getTypeAtLocation(node).flags & ts.TypeFlags.Any) !== 0;
    const visit = (source: ts.SourceFile, node: ts.Node): void => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) note(source, node);
      if ((ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isPropertySignature(node)) && isAny(node.name)) {
        note(source, node);
      }
      if ((ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node)) && isAny(node.expression)) {
        note(source, node);
      }
      ts.forEachChild(node, (child) => visit(source, child));
    };
    const sources = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(path.join(PACKAGE, 'src/')));
    assert.ok(sources.length > 10);
    for (const source of sources.filter(({ fileName }) => !fileName.includes('/src/gen/'))) visit(source, source);
    assert.deepEqual(found, []);
  });
});
