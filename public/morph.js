// @ts-check
// Changes one tree of nodes into the shape of another and keeps every node that can stay. A node that stays keeps its focus,
// its selection, its scroll position and what the reader typed or opened.
//
// Two nodes with the same name are the same node, in this order, if
// 1. they have the same key: their `id`, their `data-key`, or the `rel` of a link to a neighbouring page;
// 2. they have no key, and an element with the same `id` is somewhere inside both;
// 3. they have no key, the same class, and are at the same place among their siblings.

/**
 * What is kept although the server's page differs, until the server sends a new value for it.
 * @typedef {object} Keep
 * @property {boolean} [typed] What the reader typed or chose.
 * @property {boolean} [open] Which `details` the reader opened.
 */

/**
 * @typedef {Keep & { inside: Map<Element, Set<string>> }} Context
 * `inside` has the ids of the elements inside an element, as far as both trees have them.
 */

// Marks an element whose content a script draws. Its attributes follow the server. Its content is kept until the value changes.
const OWN = "data-own";
const PAGE_LINKS = ["first", "prev", "next", "last"];

/** @type {Element | undefined} The element that can have the focus only because `restoreFocus` gave it a `tabindex`. */
let focusHolder;

/**
 * Makes `old` the same as `fresh`. Nodes may be moved out of `fresh`, so `fresh` must not be used afterwards.
 * @param {Element} old
 * @param {Element} fresh
 * @param {Keep} keep
 */
export function morph(old, fresh, keep) {
  const path = focusPath(old.ownerDocument);
  patch(old, fresh, { ...keep, inside: commonIds(old, fresh) });
  restoreFocus(path);
}

/**
 * @param {Node} node
 * @returns {node is Element}
 */
const isElement = (node) => node.nodeType === 1;

/** @param {Node} node */
function keyOf(node) {
  if (!isElement(node)) return "";
  const rel = node.nodeName === "A" && node.getAttribute("rel");
  return node.id || node.getAttribute("data-key") || (rel && PAGE_LINKS.includes(rel) ? rel : "");
}

/**
 * A node's kind: its name and its first class. State classes such as `is-open` and `tone-good` are skipped.
 * @param {Node} node
 */
function kindOf(node) {
  const classes = isElement(node) ? (node.getAttribute("class") ?? "").split(" ") : [];
  return `${node.nodeName} ${classes.find((name) => name && !/^(is|tone)-/.test(name)) ?? ""}`;
}

/**
 * Finds the elements around each id that both trees have.
 * @param {Element} old
 * @param {Element} fresh
 */
function commonIds(old, fresh) {
  const [here, there] = [old, fresh].map(
    (root) => new Map([...root.querySelectorAll("[id]")].map((element) => [element.id, element])),
  );
  /** @type {Context["inside"]} */
  const inside = new Map();
  for (const [id, element] of here) {
    const twin = there.get(id);
    if (!twin) continue;
    for (const [start, root] of [[element, old], [twin, fresh]]) {
      for (let around = start.parentElement; around && around !== root; around = around.parentElement) {
        const ids = inside.get(around);
        if (ids) ids.add(id);
        else inside.set(around, new Set([id]));
      }
    }
  }
  return inside;
}

/**
 * @param {Node} old
 * @param {Node} fresh
 * @param {Context} context
 */
function patch(old, fresh, context) {
  if (!isElement(old) || !isElement(fresh)) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  const own = old.getAttribute(OWN);
  const changed = patchAttributes(old, fresh, context);
  if (fresh.hasAttribute(OWN)) {
    if (own !== fresh.getAttribute(OWN)) old.replaceChildren(...fresh.childNodes);
    return;
  }
  const textBefore = old.nodeName === "TEXTAREA" ? old.textContent : null;
  patchChildren(old, fresh, context);
  patchControl(old, context, changed, textBefore);
}

/**
 * @param {Element} old
 * @param {Element} fresh
 * @param {Keep} keep
 * @returns {Set<string>} The names of the attributes that changed.
 */
function patchAttributes(old, fresh, keep) {
  const changed = new Set();
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) {
      changed.add(name);
      old.setAttribute(name, value);
    }
  }
  for (const { name } of [...old.attributes]) {
    if (fresh.hasAttribute(name) || (name === "open" && keep.open)) continue;
    if (name === "tabindex" && old === focusHolder) continue;
    changed.add(name);
    old.removeAttribute(name);
  }
  return changed;
}

/**
 * A control's value is separate from its attributes. It follows an attribute that changed, and all of them if nothing is kept.
 * @param {Element} old
 * @param {Keep} keep
 * @param {Set<string>} changed
 * @param {string | null} textBefore
 */
function patchControl(old, keep, changed, textBefore) {
  switch (old.nodeName) {
    case "INPUT": {
      const input = /** @type {HTMLInputElement} */ (old);
      if (["checkbox", "radio"].includes(input.type)) {
        if (!keep.typed || changed.has("checked")) input.checked = input.defaultChecked;
      } else if (!["hidden", "submit", "button"].includes(input.type)) {
        if (!keep.typed || changed.has("value")) input.value = input.defaultValue;
      }
      break;
    }
    case "TEXTAREA": {
      const area = /** @type {HTMLTextAreaElement} */ (old);
      if (!keep.typed || textBefore !== area.textContent) area.value = area.defaultValue;
      break;
    }
    case "OPTION": {
      // If no option is selected, the browser selects the first one.
      const option = /** @type {HTMLOptionElement} */ (old);
      if (!keep.typed || changed.has("selected")) option.selected = option.defaultSelected;
      break;
    }
  }
}

