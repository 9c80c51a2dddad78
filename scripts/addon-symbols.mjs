// What a prebuilt addon may ask of the machine that it runs on. `node scripts/addon-symbols.mjs FILE …` looks.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The oldest C library that prebuilt addons run with: the one that Node's own binaries ask for since Node 18. */
export const oldestLibc = '2.28';

const machines = { 'Advanced Micro Devices X86-64': 'x64', AArch64: 'arm64' };
const libraries = /^(libc\.so\.6|libpthread\.so\.0|libdl\.so\.2|ld-linux-(x86-64\.so\.2|aarch64\.so\.1))$/;
const entryPoints = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

const readelf = (file, option) => {
  const { status, stdout, stderr, error } = spawnSync('readelf', ['--wide', option, file], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 1e8,
  });
  if (status !== 0 || stderr !== '') throw new Error(`readelf ${file}: ${error?.message ?? stderr.trim()}`);
  return stdout;
};

const isNewer = (version, than) => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split('.').map(Number);
  return major > thanMajor || (major === thanMajor && minor > thanMinor);
};

/** Named symbols of the dynamic table: `{ name, version, isDefined, isWeak }`. */
const symbolsOf = (file) => {
  const row = /^ *\d+: (?:\S+ +){3}(GLOBAL|WEAK|UNIQUE) +\S+ +(\S+) (\S+)/gm;
  return [...readelf(file, '--dyn-syms').matchAll(row)].map(([, binding, section, symbol]) => {
    const [name, version] = symbol.split(/@+/);
    return { name, version, isDefined: section !== 'UND', isWeak: binding === 'WEAK' };
  });
};

/** What is asked for and can't be had on the oldest system. */
const needFault = ({ name, version, isWeak }) => {
  if (version === undefined)
    return isWeak || /^(napi|uv)_/.test(name) ? undefined : `${name} is nowhere to be found`;
  const [, library, number] = /^([A-Z_]+?)_([0-9.]+)$/.exec(version) ?? [];
  if (library !== 'GLIBC') return `${name} needs ${version}: libstdc++ and libgcc have to be linked in`;
  return isNewer(number, oldestLibc) ? `${name} needs ${version}, newer than ${oldestLibc}` : undefined;
};

/** The entry points, and nothing else, can be seen from outside. */
const viewFaults = (names) => {
  const others = names.filter((name) => !entryPoints.includes(name));
  const missing = entryPoints.filter((name) => !names.includes(name));
  return [
    ...(others.length > 0 ? [`${others.length} names can be seen from outside, such as ${others[0]}`] : []),
    ...missing.map((name) => `${name} is missing`),
  ];
};

/**
 * @param {string} file an addon
 * @returns {{ architecture: string, libc: string, faults: string[] }} what it is for, the newest version of the C library that
 *   it asks for, and what keeps it from running with {@link oldestLibc}, one line each
 */
export const inspectAddon = (file) => {
  const [, machine = ''] = /^ *Machine: +(.+)$/m.exec(readelf(file, '--file-header')) ?? [];
  const symbols = symbolsOf(file);
  const needed = [...readelf(file, '--dynamic').matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, name]) => name);
  const versions = symbols.flatMap(({ version }) => /^GLIBC_([0-9.]+)$/.exec(version ?? '')?.[1] ?? []);
  return {
    architecture: machines[machine] ?? machine,
    libc: versions.reduce((newest, version) => (isNewer(version, newest) ? version : newest), '0'),
    faults: [
      ...needed.filter((name) => !libraries.test(name)).map((name) => `needs ${name}`),
      ...symbols.filter(({ isDefined }) => !isDefined).flatMap((symbol) => needFault(symbol) ?? []),
      ...viewFaults(symbols.filter(({ isDefined }) => isDefined).map(({ name }) => name)),
    ],
  };
};

/** Prints what it finds. @returns {boolean} whether the file is fit for the package */
export const checkAddon = (file) => {
  const { architecture, libc, faults } = inspectAddon(file);
  console.log(`${file}: ${architecture}, C library ${libc} or newer${faults.length > 0 ? ', but' : ''}`);
  for (const fault of faults) console.error(`  ${fault}`);
  return faults.length === 0;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = process.argv.slice(2);
  if (files.length === 0) console.error('usage: addon-symbols.mjs FILE …');
  process.exitCode = files.length > 0 && files.map(checkAddon).every(Boolean) ? 0 : 1;
}
