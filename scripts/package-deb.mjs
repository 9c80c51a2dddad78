// npm run package:deb [-- FOLDER]: makes FOLDER/imgsync-fast_VERSION-1_ARCH.deb for this machine's architecture; FOLDER is
// out by default. What goes in: the npm package and the packages it runs with, as they are in node_modules, and the
// addon. The same checkout makes the same bytes.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { requirePackages } from './require-packages.mjs';

requirePackages({ 'dpkg-deb': 'dpkg', 'dpkg-shlibdeps': 'dpkg-dev', strip: 'binutils' });

const architectures = { x64: 'amd64', arm64: 'arm64' };
const architecture = architectures[process.arch];
if (architecture === undefined) {
  console.error(`package:deb: no package for ${process.arch}; known are ${Object.keys(architectures)}`);
  process.exit(1);
}

const outFolder = resolve(process.argv[2] ?? 'out');
const { name, version, description } = JSON.parse(readFileSync('package.json', 'utf8'));
const debVersion = `${version}-1`;
const epoch =
  process.env.SOURCE_DATE_EPOCH ??
  execFileSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8' }).trim();
const builtAt = new Date(Number(epoch) * 1000);
const maintainer = `${process.env.DEBFULLNAME ?? name} <${process.env.DEBEMAIL ?? `${name}@localhost`}>`;

const stage = mkdtempSync(join(tmpdir(), `${name}-deb-`));
process.on('exit', () => rmSync(stage, { recursive: true, force: true }));
const root = join(stage, 'root');
const library = join(root, 'usr/lib', name);
const documents = join(root, 'usr/share/doc', name);

const run = (program, args, options = {}) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], ...options });
const copy = (from, to, options = {}) => {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, ...options });
};
const write = (path, content, mode = 0o644) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content, { mode });
};
const gzip = (content) => gzipSync(content, { level: 9 });

/**
 * Whether the package is run with it; left out is what builds or tests it, or is for another machine or C library.
 * @param path below the checkout
 */
const isNeeded = (path) =>
  !/\/(?:test|tests|__tests__|benchmarks?|examples?|docs|\.[^/]+)$/.test(path) &&
  !/\/lmdb\/(?:dependencies|src|dict)$|\.musl\.node$/.test(path) &&
  !new RegExp(`/prebuilds/(?!linux-${process.arch}$)[^/]+$`).test(path) &&
  (/licen[cs]e|notice|copying/i.test(path) ||
    !/\.(?:map|[cm]?ts|md|html|sh|ya?ml|c|cc|cpp|h|hpp|gypi?)$/.test(path));

const compile = () => {
  const bare = ['--declaration', 'false', '--sourceMap', 'false'];
  run('npx', ['tsc', '-p', 'tsconfig.build.json', ...bare, '--outDir', join(library, 'dist')]);
  copy('src/http/page', join(library, 'dist/http/page'));
  chmodSync(join(library, 'dist/cli/main.js'), 0o755);
};

/** The rest of the npm package but for the addon. Pages and units have places of their own. */
const copyPackage = () => {
  const [{ files }] = JSON.parse(run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts']));
  const elsewhere = /^(?:build|deploy|dist|docs|examples|man|native|prebuilds)\/|\.(?:gyp|md)$|^LICENSE$/;
  for (const { path } of files) if (!elsewhere.test(path)) copy(path, join(library, path));
};

/** The addon for this machine: the one that was made for the npm package, otherwise what was compiled here. */
const copyAddon = () => {
  const compiled = 'build/Release/imgsync_native.node';
  const places = [`prebuilds/linux-${process.arch}/imgsync_native.node`, compiled];
  const found = places.find((path) => existsSync(path));
  if (found === undefined) run('npm', ['run', '--silent', 'build:native']);
  copy(found ?? compiled, join(library, found ?? compiled));
};

/** @returns what they are, for the page of licences */
const copyDependencies = () => {
  const listed = run('npm', ['ls', '--omit=dev', '--all', '--parseable']);
  const folders = listed.split('\n').filter((path) => path.includes('/node_modules/'));
  const bundled = [];
  // Of headers alone: it is there to compile the addon.
  for (const folder of folders.filter((path) => basename(path) !== 'node-addon-api').sort()) {
    const inside = join(folder, 'node_modules');
    copy(folder, join(library, relative('.', folder)), {
      dereference: true,
      filter: (path) => path !== inside && isNeeded(relative('.', path)),
    });
    bundled.push(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')));
  }
  return bundled;
};

const placeFiles = () => {
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  symlinkSync(`../lib/${name}/dist/cli/main.js`, join(root, 'usr/bin', name));
  for (const page of readdirSync('man'))
    write(`usr/share/man/man${page.at(-1)}/${page}.gz`, gzip(readFileSync(join('man', page))));
  copy('deploy/systemd', join(root, 'usr/lib/systemd/system'));
  copy('deploy/sysusers.d', join(root, 'usr/lib/sysusers.d'));
  copy('deploy/sysctl.d', join(root, 'usr/lib/sysctl.d'));
  mkdirSync(join(root, 'etc', name), { recursive: true });
  const completions = {
    bash: `bash-completion/completions/${name}`,
    zsh: `zsh/vendor-completions/_${name}`,
    fish: `fish/vendor_completions.d/${name}.fish`,
  };
  for (const [shell, path] of Object.entries(completions))
    write(
      `usr/share/${path}`,
      run(process.execPath, [join(library, 'dist/cli/main.js'), 'completion', shell]),
    );
};

const placeDocuments = (bundled) => {
  for (const page of ['README.md', 'README.zh-CN.md']) copy(page, join(documents, page));
  const isPage = (path) => path !== join('docs', 'api') && basename(path) !== '.npmignore';
  copy('docs', join(documents, 'docs'), { filter: isPage });
  copy('examples', join(documents, 'examples'));
  for (const folder of ['grafana', 'prometheus'])
    copy(join('deploy', folder), join(documents, 'deploy', folder));
  write(`usr/share/doc/${name}/changelog.gz`, gzip(readFileSync('CHANGELOG.md')));
  const entry = [
    `${name} (${debVersion}) unstable; urgency=medium`,
    '',
    '  * What changed: changelog.gz beside this file.',
    '',
    ` -- ${maintainer}  ${builtAt.toUTCString().replace('GMT', '+0000')}`,
  ];
  write(`usr/share/doc/${name}/changelog.Debian.gz`, gzip(`${entry.join('\n')}\n`));
  const packages = bundled.map(({ name, version, license }) => `  ${name} ${version}: ${license}`);
  const licences = [
    readFileSync('LICENSE', 'utf8'),
    `It comes with these packages of the npm registry; the text of each licence is in its folder below`,
    `/usr/lib/${name}/node_modules:\n`,
    ...packages,
    '\nThe text of the Apache License 2.0 is in /usr/share/common-licenses/Apache-2.0, too.',
  ];
  write(`usr/share/doc/${name}/copyright`, `${licences.join('\n')}\n`);
  write(`usr/share/lintian/overrides/${name}`, readFileSync('scripts/deb/lintian-overrides'));
};

const filesIn = (folder) =>
  readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesIn(path) : [path];
    })
    .sort();