/**
 * @param {Element} old
 * @param {Element} fresh
 * @param {Context} context
 */
function patchChildren(old, fresh, context) {
  const { inside } = context;
  /** @type {Map<string, Element>} */
  const byKey = new Map();
  /** @type {Map<string, Element>} */
  const byIdInside = new Map();
  for (const child of old.children) {
    const key = keyOf(child);
    if (key) byKey.set(key, child);
    else for (const id of inside.get(child) ?? []) byIdInside.set(id, child);
  }
  // The keys, ids and kinds by which the children of `fresh` are matched.
  const [freshKeys, freshIds, freshKinds] = [new Set(), new Set(), new Set()];
  for (const child of fresh.children) {
    const key = keyOf(child);
    if (key) freshKeys.add(key);
    else {
      freshKinds.add(kindOf(child));
      for (const id of inside.get(child) ?? []) freshIds.add(id);
    }
  }
  /** @param {Node} child */
  const isReserved = (child) =>
    keyOf(child) !== "" || (isElement(child) && [...(inside.get(child) ?? [])].some((id) => freshIds.has(id)));

  /** @type {Set<Node>} */
  const kept = new Set();
  /** @type {ChildNode | null} */
  let next = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    // Elements whose key is gone are skipped here and removed below, so that nothing moves because of them.
    while (next && keyOf(next) && !freshKeys.has(keyOf(next))) next = next.nextSibling;
    /** @type {ChildNode | null | undefined} */
    let found;
    const key = keyOf(wanted);
    if (key) found = byKey.get(key);
    else if (isElement(wanted)) {
      for (const id of inside.get(wanted) ?? []) found ??= byIdInside.get(id);
    }
    if (found && (kept.has(found) || found.nodeName !== wanted.nodeName)) found = undefined;
    let mustMove = Boolean(found);
    if (!found && !key) {
      const kind = kindOf(wanted);
      for (found = next; found && (isReserved(found) || kindOf(found) !== kind); found = found.nextSibling) {
        // A node that is skipped may be matched later.
        mustMove ||= isElement(found) && freshKinds.has(kindOf(found));
      }
    }
    if (!found) {
      const made = old.ownerDocument.importNode(wanted, true);
      kept.add(made);
      old.insertBefore(made, next);
      continue;
    }
    kept.add(found);
    if (found === next || !mustMove) next = found.nextSibling;
    else next = moveBefore(found, next);
    // Most nodes are unchanged, and `isEqualNode` finds that out faster than `patch`. It does not compare typed values,
    // so it is enough only if these are kept.
    if (!context.typed || !found.isEqualNode(wanted)) patch(found, wanted, context);
  }
  for (const child of [...old.childNodes]) if (!kept.has(child)) child.remove();
}

/**
 * Moves `node` before its sibling `next`. A node that moves loses the focus. If the focus is in `node`, the siblings between
 * the two are moved behind it instead.
 * @param {ChildNode} node
 * @param {ChildNode | null} next
 * @returns {ChildNode | null} The sibling that comes next.
 */
function moveBefore(node, next) {
  const comesLater = next && next.compareDocumentPosition(node) & 4; // DOCUMENT_POSITION_FOLLOWING
  const hasFocus = node.contains(node.ownerDocument?.activeElement ?? null);
  if (!comesLater || !hasFocus) {
    node.parentNode?.insertBefore(node, next);
    return next;
  }
  const siblings = [...(node.parentNode?.childNodes ?? [])];
  node.after(...siblings.slice(siblings.indexOf(next), siblings.indexOf(node)));
  return next;
}

/**
 * The element with the focus and the elements around it, from inside to outside.
 * @param {Document} page
 */
function focusPath(page) {
  const path = [];
  for (let at = page.activeElement; at && at !== page.body; at = at.parentElement) path.push(at);
  return path;
}

/**
 * Restores the focus if the change removed it. If the element is gone, such as the link "Next" on the last page, the nearest
 * element around it gets the focus, so that the Tab key continues from there.
 * @param {Element[]} path
 */
function restoreFocus(path) {
  const heir = /** @type {HTMLElement | undefined} */ (path.find((element) => element.isConnected));
  const page = heir?.ownerDocument;
  if (!heir || !page || (page.activeElement && page.activeElement !== page.body)) return;
  heir.focus({ preventScroll: true });
  if (page.activeElement === heir) return;
  heir.setAttribute("tabindex", "-1");
  focusHolder = heir;
  heir.addEventListener(
    "blur",
    () => {
      heir.removeAttribute("tabindex");
      if (focusHolder === heir) focusHolder = undefined;
    },
    { once: true },
  );
  heir.focus({ preventScroll: true });
}
