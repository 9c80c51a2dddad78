import { readFileSync } from 'node:fs';
import { sendText } from './listener.js';
import type { View, Views } from './routes.js';

const script = 'text/javascript; charset=utf-8';
const scripts = [
  'main',
  'control',
  'dom',
  'format',
  'history',
  'log',
  'overview',
  'paths',
  'plot',
  'table',
  'targets',
];
/** Path -> file in the folder `page`, which the build copies, and its type. Nothing else is ever read. */
const files: readonly (readonly [path: string, file: string, type: string])[] = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/page/style.css', 'style.css', 'text/css; charset=utf-8'],
  ['/page/icon.svg', 'icon.svg', 'image/svg+xml'],
  ...scripts.map((name) => [`/page/${name}.js`, `${name}.js`, script] as const),
];

/** The page gets what it needs from here and from nowhere else; a name that got into it as code would not run. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** The status page. */
export const pageViews = (): Views =>
  Object.fromEntries(
    files.map(([path, file, type]): [string, View] => {
      const content = readFileSync(new URL(`page/${file}`, import.meta.url));
      return [
        path,
        (_request, response) => {
          response.setHeader('content-security-policy', policy);
          sendText(response, 200, type, content);
        },
      ];
    }),
  );
