// @ts-check
// Morphing a page into another: which nodes are kept and which change.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { morph } from "../../public/morph.js";
import { find, makePage } from "./page.js";

/**
 * Makes `page` the same as one with that body.
 * @param {Document} page
 * @param {string} body
 * @param {import("../../public/morph.js").Keep} [keep]
 */
function become(page, body, keep = {}) {
  morph(page.body, makePage(body).body, keep);
}

/** @param {Document} page */
const focused = (page) => page.activeElement;

describe("a page becomes another", () => {
  test("texts, attributes, elements and comments follow the server", () => {
    const pairs = [
      ["<p>one</p>", "<p>two</p>"],
      ['<p class="a" hidden title="x">t</p>', '<p class="b">t</p>'],
      ['<p class="a is-b">t</p>', '<p class="a">t</p>'],
      ["<p>a</p><p>b</p>", "<p>a</p>"],
      ["<p>a</p>", "<p>a</p><ul><li>b</li></ul>"],
      ["<p>a<b>c</b></p>", "<p><i>b</i>a</p>"],
      ["<!--a--><p>a</p>", "<!--b--><p>a</p>"],
      ['<div id="a">1</div><div id="b">2</div>', '<div id="b">3</div><p>x</p><div id="a">1</div>'],
      ['<div id="a"><i id="b"></i></div>', '<p id="a"></p><div><i id="b"></i></div>'],
      ['<p data-key="a">1</p><p data-key="a">2</p>', '<p data-key="a">2</p><p data-key="a">1</p>'],
      ["<div><p id='a'></p></div><div><p id='b'></p></div>", "<div><p id='b'></p></div><div><p id='a'></p></div>"],
      ["<div><p id='a'></p></div>x<div><p id='b'></p></div>", "<p>y</p><div><p id='b'></p><p id='a'></p></div><div>z</div>"],
    ];
    for (const [before = "", after = ""] of pairs) {
      for (const keep of [{}, { typed: true, open: true }]) {
        const page = makePage(before);
        become(page, after, keep);
        assert.equal(page.body.innerHTML, makePage(after).body.innerHTML, before);
      }
    }
  });

  test("an attribute that the server no longer sends is removed", () => {
    const page = makePage('<a href="/a" aria-current="page" title="x">a</a>');
    const link = find(page, "a");
    become(page, '<a href="/a">a</a>', { typed: true });
    assert.equal(find(page, "a"), link);
    assert.deepEqual(link.getAttributeNames(), ["href"]);
  });
});

