// Sign-in, the pages of each role, and what is hidden from roles without permission.

import { expect, ready, test } from "../fixtures.ts";
import { PASSWORD, ROLES } from "../support/operators.ts";

test.describe("nobody signed in", () => {
  test.use({ role: "nobody" });

  test("every page redirects to the sign-in page, and back after it", async ({ page, open }) => {
    await page.goto("/wallets/W-E2E-1?sequence=3");
    await expect(page).toHaveURL("/sign-in?next=%2Fwallets%2FW-E2E-1%3Fsequence%3D3");
    await ready(page);
    await page.getByLabel("Name").fill("viewer");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page).toHaveURL("/wallets/W-E2E-1?sequence=3");
    await expect(page.getByRole("banner")).toContainText("viewer");
    await ready(page);
    await page.getByRole("button", { name: "Sign out" }).click();
    await expect(page).toHaveURL(/\/sign-in/);
    await open("/refunds");
    await expect(page).toHaveURL(/\/sign-in\?next=/);
  });

  test("a wrong password and a wrong name give the same error", async ({ page, open, problems }) => {
    problems.allow(/401|422|429/);
    const told: string[] = [];
    for (const name of ["viewer", "nobody-of-this-name"]) {
      await open("/sign-in");
      await page.getByLabel("Name").fill(name);
      await page.getByLabel("Password").fill("not the right one");
      await page.getByRole("button", { name: "Sign in" }).click();
      await expect(page.getByRole("alert")).toBeVisible();
      await expect(page.getByLabel("Name")).toHaveValue(name);
      await expect(page.getByLabel("Password")).toHaveValue("");
      told.push(await page.getByRole("alert").innerText());
    }
    expect(told[0]).toBe(told[1]);
  });

  test("the sign-in page does not redirect to another site", async ({ page, open }) => {
    await open("/sign-in?next=https%3A%2F%2Fevil.example%2F");
    await page.getByLabel("Name").fill("viewer");
    await page.getByLabel("Password").fill(PASSWORD);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
  });
});

for (const role of ROLES) {
  test.describe(`as ${role}`, () => {
    test.use({ role });

    test("the navigation has the pages that the role may see", async ({ page, open }) => {
      await open("/");
      const places = page.getByRole("navigation", { name: "Main" }).getByRole("link");
      await expect(places.first()).toBeVisible();
      const names = (await places.allInnerTexts()).map((text) => text.split("\n")[0]?.replace(/\s*\d+.*$/, ""));
      if (role === "admin") {
        expect(names).toEqual(["Operators", "Audit"]);
        await expect(page).toHaveURL("/operators");
      } else {
        expect(names).toEqual(["Overview", "Refunds", "Wallets", "Orders", "Customers", "Holds", "Findings", "Cases"]);
      }
    });
  });
}

test.describe("as support", () => {
  test.use({ role: "support" });

  test("names are masked, and can't be searched for", async ({ page, open }) => {
    for (const path of ["/wallets/W-E2E-1", "/orders/O-E2E-1", "/wallets?q=W-E2E", "/orders?q=O-E2E"]) {
      await open(path);
      await expect(page.getByRole("main")).toContainText("E2E-1");
      expect(await page.content()).not.toContain("Endtoend");
    }
    await open("/wallets?q=Endtoend");
    await expect(page.getByRole("main")).toContainText("No wallet matches");
  });
});

test.describe("as admin", () => {
  test.use({ role: "admin" });

  test("an operator is added, signs in, and is disabled while signed in", async ({ page, open, browser, ledger, store }) => {
    const name = `new-${store}`;
    await open("/operators");
    const add = page.getByRole("region", { name: "Add an operator" });
    await add.getByLabel("Name to sign in with").fill(name);
    await add.getByLabel("Role").selectOption("viewer");
    const proof = add.getByLabel("Your password");
    if (await proof.isVisible()) {
      await proof.fill(PASSWORD);
    }
    await add.getByRole("button", { name: "Add" }).click();
    const shown = page.getByRole("alert").filter({ hasText: `The new password of ${name}` });
    await expect(shown).toBeVisible();
    const password = await shown.locator("code").innerText();

    // Without a session: signing in would end the session that all tests of the administrator share.
    const context = await browser.newContext({ baseURL: ledger.url, storageState: { cookies: [], origins: [] } });
    const theirs = await context.newPage();
    await theirs.goto("/sign-in");
    await ready(theirs);
    await theirs.getByLabel("Name").fill(name);
    await theirs.getByLabel("Password").fill(password);
    await theirs.getByRole("button", { name: "Sign in" }).click();
    await expect(theirs.getByRole("heading", { level: 1, name: "Overview" })).toBeVisible();
    await ledger.command("operator", "disable", name);
    await theirs.goto("/refunds");
    await expect(theirs).toHaveURL(/\/sign-in/);
    await context.close();
  });

  test("the audit trail shows who did what, and is unbroken", async ({ page, open, ledger }) => {
    await open("/audit");
    await expect(page.getByRole("table")).toContainText("sign_in");
    expect(await ledger.command("audit", "verify")).toMatch(/entries/);
  });
});
