import type { XmlElement } from '../xml.js';
import { isSame } from './element.js';

/** An element that sersync knows: its attributes, the elements in it, and whether several of its kind are read. */
interface Shape {
  readonly attributes?: readonly string[];
  readonly elements?: Readonly<Record<string, Shape>>;
  readonly many?: true;
}

const toggle: Shape = { attributes: ['start'] };
const excludes: Shape = {
  attributes: ['start'],
  elements: { exclude: { attributes: ['expression'], many: true } },
};

const head: Shape = {
  attributes: ['version'],
  elements: {
    host: { attributes: ['hostip', 'port'] },
    debug: toggle,
    fileSystem: { attributes: ['xfs'] },
    filter: excludes,
    inotify: {
      elements: Object.fromEntries(
        'delete createFolder createFile closeWrite moveFrom moveTo attrib modify'
          .split(' ')
          .map((name) => [name, toggle]),
      ),
    },
    sersync: {
      elements: {
        localpath: {
          attributes: ['watch'],
          elements: { remote: { attributes: ['ip', 'name'], many: true } },
          many: true,
        },
        rsync: {
          elements: {
            commonParams: { attributes: ['params'] },
            auth: { attributes: ['start', 'users', 'passwordfile'] },
            userDefinedPort: { attributes: ['start', 'port'] },
            timeout: { attributes: ['start', 'time'] },
            ssh: toggle,
          },
        },
        failLog: { attributes: ['path', 'timeToExecute'] },
        crontab: { attributes: ['start', 'schedule'], elements: { crontabfilter: excludes } },
        plugin: { attributes: ['start', 'name'] },
      },
    },
    plugin: {
      attributes: ['name'],
      elements: {
        param: { attributes: ['prefix', 'suffix', 'ignoreError'] },
        filter: {
          attributes: ['start'],
          elements: { include: { attributes: ['expression'], many: true } },
        },
        localpath: {
          attributes: ['watch'],
          elements: {
            deshost: { attributes: ['ip', 'port', 'url'] },
            cdninfo: { attributes: ['domainname', 'port', 'username', 'passwd'] },
            sendurl: { attributes: ['base'] },
            regexurl: { attributes: ['regex', 'match'] },
          },
        },
      },
      many: true,
    },
  },
};

/** Something in the file that sersync never looked at. */
export interface Stranger {
  readonly element: XmlElement;
  readonly about: string;
  readonly message: string;
}

/** All that sersync itself passed over: elements and attributes that it does not know, and repeated ones. */
export const strangersIn = (element: XmlElement, shape: Shape = head, path = ''): Stranger[] => {
  const seen = new Set<string>();
  const own = Object.keys(element.attributes)
    .filter((name) => !has(shape.attributes ?? [], name))
    .map((name) => ({
      element,
      about: `${path || element.name} ${name}="…"`,
      message: unknown(name, shape.attributes ?? []),
    }));
  const below = element.children.flatMap((child): Stranger[] => {
    const inside = path === '' ? child.name : `${path}/${child.name}`;
    const known = Object.entries(shape.elements ?? {}).find(([name]) => isSame(name, child.name));
    if (known === undefined)
      return [
        {
          element: child,
          about: `<${inside}>`,
          message: unknown(child.name, Object.keys(shape.elements ?? {})),
        },
      ];
    const [name, inner] = known;
    if (seen.has(name) && inner.many !== true)
      return [{ element: child, about: `<${inside}>`, message: 'sersync reads only the first of them' }];
    seen.add(name);
    return strangersIn(child, inner, inside);
  });
  return [...own, ...below];
};

const has = (names: readonly string[], name: string): boolean => names.some((known) => isSame(known, name));

const unknown = (name: string, known: readonly string[]): string =>
  `sersync does not know ${name}${known.length === 0 ? '' : ` (but ${known.join(', ')})`} and passed over it`;
