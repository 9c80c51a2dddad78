import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asRelPath, parentOf } from '../../src/core/path.js';
import { removeAtEnd, type Scope } from './scope.js';

/** A fresh directory that is removed when the scope ends. */
export const tempDirectory = (scope: Scope, name = 'tree'): string => {
  const path = mkdtempSync(join(tmpdir(), `imgsync-${name}-`));
  removeAtEnd(scope, path);
  return path;
};

/** Absolute root (plain ASCII) and relative path (latin1, one character per byte) -> the bytes for node:fs. */
export const bytesOf = (root: string, path: string): Buffer =>
  Buffer.from(path === '' ? root : `${root}/${path}`, 'latin1');

/** A tree on disk. Paths are relative to its root, one latin1 character per byte. */
export class Tree {
  constructor(
    /** Absolute path of the root. */
    readonly path: string,
  ) {}

  /** The bytes of the absolute path, for node:fs. */
  at(path: string): Buffer {
    return bytesOf(this.path, path);
  }

  /** Writes the file; directories above it are made. */
  write(path: string, content: string | Buffer): void {
    this.makeDirectory(parentOf(asRelPath(path)) ?? '');
    writeFileSync(this.at(path), content);
  }

  append(path: string, content: string | Buffer): void {
    appendFileSync(this.at(path), content);
  }

  read(path: string): Buffer {
    return readFileSync(this.at(path));
  }

  makeDirectory(path: string): void {
    mkdirSync(this.at(path), { recursive: true });
  }

  move(from: string, to: string): void {
    renameSync(this.at(from), this.at(to));
  }

  link(path: string, target: string): void {
    symlinkSync(Buffer.from(target, 'latin1'), this.at(path));
  }

  has(path: string): boolean {
    return existsSync(this.at(path));
  }

  /** Entries in it, at any depth. */
  count(): number {
    return readdirSync(this.path, { recursive: true }).length;
  }

  /** Removes a file, a link or a whole tree; what is not there is no error. */
  remove(path: string): void {
    rmSync(this.at(path), { recursive: true, force: true });
  }
}

/** A temporary tree with these files: relative path -> content. */
export const tempTree = (scope: Scope, files: Readonly<Record<string, string | Buffer>> = {}): Tree => {
  const tree = new Tree(tempDirectory(scope));
  for (const [path, content] of Object.entries(files)) tree.write(path, content);
  return tree;
};
