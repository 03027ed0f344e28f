// Makes Node load the scripts of `public` as modules, as a browser does. Used as `node --import ./unit/as_modules.js`.

import { register } from "node:module";

const PUBLIC = new URL("../../public/", import.meta.url).href;

const hooks = `
  export const load = (url, context, next) =>
    next(url, url.startsWith(${JSON.stringify(PUBLIC)}) ? { ...context, format: "module" } : context);
`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
