// @ts-check
// Documents for tests.

import { JSDOM } from "jsdom";

/**
 * @param {string} body
 * @returns {Document}
 */
export function makePage(body) {
  const { window } = new JSDOM(`<!DOCTYPE html><html lang="en"><body>${body}</body></html>`);
  return window.document;
}

/**
 * @param {Document} page
 * @param {string} selector
 * @returns {any}
 */
export function find(page, selector) {
  const found = page.querySelector(selector);
  if (!found) throw new Error(`nothing on the page is ${selector}`);
  return found;
}
