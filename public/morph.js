// Makes one tree of nodes say what another says, and keeps every node that can stay: with it stay the focus, the selection,
// what is scrolled and what the reader opened. Nodes are the same by their id or `data-key`, else by their place and name.

// What a script has drawn itself: its attributes follow the server, its content is left alone while the value stays.
const OWN = "data-own";

const keyOf = (node) => (node.nodeType === 1 ? node.id || node.dataset?.key || "" : "");
const alike = (old, fresh) => old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName;

// `keep`: what the reader `typed` or chose, and what they opened (`open`), stays where the server does not say something new.
export function morph(old, fresh, keep) {
  if (old.nodeType !== 1) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  const own = old.getAttribute(OWN);
  const told = attributes(old, fresh, keep);
  if (fresh.hasAttribute(OWN)) {
    if (own !== fresh.getAttribute(OWN)) old.replaceChildren(...fresh.childNodes);
    return;
  }
  const before = old.nodeName === "TEXTAREA" && old.textContent;
  children(old, fresh, keep);
  control(old, fresh, keep, told, before);
}

// The names of the attributes that were changed.
function attributes(old, fresh, keep) {
  const told = new Set();
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) {
      told.add(name);
      old.setAttribute(name, value);
    }
  }
  for (const { name } of [...old.attributes]) {
    if (fresh.hasAttribute(name) || (name === "open" && keep.open)) continue;
    told.add(name);
    old.removeAttribute(name);
  }
  return told;
}

// What a control holds is not what its attributes say: it follows them where they change, and where nothing is to be kept.
function control(old, fresh, keep, told, before) {
  switch (old.nodeName) {
    case "INPUT":
      if (["checkbox", "radio"].includes(old.type)) {
        if (!keep.typed || told.has("checked")) old.checked = old.defaultChecked;
      } else if (!["hidden", "submit", "button"].includes(old.type)) {
        if (!keep.typed || told.has("value")) old.value = old.defaultValue;
      }
      break;
    case "TEXTAREA":
      if (!keep.typed || before !== old.textContent) old.value = old.defaultValue;
      break;
    case "OPTION":
      if (!keep.typed || told.has("selected")) old.selected = old.defaultSelected;
      break;
    case "SELECT":
      // With no option marked, the first one is chosen.
      if (!keep.typed && ![...old.options].some((option) => option.defaultSelected)) old.selectedIndex = 0;
      break;
  }
}

function children(old, fresh, keep) {
  const keyed = new Map();
  for (const child of old.children) if (keyOf(child)) keyed.set(keyOf(child), child);
  const stays = new Set();
  let next = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    let found;
    if (keyOf(wanted)) {
      found = keyed.get(keyOf(wanted));
      if (found && (stays.has(found) || !alike(found, wanted))) found = undefined;
    } else {
      found = next;
      while (found && (keyOf(found) || !alike(found, wanted))) found = found.nextSibling;
    }
    if (!found) {
      const made = document.importNode(wanted, true);
      stays.add(made);
      old.insertBefore(made, next);
      continue;
    }
    stays.add(found);
    // Most of a page says the same; the browser finds that out faster than a walk. Only what a reader typed is in no attribute.
    if (!keep.typed || !found.isEqualNode(wanted)) morph(found, wanted, keep);
    if (found === next || !keyOf(found)) next = found.nextSibling;
    else old.insertBefore(found, next);
  }
  for (const child of [...old.childNodes]) if (!stays.has(child)) child.remove();
}
