// Writes sync.schema.json, docs/configuration.md and the manual pages from src/config/schema.ts and the table of
// commands; with --check fails when they are stale.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { configPage } from './man-config.mjs';

const compiled = spawnSync('npx', ['tsc', '-p', 'tsconfig.json'], {
  stdio: ['ignore', 'inherit', 'inherit'],
});
if (compiled.status !== 0) process.exit(1);
const { jsonSchema } = await import('../out/src/config/schema.js');
const schema = jsonSchema();

const example = `{
  "$schema": "./node_modules/imgsync-fast/sync.schema.json",
  "source": "/data/material",
  "targets": [
    "rsync://10.0.0.64:9381/market",
    { "name": "img65", "url": "rsync://sync@10.0.0.65:9381/market", "passwordFile": "/etc/imgsync-fast/password" },
    { "name": "dr", "url": "ssh://deploy@dr.example:22/srv/material", "bandwidthLimit": "20m" },
    "/backup/material", // a local directory
  ],
  "exclude": ["*.tmp", "/info/", ".svn/"],
}`;

const introduction = `# Configuration

<!-- Generated from src/config/schema.ts by npm run docs:generate. Do not edit. -->

\`imgsync-fast --config sync.json\` reads one file of JSON in which comments and trailing commas are allowed. Only \`source\`
and \`targets\` are needed. \`imgsync-fast check --config sync.json\` names every fault with its line, column and
[JSON pointer](https://www.rfc-editor.org/rfc/rfc6901) and ends with 78 when there is one, or with 69 when it is
only that the source is not there. Unknown keys are faults, too.
The same object is what the library takes. Editors complete and check the file when \`$schema\` names \`sync.schema.json\`, which
is part of the package.

\`\`\`jsonc
${example}
\`\`\`

Sizes are bytes as a number or a text such as \`"64m"\` (k, m, g, t: powers of 1024). Paths are absolute. What is not valid
UTF-8 in the name of a file can be matched by \`?\` and \`*\` of a pattern.
`;

/** The object among the forms that a value can have, if any. */
const objectOf = (property) =>
  [property, ...(property.anyOf ?? [])].find((form) => form.properties !== undefined);

const typeOf = (property) => {
  if (property.oneOf !== undefined) return 'object';
  if (property.anyOf !== undefined) return property.anyOf.map(typeOf).join(' or ');
  if (property.enum !== undefined) return property.enum.map((value) => code(value)).join(', ');
  if (property.const !== undefined) return code(property.const);
  if (property.type === 'array')
    return `list of ${typeOf(property.items).replace(/^text or object$/, 'URL or object')}`;
  const { type, minimum, maximum } = property;
  if (type === 'integer' && minimum !== undefined) return `${minimum} … ${maximum}`;
  return [type]
    .flat()
    .map((name) => words[name] ?? name)
    .join(' or ');
};
/** The forms of a list's items that are told apart by their type. */
const variantsOf = (key, { items }) =>
  (items?.oneOf ?? []).map((form) => [`${key}[]`, form.properties.type.const, form]);

const words = { string: 'text', boolean: '`true`, `false`', integer: 'whole number' };

const code = (value) => `\`${JSON.stringify(value)}\``;

const cell = (text) => text.replaceAll('|', '\\|');

const row = (key, property, required) => {
  const isSection = objectOf(property) !== undefined && property.anyOf === undefined;
  const fallback = required.includes(key)
    ? '**needed**'
    : isSection || property.default === undefined
      ? ''
      : code(property.default);
  return `| \`${key}\` | ${cell(typeOf(property))} | ${fallback} | ${cell(property.description)} |`;
};

const table = ({ properties, required = [] }) =>
  [
    '| Key | Value | Default | Meaning |',
    '|---|---|---|---|',
    ...Object.entries(properties).map(([key, property]) => row(key, property, required)),
  ].join('\n');

/** A table for the object and, below it, for each object in it. */
const sections = (object, path) => {
  const inner = Object.entries(object.properties).flatMap(([key, property]) => {
    const items = property.items === undefined ? undefined : objectOf(property.items);
    const found = items ?? objectOf(property);
    const name = `${path}${key}${items === undefined ? '' : '[]'}`;
    const variants = variantsOf(`${path}${key}`, property).map(
      ([title, type, form]) => `## \`${title}\` of type \`${type}\`\n\n${sections(form, `${title}.`)}`,
    );
    return found === undefined ? variants : [`## \`${name}\`\n\n${sections(found, `${name}.`)}`];
  });
  return [table(object), ...inner].join('\n\n');
};

const { pageDate, roffText } = await import('../out/src/cli/service/roff.js');
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const manual = spawnSync(process.execPath, ['out/src/cli/main.js', 'manual'], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
if (manual.status !== 0) process.exit(1);

const files = {
  'sync.schema.json': `${JSON.stringify(schema, null, 2)}\n`,
  'docs/configuration.md': `${introduction}\n## All keys\n\n${sections(schema, '')}\n`,
  'man/imgsync-fast.1': manual.stdout,
  'man/imgsync-fast.json.5': configPage({ schema, example, typeOf, version, pageDate, roffText }),
};
const stale = Object.entries(files).filter(
  ([file, text]) => !existsSync(file) || readFileSync(file, 'utf8') !== text,
);
if (process.argv.includes('--check')) {
  for (const [file] of stale) console.error(`${file} is stale: npm run docs:generate`);
  process.exit(stale.length === 0 ? 0 : 1);
}
for (const folder of ['docs', 'man']) mkdirSync(folder, { recursive: true });
for (const [file, text] of stale) writeFileSync(file, text);