describe("nodes stay the same", () => {
  const row = (/** @type {string} */ id, text = id) => `<tr data-key="${id}"><td>${text}</td></tr>`;
  const table = (/** @type {string[]} */ ...rows) => `<table><tbody>${rows.join("")}</tbody></table>`;

  test("by their key, wherever they are now", () => {
    const page = makePage(table(row("a"), row("b"), row("c")));
    const [a, b, c] = page.querySelectorAll("tr");
    become(page, table(row("new"), row("c"), row("a", "changed"), row("b")));
    assert.deepEqual([...page.querySelectorAll("tr")].slice(1), [c, a, b]);
    assert.equal(a?.textContent, "changed");
  });

  test("by their id, wherever they are now", () => {
    const page = makePage('<p id="a">a</p><p id="b">b</p>');
    const [a, b] = page.querySelectorAll("p");
    become(page, '<p id="b">b</p><p>new</p><p id="a">a</p>');
    assert.deepEqual([find(page, "#a"), find(page, "#b")], [a, b]);
  });

  test("by their place where they have no key", () => {
    const page = makePage("<ul><li>a</li><li>b</li></ul>");
    const [, second] = page.querySelectorAll("li");
    become(page, "<ul><li>c</li><li>d</li><li>e</li></ul>");
    assert.equal(page.querySelectorAll("li")[1], second);
  });

  test("by the ids inside them, although another comes before", () => {
    const page = makePage('<main><div><section><div id="journey"><input></div></section></div></main>');
    const input = find(page, "input");
    input.focus();
    const body = '<main><div>not now</div><div><section><div id="journey"><input></div></section></div></main>';
    become(page, body, { open: true });
    assert.equal(find(page, "input"), input);
    assert.equal(focused(page), input);
    assert.equal(page.body.innerHTML, makePage(body).body.innerHTML);
    become(page, '<main><div><section><div id="journey"><input></div></section></div></main>');
    assert.equal(focused(page), input);
  });

  test("by their key and not by their place, although another without a key comes before", () => {
    const page = makePage('<ul><li data-key="a">a</li></ul>');
    const item = find(page, "li");
    become(page, '<ul><li>new</li><li data-key="a">a</li></ul>');
    assert.equal(find(page, "[data-key=a]"), item);
  });

  test("by their class, although another of the same name is gone", () => {
    const moments = (/** @type {string} */ how) => `<div class="moments ${how}"><a href="/a">a</a></div>`;
    const page = makePage(`<section><figure></figure><div id="journey"></div>${moments("")}<div></div><!----></section>`);
    const link = find(page, "a");
    link.focus();
    const body = `<section><!----><div>one point</div><div id="journey"></div>${moments("is-early")}<!----></section>`;
    become(page, body);
    assert.equal(focused(page), link);
    assert.equal(page.body.innerHTML, makePage(body).body.innerHTML);
  });

  test("whatever their state classes are", () => {
    const page = makePage('<p class="is-fresh">a</p>');
    const text = find(page, "p");
    become(page, '<p class="tone-good">b</p>');
    assert.equal(find(page, "p"), text);
  });

  test("and do not move when a row before them goes away", () => {
    const page = makePage(table(row("a"), row("b"), row("c")));
    const [a] = page.querySelectorAll("tr");
    const observer = new (page.defaultView ?? assert.fail()).MutationObserver(() => {});
    observer.observe(page.body, { subtree: true, childList: true });
    become(page, table(row("b"), row("c")));
    const moves = observer.takeRecords().flatMap(({ addedNodes, removedNodes }) => [...addedNodes, ...removedNodes]);
    assert.deepEqual(moves, [a]);
  });

  test("and keep content drawn by a script while its value is the same", () => {
    const page = makePage('<div data-own="W-1" title="a"></div>');
    const place = find(page, "div");
    place.innerHTML = "<b>drawn</b>";
    become(page, '<div data-own="W-1" title="b"></div>');
    assert.equal(place.outerHTML, '<div data-own="W-1" title="b"><b>drawn</b></div>');
    become(page, '<div data-own="W-2" title="b"></div>');
    assert.equal(place.outerHTML, '<div data-own="W-2" title="b"></div>');
  });
});

describe("the focus", () => {
  const row = (/** @type {string} */ id) => `<li data-key="${id}"><a href="/${id}">${id}</a></li>`;

  test("stays in a row when rows come, go and change places around it", () => {
    const page = makePage(`<ul>${row("a")}${row("b")}${row("c")}</ul>`);
    const link = find(page, '[href="/b"]');
    link.focus();
    const observer = new (page.defaultView ?? assert.fail()).MutationObserver(() => {});
    observer.observe(page.body, { subtree: true, childList: true });
    for (const rows of [["new", "a", "b", "c"], ["b", "c"], ["c", "x", "b"], ["b", "c", "x"], ["b"]]) {
      const body = `<ul>${rows.map(row).join("")}</ul>`;
      become(page, body);
      assert.equal(focused(page), link, rows.join());
      assert.equal(page.body.innerHTML, makePage(body).body.innerHTML);
    }
    // The focus was never lost: the row was not removed.
    const removed = observer.takeRecords().flatMap(({ removedNodes }) => [...removedNodes]);
    assert.ok(!removed.includes(link.parentElement));
  });

  test("is given back to an element that had to move", () => {
    const page = makePage(`<div>${row("a")}<p>text</p></div>`);
    const link = find(page, "a");
    link.focus();
    const body = `<div><p>text</p>${row("a")}</div>`;
    become(page, body);
    assert.equal(page.body.innerHTML, makePage(body).body.innerHTML);
    assert.equal(focused(page), link);
  });

  const pages = (/** @type {Record<string, boolean>} */ links) => {
    const steps = Object.entries(links).map(([rel, on]) => {
      const text = `<svg></svg><span>${rel}</span>`;
      return on ? `<a class="page-step" href="/${rel}" rel="${rel}">${text}</a>` : `<span class="page-step">${text}</span>`;
    });
    return `<nav class="pagination">${steps.join("")}</nav>`;
  };

  test("stays on the link to the next page from page to page", () => {
    const page = makePage(pages({ first: false, prev: false, next: true }));
    const link = find(page, "[rel=next]");
    link.focus();
    const second = pages({ first: true, prev: true, next: true });
    become(page, second);
    assert.equal(focused(page), link);
    assert.equal(link.textContent, "next");
    assert.equal(page.body.innerHTML, makePage(second).body.innerHTML);
    // The same for the link to the previous page.
    const previous = find(page, "[rel=prev]");
    previous.focus();
    become(page, pages({ first: true, prev: true, next: false }));
    assert.equal(focused(page), previous);
  });

  test("goes to the element around a link that is gone, and not to another link", () => {
    const page = makePage(pages({ first: true, prev: true, next: true }));
    find(page, "[rel=next]").focus();
    const last = pages({ first: true, prev: true, next: false });
    become(page, last);
    const nav = find(page, "nav");
    assert.equal(focused(page), nav);
    // The focus stays there when the page is fetched again. The `tabindex` is removed with the focus.
    become(page, last, { typed: true });
    assert.equal(focused(page), nav);
    assert.equal(nav.getAttribute("tabindex"), "-1");
    find(page, "[rel=prev]").focus();
    assert.equal(nav.hasAttribute("tabindex"), false);
  });

  test("is not set if nothing had it", () => {
    const page = makePage("<main tabindex='-1'><p>a</p></main>");
    become(page, "<main tabindex='-1'><p>b</p></main>");
    assert.equal(focused(page), page.body);
  });
});

