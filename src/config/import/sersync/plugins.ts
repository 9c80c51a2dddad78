import type { ConfigInput } from '../../schema.js';
import { patternsOf } from '../regex-pattern.js';
import type { Report } from '../report.js';
import { wordsOf } from '../words.js';
import type { XmlElement } from '../xml.js';
import { childOf, childrenOf, isOn, isSame, textOf } from './element.js';
import { sourceOf } from './tree.js';

type HookInput = NonNullable<ConfigInput['hooks']>[number];

/** What the plugin that was switched on becomes. */
interface ReadPlugin {
  readonly hook: HookInput;
  /** What is different now; one line. */
  readonly message: string;
  /** The only source that it is for. */
  readonly source?: string;
}
type Outcome = ReadPlugin | { readonly refused: string };

/** Where the import says that a CDN's password is to be put. */
const cdnSecretFile = '/etc/imgsync-fast/cdn-secret';

/** The plugin that sersync called after each transfer, as hooks of the configuration for a source. */
export const readPlugins = (
  head: XmlElement,
  sersync: XmlElement | undefined,
  report: Report,
): ((source: string) => Pick<ConfigInput, 'hooks'>) => {
  const plugin = childOf(sersync, 'plugin');
  const chosen = isOn(plugin) ? textOf(plugin, 'name') : undefined;
  const blocks = childrenOf(head, 'plugin');
  for (const block of blocks) {
    const name = textOf(block, 'name');
    if (name !== chosen)
      report.note(block, {
        kind: 'dropped',
        about: `plugin ${name}`,
        message: 'it was not switched on; sersync -m started it alone, which is a hook and --hooks-only now',
      });
  }
  if (plugin === undefined || chosen === undefined) return () => ({});
  const block = blocks.find((other) => textOf(other, 'name') === chosen);
  const about = `plugin ${chosen}${settingsOf(block)}`;
  const outcome = fitting(
    readers.get(chosen)?.(block) ?? { refused: 'sersync has no such plugin and refuses to start' },
    childrenOf(sersync, 'localpath').map((tree) => sourceOf(textOf(tree, 'watch'))),
  );
  if ('refused' in outcome) {
    report.note(block ?? plugin, { kind: 'not carried', about, message: outcome.refused });
    return () => ({});
  }
  report.note(block ?? plugin, {
    kind: 'changed',
    about,
    message: `${outcome.message}. sersync called it for each event, whether or not a target took it; now it is called when all targets have the file`,
    key: 'hooks',
  });
  return (source) =>
    outcome.source === undefined || outcome.source === source ? { hooks: [outcome.hook] } : {};
};

const fitting = (outcome: Outcome, sources: readonly string[]): Outcome =>
  'refused' in outcome || outcome.source === undefined || sources.includes(outcome.source)
    ? outcome
    : { refused: `it is for ${outcome.source}, which is not replicated` };

