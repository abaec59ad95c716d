// The package's own code, as the compiler understands it.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

export function programOfPackage() {
  const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), (name) => fs.readFileSync(name, 'utf8'));
  const { fileNames, options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  return ts.createProgram(
    fileNames.filter((name) => name.startsWith(path.join(ROOT, 'src/'))),
    options,
  );
}
