// Where the package's code has the type `any`: the word, or a value that got it
// from elsewhere, such as from JSON.parse.
import * as path from 'node:path';

import ts from 'typescript';

import { ROOT } from './program.mjs';

const SOURCE = path.join(ROOT, 'src/');
const GENERATED = path.join(SOURCE, 'gen/');

export function placesOfAny(program) {
  const checker = program.getTypeChecker();
  const places = [];
  const isAny = (node) => (checker.getTypeAtLocation(node).flags & ts.TypeFlags.Any) !== 0;
  const visit = (source, node) => {
    const isNamed = ts.isVariableDeclaration(node) || ts.isParameter(node) || ts.isPropertySignature(node);
    const isAccess = ts.isPropertyAccessExpression(node) || ts.isElementAccessExpression(node);
    if (
      node.kind === ts.SyntaxKind.AnyKeyword ||
      (isNamed && isAny(node.name)) ||
      (isAccess && isAny(node.expression))
    ) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      places.push(`${path.relative(ROOT, source.fileName)}:${line + 1}: ${node.getText().slice(0, 60)}`);
    }
    ts.forEachChild(node, (child) => visit(source, child));
  };
  const sources = program
    .getSourceFiles()
    .filter(({ fileName }) => fileName.startsWith(SOURCE) && !fileName.startsWith(GENERATED));
  if (sources.length < 10) return ['no sources found'];
  for (const source of sources) visit(source, source);
  return places;
}