/** Modes as a package has them, whatever the umask of the one who builds it. */
const setModes = (folder) => {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) setModes(path);
    else if (entry.isFile()) chmodSync(path, path.endsWith('dist/cli/main.js') ? 0o755 : 0o644);
  }
};

/** The C library and whatever else the compiled parts were linked with, at the versions that they need. */
const librariesOf = (files) => {
  const empty = join(stage, 'shlibs');
  mkdirSync(join(empty, 'debian'), { recursive: true });
  writeFileSync(join(empty, 'debian/control'), `Source: ${name}\n\nPackage: ${name}\nArchitecture: any\n`);
  const compiled = files.filter((path) => path.endsWith('.node'));
  // What node itself brings can't be found among the libraries; it would be a warning for each symbol.
  const found = run(
    'dpkg-shlibdeps',
    ['-O', '--ignore-missing-info', ...compiled.map((path) => `-e${path}`)],
    {
      cwd: empty,
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  return /^shlibs:Depends=(.*)$/m.exec(found)?.[1] ?? '';
};

const control = (files) => {
  const size = files.reduce((sum, path) => sum + Math.ceil(lstatSync(path).size / 1024), 0);
  const needs = ['nodejs (>= 20)', 'rsync (>= 3.1.3)', librariesOf(files)].filter((text) => text !== '');
  return `${[
    `Package: ${name}`,
    `Version: ${debVersion}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${maintainer}`,
    `Installed-Size: ${size}`,
    'Pre-Depends: systemd | systemd-standalone-sysusers | systemd-sysusers',
    `Depends: ${needs.join(', ')}`,
    'Recommends: openssh-client',
    'Section: net',
    'Priority: optional',
    'Description: replicates a huge directory tree to many targets as it changes',
    ...(description.match(/.{1,76}(?:\s|$)/g) ?? []).map((line) => ` ${line.trim()}`),
    ' .',
    ' Node.js 20 or newer is needed; where the distribution has an older one,',
    ' the package of NodeSource will do.',
  ].join('\n')}\n`;
};

const buildPackage = () => {
  const files = filesIn(root);
  run('strip', ['--strip-unneeded', ...files.filter((path) => path.endsWith('.node'))]);
  const meta = join(root, 'DEBIAN');
  mkdirSync(meta);
  writeFileSync(join(meta, 'control'), control(files));
  const sums = files
    .filter((path) => lstatSync(path).isFile())
    .map((path) => `${createHash('md5').update(readFileSync(path)).digest('hex')}  ${relative(root, path)}`);
  writeFileSync(join(meta, 'md5sums'), `${sums.join('\n')}\n`);
  for (const script of ['postinst', 'prerm', 'postrm']) {
    copy(join('scripts/deb', script), join(meta, script));
    chmodSync(join(meta, script), 0o755);
  }
  mkdirSync(outFolder, { recursive: true });
  const file = join(outFolder, `${name}_${debVersion}_${architecture}.deb`);
  run('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', root, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: epoch },
  });
  return file;
};

compile();
copyPackage();
copyAddon();
const bundled = copyDependencies();
placeFiles();
placeDocuments(bundled);
setModes(root);
console.log(relative('.', buildPackage()));
