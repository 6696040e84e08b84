// Elements without innerHTML: texts of a snapshot can never become markup.

export const find = (selector) => document.querySelector(selector);

export function h(tag, properties = {}, ...children) { // h('p.note', { id: 'a', onclick: f }, 'text', node, null)
  const [name, ...classes] = tag.split('.');
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(' ');
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else if (key in node && key !== 'list') node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ''));
  return node;
}

export const dotted = (...parts) => parts.filter(Boolean).join(' · '); // What is there, with dots between.
