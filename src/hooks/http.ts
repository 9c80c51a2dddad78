import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isWide } from '../core/change.js';
import type { CdnPurgeHook, WebhookHook } from '../core/hook.js';
import { type RelPath, relPathToBytes } from '../core/path.js';
import { documentOf, type HookAction, HookFailure } from './hook-call.js';

/**
 * Posts the JSON of the call. With a secret, `X-Imgsync-Signature` is `sha256=` and the HMAC-SHA256 of the body in hex;
 * `X-Imgsync-Id` names the call, the same in each of its retries.
 */
export const webhookAction = ({ url, headers, secretFile }: WebhookHook): HookAction => {
  return async (call, signal) => {
    const body = await documentOf(call);
    const secret = secretFile === undefined ? undefined : await readSecret(secretFile);
    await request(url, signal, {
      method: 'POST',
      headers: {
        ...headers,
        'content-type': 'application/json',
        'x-imgsync-id': call.id,
        ...(secret === undefined
          ? {}
          : { 'x-imgsync-signature': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}` }),
      },
      body,
    });
  };
};

/** Tells a CDN the URLs of the call's paths: each in a request of its own, or all in one. */
export const cdnPurgeAction = (hook: CdnPurgeHook): HookAction => {
  const { publicUrl, request: target, method, bodyKey, secretFile } = hook;
  return async (call, signal) => {
    const secret = secretFile === undefined ? undefined : await readSecret(secretFile);
    const urls = call.changes.map(({ kind, path }) =>
      // What changed somewhere in a directory is the directory's URL, with a slash.
      publicUrl.replaceAll('{path}', () => `${encodePath(path)}${!isWide(kind) || path === '' ? '' : '/'}`),
    );
    const headers = {
      ...hook.headers,
      ...(secret === undefined || target.includes('{secret}') ? {} : { authorization: `Bearer ${secret}` }),
    };
    const filled = target.replaceAll('{secret}', () => encodeURIComponent(secret ?? ''));
    if (filled.includes('{url}')) {
      for (const url of urls) {
        const encoded = filled === '{url}' ? url : encodeURIComponent(url);
        await request(
          filled.replaceAll('{url}', () => encoded),
          signal,
          { method, headers },
        );
      }
      return;
    }
    if (filled.includes('{urls}')) {
      const encoded = encodeURIComponent(urls.join('\r\n'));
      await request(
        filled.replaceAll('{urls}', () => encoded),
        signal,
        { method, headers },
      );
      return;
    }
    await request(filled, signal, {
      method,
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ [bodyKey]: urls }),
    });
  };
};

/** Every byte that has to be, of any encoding. */
const encodePath = (path: RelPath): string =>
  [...relPathToBytes(path)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[\w.~/-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');

const readSecret = async (file: string): Promise<string> => {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new HookFailure(`the secretFile ${file} can not be read`, { cause });
  });
  return text.split(/\r?\n/, 1)[0] ?? '';
};

/** The URL may hold a secret, so it is in no message. */
const request = async (url: string, signal: AbortSignal, init: RequestInit): Promise<void> => {
  const response = await fetch(url, { ...init, signal, redirect: 'manual' }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new HookFailure(`no answer: ${reasonOf(cause)}`);
  });
  // Whatever it says: the connection is free again only when it was read or given up.
  await response.body?.cancel().catch(() => {});
  if (response.status < 200 || response.status > 299)
    throw new HookFailure(`the answer was ${response.status} ${response.statusText}`.trim());
};

const reasonOf = (error: unknown): string => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof Error)) return String(cause);
  return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
};