const readCommand = (block: XmlElement | undefined): Outcome => {
  const param = childOf(block, 'param');
  const prefix = wordsOf(textOf(param, 'prefix'));
  const suffix = wordsOf(textOf(param, 'suffix'));
  if (!/^[^-{]/.test(prefix[0] ?? ''))
    return { refused: 'without a program in prefix="…" the changed file itself was run: name one in a hook' };
  const only = readIncludes(childOf(block, 'filter'));
  if ('refused' in only) return only;
  return {
    hook: {
      type: 'command',
      argv: [...prefix, '{paths}', ...suffix],
      when: 'all',
      ...(only.patterns.length === 0 ? {} : { only: [...only.patterns] }),
      maxPaths: 1,
    },
    message:
      'sersync gave the name of the file to a shell, and a name with a backtick ran; now no shell reads it, so variables, pipes and redirections in prefix and suffix are plain words. A program that takes several paths is called less often without "maxPaths": 1',
  };
};

/** What the plugin was called for: expressions for the absolute path. */
const readIncludes = (
  filter: XmlElement | undefined,
): { readonly patterns: readonly string[] } | { readonly refused: string } => {
  if (!isOn(filter)) return { patterns: [] };
  const translations = childrenOf(filter, 'include').map((include) => {
    const expression = textOf(include, 'expression');
    return { expression, translation: patternsOf(expression) };
  });
  for (const { expression, translation } of translations)
    if ('fault' in translation)
      return {
        refused: `its filter "${expression}" is no pattern of rsync (${translation.fault}): write "only" yourself`,
      };
  const patterns = translations.flatMap(({ translation }) =>
    'patterns' in translation ? translation.patterns : [],
  );
  return patterns.length === 0 ? { refused: 'its filter lets nothing through' } : { patterns };
};

const readSocket = (block: XmlElement | undefined): Outcome => {
  const host = childOf(childOf(block, 'localpath'), 'deshost');
  const [ip, port] = [textOf(host, 'ip'), textOf(host, 'port')];
  if (ip === '' || !/^[1-9]\d*$/.test(port)) return { refused: 'expected <deshost ip="…" port="…"/> in it' };
  return {
    hook: {
      type: 'socket',
      address: `tcp://${ip.includes(':') ? `[${ip}]` : ip}:${port}`,
      when: 'all',
      maxPaths: 1,
    },
    message:
      'one path in each connection as before, with a line break behind it. A receiver that reads lines takes more at once without "maxPaths": 1',
  };
};

const readHttp = (block: XmlElement | undefined): Outcome => {
  const url = textOf(childOf(childOf(block, 'localpath'), 'deshost'), 'url');
  if (!/^https?:\/\//.test(url)) return { refused: 'expected <deshost url="http://…"/> in it' };
  return {
    hook: { type: 'webhook', url, when: 'all' },
    message: 'sersync 2.5.4 was built without it; instead of a form the service gets JSON, see docs/hooks.md',
  };
};

const readCdn = (block: XmlElement | undefined): Outcome => {
  const tree = childOf(block, 'localpath');
  const [cdn, regex] = [childOf(tree, 'cdninfo'), childOf(tree, 'regexurl')];
  const base = textOf(childOf(tree, 'sendurl'), 'base').replace(/\/$/, '');
  const [host, port, user] = ['domainname', 'port', 'username'].map((name) => textOf(cdn, name));
  if (!host || base === '')
    return { refused: 'expected <cdninfo domainname="…"/> and <sendurl base="…"/> in it' };
  if (textOf(regex, 'regex') === 'true')
    return {
      refused:
        'the URL was cut out of the path by an expression: write "publicUrl" of a cdn-purge hook yourself',
    };
  const at = `http://${host}${port === undefined || port === '' || port === '80' ? '' : `:${port}`}`;
  return {
    hook: {
      type: 'cdn-purge',
      publicUrl: `${/^https?:\/\//.test(base) ? '' : 'http://'}${base}/{path}`,
      request: `${at}/index.jsp?user=${encodeURIComponent(user ?? '')}&pswd={secret}&ok=ok&urls={urls}`,
      method: 'HEAD',
      secretFile: cdnSecretFile,
    },
    message: `the same request, for up to 30 URLs at once. Write the password of the CDN into ${cdnSecretFile}, mode 0600`,
    source: sourceOf(textOf(tree, 'watch')),
  };
};

const readers: ReadonlyMap<string, (block: XmlElement | undefined) => Outcome> = new Map([
  ['command', readCommand],
  ['socket', readSocket],
  ['http', readHttp],
  ['refreshCDN', readCdn],
]);

/** As it stood there; the password of a CDN is left out. */
const settingsOf = (block: XmlElement | undefined): string => {
  const settings = (block?.children ?? []).flatMap(function attributes(element): string[] {
    return [
      ...Object.entries(element.attributes)
        .filter(([name, value]) => value !== '' && !isSame(name, 'passwd'))
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`),
      ...element.children.flatMap(attributes),
    ];
  });
  return settings.length === 0 ? '' : ` (${settings.join(', ')})`;
};
