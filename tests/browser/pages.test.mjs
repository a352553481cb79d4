// The pages as people use them: a real grid, a real browser. Each test goes on where the one before left the grid.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cp, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const { GRID_ADDRESS: address, GRID_KEY: key, GRID_REGISTRY: registry, GRID_SCREENSHOTS: screenshots } = process.env;
const patience = 120_000;
const complaints = [];
let browser, page;

before(async () => {
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  page = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  page.setDefaultTimeout(patience);
  page.on("console", message => { if (message.type() === "error") complaints.push(message.text()); });
  page.on("pageerror", error => complaints.push(String(error)));
  page.on("request", request => { if (!request.url().startsWith(address) && !request.url().startsWith("data:")) complaints.push("asked for " + request.url()); });
});

after(() => browser?.close());

/** Starts `grid build` of an app whose build prints so many lines, ten a second. The answer tells how it ends. */
async function build(name, lines) {
  const app = `${process.cwd()}/${name}-app`;
  await cp("app", app, { recursive: true });
  await writeFile(`${app}/lines`, `${lines}\n`);
  const child = spawn("grid", ["build", app, "--builder", `${registry}/builder:1`, "--image", `${registry}/${name}:1`],
    { env: { ...process.env, GRID_SERVER: address, GRID_TOKEN: key, GRID_TENANT: "default" }, stdio: ["ignore", "pipe", "pipe"] });
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", data => said.push(data));
  return { ended: new Promise(resolve => child.on("exit", code => resolve({ code, said: said.join("") }))) };
}

const shot = name => page.screenshot({ path: `${screenshots}/${name}.png`, fullPage: true });

/** Opens the page of the newest build of an app, as soon as the tenant's page has it. */
async function open(name) {
  const row = page.locator("table.builds tbody tr", { has: page.getByRole("link", { name, exact: true }) }).first();
  for (const end = Date.now() + patience; ; await page.waitForTimeout(200)) {
    await page.goto(`${address}/tenants/default`);
    if (await row.count()) break;
    assert.ok(Date.now() < end, `there is no build of ${name} on the tenant's page`);
  }
  await row.locator("td:nth-child(2) a").click();
  await page.locator("[data-log]").waitFor();
}

const state = word => page.locator("[data-state]", { hasText: word }).waitFor();

test("A key that does not work is refused, the operator's opens the grid", async () => {
  await page.goto(address);
  await page.waitForURL("**/signin**");
  await page.fill("input[name=key]", "grid_0123456789abcdef_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
  await page.click("button");
  await page.getByRole("alert").waitFor();
  await shot("signin-refused");
  await page.fill("input[name=key]", key);
  await page.click("button");
  await page.getByRole("link", { name: "default" }).click();
  await page.getByRole("heading", { name: "default" }).waitFor();
});

test("A build is followed to its end without a reload", async () => {
  const run = await build("watched", 60);
  await open("watched");
  const log = page.locator("[data-log]");
  await log.getByText("line 3 of the build", { exact: true }).waitFor();
  assert.equal(await page.locator("[data-state]").textContent(), "running");
  await shot("build-running");
  await log.getByText("line 60 of the build", { exact: true }).waitFor();
  await state("succeeded");
  assert.equal((await run.ended).code, 0, (await run.ended).said);
  await page.locator("[data-digest]", { hasText: "sha256:" }).waitFor();
  assert.equal(await page.locator("[data-cancel]").count(), 0);
  await shot("build-succeeded");
});

test("The log has colours and no markup of the build's, its lines can be linked, and it is searched", async () => {
  const log = page.locator("[data-log]");
  assert.ok(await log.getByText("<b>markup</b>").count(), "text from a build is shown as text");
  assert.ok(!(await log.textContent()).includes("\u001b"), "escape sequences are not shown");
  await page.fill("[data-find]", "line 59 of");
  await page.locator("[data-found]", { hasText: "1" }).waitFor();
  await page.fill("[data-find]", "");
});

test("The waterfall has both extensions and their steps on one axis", async () => {
  const rows = await page.locator("[data-waterfall] .row .name").allTextContents();
  for (const name of ["extend build", "extend run", "build", "export"]) assert.ok(rows.includes(name), `${name} is in ${rows}`);
  assert.equal(rows.filter(name => name.includes("/etc/extended")).length, 2, rows.join("\n"));
});

test("A build is cancelled from its page", async () => {
  const run = await build("cancelled", 10_000);
  await open("cancelled");
  await page.locator("[data-log]").getByText("line 2 of the build", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Cancel the build" }).click();
  await state("cancelled");
  assert.equal((await run.ended).code, 130, (await run.ended).said);
  await shot("build-cancelled");
});

test("Two builds of an app are compared", async () => {
  const run = await build("watched", 5);
  assert.equal((await run.ended).code, 0, (await run.ended).said);
  await page.goto(`${address}/tenants/default/apps?name=watched`);
  await shot("app");
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByRole("heading", { name: "Two builds of watched" }).waitFor();
  assert.ok(await page.locator("tr.changed").count(), "an app with other files gives another image");
  await shot("compare");
});

test("Everything is reached by keyboard", async () => {
  await page.goto(`${address}/tenants/default`);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
  await page.keyboard.press("Enter");
  assert.ok(page.url().endsWith("#main"));
});

test("On a phone and in the dark nothing is wider than the screen", async () => {
  for (const [name, options] of [["phone", { viewport: { width: 390, height: 844 }, isMobile: true }], ["dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }]]) {
    const context = await browser.newContext({ ...options, storageState: await page.context().storageState() });
    const other = await context.newPage();
    for (const path of ["/tenants/default", "/tenants/default/apps?name=watched"]) {
      await other.goto(address + path);
      assert.ok(await other.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `${path} fits on ${name}`);
    }
    await other.locator("table.builds tbody tr td:nth-child(2) a").first().click();
    await other.locator("[data-state]", { hasText: "succeeded" }).waitFor();
    assert.ok(await other.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), `a build's page fits on ${name}`);
    await other.screenshot({ path: `${screenshots}/build-${name}.png`, fullPage: true });
    await context.close();
  }
});

test("Signing out closes the grid", async () => {
  await page.goto(`${address}/tenants/default`);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.goto(`${address}/tenants/default`);
  await page.waitForURL("**/signin**");
});

test("No page asked elsewhere for anything, and the browser complained of nothing", () => {
  // A refused sign-in is answered with its page.
  assert.deepEqual(complaints, []);
});
