// Whatever comes from outside becomes a text node: a name is never read as code.

/** Makes an element. Children are elements or texts; `undefined` is left out. */
export const element = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : String(value));
  made.append(...children.filter((child) => child !== undefined && child !== ''));
  return made;
};

const svgSpace = 'http://www.w3.org/2000/svg';

/** The same for a part of a drawing. */
export const drawing = (tag, attributes = {}, ...children) => {
  const made = document.createElementNS(svgSpace, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
};

export const byId = (id) => document.getElementById(id);

/** Sets a text only when it is another one: what a screen reader follows must not be touched without need. */
export const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

/**
 * Makes the children of `parent` those for `items`, in their order. One with a known key is kept and updated, so that the
 * focus and what is folded open stay.
 */
export const keep = (parent, items, { key, make, update }) => {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const wanted = items.map((item) => {
    const name = key(item);
    let child = known.get(name);
    if (child === undefined) {
      child = make(item);
      child.dataset.key = name;
    }
    update?.(child, item);
    return child;
  });
  if (wanted.length === parent.children.length && wanted.every((child, i) => parent.children[i] === child))
    return;
  parent.replaceChildren(...wanted);
};
