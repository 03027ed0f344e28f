// Screenshots for the README. They are written to docs/ only if LEDGERSCOPE_SCREENSHOTS is set, otherwise to the test's
// output.

import { fileURLToPath } from "node:url";
import { expect, test } from "../fixtures.ts";

const docs = fileURLToPath(new URL("../../docs/", import.meta.url));

test.use({ viewport: { width: 1280, height: 800 }, colorScheme: "light" });

for (const [name, path, content] of [
  ["overview", "/", "Pending by state"],
  ["refund", "/refunds/R-E2E-1", "Refund approved"],
  ["wallet", "/wallets/W-E2E-1", "Balance over time"],
] as const) {
  test(`a picture of ${name}`, async ({ page, open, store }, testInfo) => {
    await open(path);
    await expect(page.getByRole("main")).toContainText(content);
    const written = process.env.LEDGERSCOPE_SCREENSHOTS && store === "sqlite";
    const file = written ? `${docs}${name}.png` : testInfo.outputPath(`${name}.png`);
    const picture = await page.screenshot({ path: file, animations: "disabled" });
    expect(picture.readUInt32BE(16)).toBe(1280);
    expect(picture.readUInt32BE(20)).toBe(800);
  });
}
