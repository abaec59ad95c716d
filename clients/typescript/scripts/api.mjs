// Writes API.md from what the package exports and its comments: `npm run api`.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

import { ROOT, programOfPackage } from './program.mjs';

const FILE = path.join(ROOT, 'API.md');
const ENTRIES = {
  '@medplum-pdp/client': 'index',
  '@medplum-pdp/client/medplum': 'medplum/index',
  '@medplum-pdp/client/express': 'express',
};

let checker;
const undocumented = [];

function documentation(symbol) {
  const text = ts.displayPartsToString(symbol.getDocumentationComment(checker)).replaceAll(/\s+/g, ' ').trim();
  const tags = symbol.getJsDocTags(checker).filter(({ name }) => name !== 'packageDocumentation');
  const words = tags.map(({ name, text: parts }) => {
    const said = ts.displayPartsToString(parts).replaceAll(/\s+/g, ' ').trim();
    return name === 'throws' ? `Throws ${said}` : name === 'param' ? `\`${said.replace(' ', '`: ')}` : said;
  });
  return [text, ...words].filter((part) => part !== '').join(' ');
}

// The declaration as it is written, without its body and its comments.
function signature(node) {
  const printer = ts.createPrinter({ removeComments: true });
  const text = printer.printNode(ts.EmitHint.Unspecified, node, node.getSourceFile());
  return text
    .replaceAll(/\s+/g, ' ')
    .replace(/^export (declare )?/, '')
    .replace(/^async /, '')
    .replace(/;$/, '');
}

function withoutBody(node) {
  if (!node.body) return signature(node);
  const text = signature(node);
  const body = signature(node.body);
  return text.endsWith(body) ? text.slice(0, -body.length).trim() : text;
}

function isPublic(node) {
  const flags = ts.getCombinedModifierFlags(node);
  return (
    !(flags & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) &&
    !(node.name && ts.isPrivateIdentifier(node.name))
  );
}

function* members(node) {
  for (const member of node.members) {
    if (!isPublic(member)) continue;
    const symbol = member.name ? checker.getSymbolAtLocation(member.name) : member.symbol;
    const text = ts.isPropertyDeclaration(member)
      ? signature(member).replace(/ = .*$/s, '')
      : withoutBody(member).replace(/^async /, '');
    yield { text, says: symbol ? documentation(symbol) : '' };
    if (!ts.isConstructorDeclaration(member)) continue;
    for (const parameter of member.parameters) {
      if (ts.isParameterPropertyDeclaration(parameter, member)) {
        yield { text: signature(parameter), says: documentation(checker.getSymbolAtLocation(parameter.name)) };
      }
    }
  }
}

function describe(symbol) {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const node = target.declarations?.[0];
  const says = documentation(target);
  if (says === '') undocumented.push(symbol.name);
  const lines = [`### ${symbol.name}`, '', says, ''];
  if (ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node)) {
    const kind = ts.isClassDeclaration(node) ? 'class' : 'interface';
    const heritage = (node.heritageClauses ?? [])
      .map((clause) => ` ${clause.getText().replaceAll(/\s+/g, ' ')}`)
      .join('');
    lines.push('```ts', `${kind} ${symbol.name}${heritage}`, '```', '');
    for (const { text, says: about } of members(node)) lines.push(`- \`${text}\`${about ? `  \n  ${about}` : ''}`);
    lines.push('');
  } else {
    const text = ts.isFunctionDeclaration(node)
      ? withoutBody(node)
      : ts.isVariableDeclaration(node)
        ? `const ${node.name.getText()}`
        : signature(node);
    lines.push('```ts', text, '```', '');
  }
  return lines;
}

function textOf(program) {
  checker = program.getTypeChecker();
  const sections = Object.entries(ENTRIES).flatMap(([name, file]) => {
    const source = program.getSourceFile(path.join(ROOT, 'src', `${file}.ts`));
    const symbols = checker.getExportsOfModule(checker.getSymbolAtLocation(source));
    symbols.sort((a, b) => (a.name < b.name ? -1 : 1));
    return [`## ${name}`, '', ...symbols.flatMap(describe)];
  });
  return [
    '# API',
    '',
    'Written by `npm run api` from the comments of the code. [README.md](README.md) shows how it is used.',
    '',
    ...sections,
  ].join('\n');
}

/** What is wrong with API.md, or with the comments that it is written from. */
export function problemsOfApi(program) {
  const text = textOf(program);
  return [
    ...undocumented.map((name) => `exported without a comment: ${name}`),
    ...(fs.readFileSync(FILE, 'utf8') === text ? [] : ['API.md is not what the code says: run `npm run api`']),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) fs.writeFileSync(FILE, textOf(programOfPackage()));
