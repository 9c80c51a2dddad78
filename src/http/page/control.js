import { byId, setText } from './dom.js';
import { plural } from './format.js';

const tokenKey = 'imgsync-fast token';

/** Reads what the server tells about paths, and asks it for what an operator decides. */
export const get = async (path) => {
  const answer = await fetch(path, { cache: 'no-store' });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
};

/** Brings back the token that this tab was given. */
export const listenToToken = () => {
  const field = byId('token');
  field.value = sessionStorage.getItem(tokenKey) ?? '';
  field.addEventListener('input', () => sessionStorage.setItem(tokenKey, field.value.trim()));
  byId('token-form').addEventListener('submit', (event) => event.preventDefault());
};

/** Asks once more, then tells the server. @param output where the answer is said */
export const decide = async (decision, { target, held, kept, entries }, output) => {
  const isApproval = decision === 'approve';
  const paths = plural(held + (isApproval ? kept : 0), 'path');
  const question = isApproval
    ? `Delete ${paths} (${plural(entries, 'entry', 'entries')}) at ${target}? This can not be undone.`
    : `Keep ${paths} at ${target} although the source no longer has them?`;
  if (!(await confirmed(question, isApproval ? 'Delete' : 'Keep'))) return;
  setText(output, 'asking …');
  setText(
    output,
    await post(`v1/deletes/${decision}`, { target }, isApproval ? 'will be deleted' : 'will be kept'),
  );
};

const confirmed = (question, yes) => {
  const dialog = byId('confirm');
  const button = byId('confirm-yes');
  setText(byId('confirm-text'), question);
  setText(button, yes);
  button.className = yes === 'Delete' ? 'danger' : '';
  dialog.returnValue = 'cancel';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
};

const post = async (path, body, done) => {
  const token = byId('token').value.trim();
  try {
    const answer = await fetch(path, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    });
    const { paths = {}, error } = await answer.json();
    if (answer.ok)
      return `${plural(
        Object.values(paths).reduce((a, b) => a + b, 0),
        'path',
      )} ${done}.`;
    if (answer.status === 401) {
      byId('token').focus();
      return token === '' ? 'Enter the token first.' : 'This is not the token.';
    }
    return error?.message ?? `The answer was ${answer.status}.`;
  } catch {
    return 'There was no answer.';
  }
};