describe("a form", () => {
  const form = `
    <form>
      <input name="text" value="server"><input name="box" type="checkbox">
      <textarea name="area">server</textarea>
      <select name="one"><option selected>a</option><option>b</option><option>c</option></select>
      <select name="none"><option>a</option><option>b</option></select>
    </form>`;
  const names = ["text", "area", "one", "none"];

  function filled() {
    const page = makePage(form);
    find(page, "[name=text]").value = "typed";
    find(page, "[name=box]").checked = true;
    find(page, "[name=area]").value = "typed";
    // A value that a script sets no longer follows its attribute.
    find(page, "[name=one]").value = "c";
    find(page, "[name=one]").value = "b";
    find(page, "[name=none]").value = "b";
    return page;
  }
  const values = (/** @type {Document} */ page) => [
    ...names.map((name) => find(page, `[name=${name}]`).value),
    find(page, "[name=box]").checked,
  ];

  test("keeps typed and chosen values until the server sends new ones", () => {
    const page = filled();
    // Every control has a changed attribute, but none that sets its value.
    const other = form.replaceAll("name=", 'title="x" name=').replaceAll("<option", '<option title="x"');
    become(page, other, { typed: true });
    assert.deepEqual(values(page), ["typed", "typed", "b", "b", true]);
    assert.equal(page.querySelectorAll("[title=x]").length, 10);
  });

  test("keeps the text and the caret of a field that is being edited", () => {
    const page = filled();
    const field = find(page, "[name=text]");
    field.focus();
    field.setSelectionRange(2, 3);
    become(page, `<p>new</p>${form}`, { typed: true });
    assert.deepEqual([focused(page), field.value, field.selectionStart, field.selectionEnd], [field, "typed", 2, 3]);
  });

  test("follows the server where it sends something new", () => {
    const page = filled();
    const changed = form
      .replace('value="server"', 'value="new"')
      .replace(">server<", ">new<")
      .replace('type="checkbox"', 'type="checkbox" checked')
      .replace("<option selected>a", "<option>a")
      .replace("<option>c", "<option selected>c");
    find(page, "[name=box]").checked = false;
    become(page, changed, { typed: true });
    assert.deepEqual(values(page), ["new", "new", "c", "b", true]);
  });

  test("follows the server completely if nothing is kept", () => {
    const page = filled();
    become(page, form);
    assert.deepEqual(values(page), ["server", "server", "a", "a", false]);
  });

  test("keeps opened details if they are to be kept", () => {
    const body = "<details><summary>more</summary></details>";
    for (const [keep, open] of /** @type {const} */ ([[{ open: true }, true], [{}, false]])) {
      const page = makePage(body);
      find(page, "details").open = true;
      become(page, body, keep);
      assert.equal(find(page, "details").open, open);
    }
  });
});
