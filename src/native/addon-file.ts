import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { WatchError } from '../core/errors.js';

/** The machine that the addon is wanted for. */
export interface Host {
  /** As `process.platform`. */
  readonly platform: string;
  /** As `process.arch`. */
  readonly architecture: string;
  /** The C library of this process. */
  readonly libc: 'glibc' | 'musl';
}

const addonName = 'imgsync_native.node';
const buildHint =
  'build it in the folder of the package with `npm run build:native` (g++, make and python3 are needed)';

/** Of the running process. */
const thisHost = (): Host => ({
  platform: process.platform,
  architecture: process.arch,
  // musl's loader is also its C library, and so is always there.
  libc: readMaps().includes('/ld-musl-') ? 'musl' : 'glibc',
});

const readMaps = (): string => {
  try {
    return readFileSync('/proc/self/maps', 'latin1');
  } catch {
    return ''; // without /proc, as in a bare chroot
  }
};

/**
 * The compiled addon: one that was built in place, or else the one that the package brings for this machine.
 * @param packageFolder ends with a slash
 * @param exists whether there is such a file
 * Throws {@link WatchError} `UNSUPPORTED_PLATFORM` where there is no inotify, `ADDON_MISSING` where it has to be built.
 */
export const findAddon = (
  { platform, architecture, libc }: Host,
  packageFolder: string,
  exists: (file: string) => boolean,
): string => {
  if (platform !== 'linux') {
    throw new WatchError(
      'UNSUPPORTED_PLATFORM',
      `imgsync-fast runs on Linux only, this is ${platform}`,
      'run it on the Linux host that holds the tree; a virtual machine, a container or WSL 2 is one for trees on its own disk',
    );
  }
  const built = `${packageFolder}build/Release/${addonName}`;
  const prebuilt = `${packageFolder}prebuilds/linux-${architecture}/${addonName}`;
  if (exists(built)) return built;
  if (libc === 'glibc' && exists(prebuilt)) return prebuilt;
  throw new WatchError(
    'ADDON_MISSING',
    `there is no native addon for linux-${architecture} with ${libc} in ${packageFolder}`,
    buildHint,
  );
};

/** {@link findAddon} for this process and this package. */
export const addonFile = (): string => findAddon(thisHost(), packageFolder(), existsSync);

// It lies at a different depth in the package (dist/) and in the tests' build (out/src/).
const packageFolder = (): string => {
  const folders = ['../../', '../../../'].map((up) => fileURLToPath(new URL(up, import.meta.url)));
  return folders.find((folder) => existsSync(`${folder}package.json`)) ?? (folders[0] as string);
};

/** The error for an addon that is there and can't be loaded. */
export const unusableAddon = (file: string, cause: unknown): WatchError =>
  new WatchError(
    'ADDON_MISSING',
    `the native addon ${file} can't be loaded: ${cause instanceof Error ? cause.message : String(cause)}`,
    buildHint,
    { cause },
  );
