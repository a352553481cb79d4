// The pages as people use them: a real grid, a real browser. Each test goes on where the one before left the grid.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cp, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";

const { GRID_ADDRESS: address, GRID_KEY: key, GRID_REGISTRY: registry, GRID_SCREENSHOTS: screenshots } = process.env;
const patience = 120_000;
const complaints = [];
const commands = [];
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
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

// A test that failed may have left a command that waits for something that does not come.
after(async () => {
  for (const command of commands) command.kill();
  await browser?.close();
});

/** Starts `grid build` of an app whose build prints so many lines, ten a second, or fails. The answer tells how it ends. */
async function build(name, lines, isBroken = false) {
  const app = `${process.cwd()}/${name}-app`;
  await cp("app", app, { recursive: true });
  await writeFile(`${app}/lines`, `${lines}\n`);
  if (isBroken) await writeFile(`${app}/broken`, "");
  const child = spawn("grid", ["build", app, "--builder", `${registry}/builder:1`, "--image", `${registry}/${name}:1`],
    { env: { ...process.env, GRID_SERVER: address, GRID_TOKEN: key, GRID_TENANT: "default" }, stdio: ["ignore", "pipe", "pipe"] });
  commands.push(child);
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", data => said.push(data));
  return { ended: new Promise(resolve => child.on("exit", code => resolve({ code, said: said.join("") }))) };
}

const shot = name => page.screenshot({ path: `${screenshots}/${name}.png`, fullPage: true });

/** Opens the page of the newest build of an app, as soon as the tenant's builds have it. */
async function open(name) {
  const row = page.locator("table.builds tbody tr", { has: page.getByRole("link", { name, exact: true }) }).first();
  await page.goto(`${address}/tenants/default/builds`);
  // The page hears of it by itself.
  await row.locator("td:nth-child(2) a").click();
  await page.locator("[data-log]").waitFor();
}

const state = word => page.locator("[data-state]", { hasText: word }).waitFor();

/** What keeps people from reading a page: too wide, faint, without headings or labels. */
function flaws() {
  const found = [];
  // Not the window's width: a phone makes that as wide as the page.
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) found.push(`is ${scrollWidth} wide on ${clientWidth}`);
  if (document.querySelectorAll("h1").length !== 1) found.push("has not one h1");
  let level = 1;
  for (const heading of document.querySelectorAll("main h1, main h2, main h3")) {
    if (+heading.tagName[1] > level + 1) found.push(`heading ${heading.textContent} skips a level`);
    level = +heading.tagName[1];
  }
  for (const field of document.querySelectorAll("input:not([hidden]):not([type=hidden]), select, button"))
    if (!field.labels?.length && !field.textContent.trim() && !field.getAttribute("aria-label")) found.push(`${field.outerHTML} has no label`);
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const colour = text => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const ground = element => {
    for (let e = element; e; e = e.parentElement) {
      const c = colour(getComputedStyle(e).backgroundColor);
      if (c[3] > 250) return c;
    }
    return colour(getComputedStyle(document.body).backgroundColor);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility() || element.closest(".away, .skip, option")) continue;
    const [a, b] = [light(colour(getComputedStyle(element).color)), light(ground(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) found.push(`contrast ${contrast.toFixed(2)} of '${walker.currentNode.textContent.trim().slice(0, 40)}'`);
  }
  return [...new Set(found)];
}

/** What axe finds against WCAG 2.2 AA and what it takes for good practice. It is run from outside: the page's policy lets in no script but its own. */
async function barriers(on) {
  await on.evaluate(axe);
  const found = await on.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.target} ${node.failureSummary}`));
}

async function check(on, name) {
  assert.deepEqual(await on.evaluate(flaws), [], name);
  assert.deepEqual(await barriers(on), [], name);
}

async function checkedShot(name) {
  await check(page, name);
  await shot(name);
}

test("A key that does not work is refused, the operator's opens the grid", async () => {
  await page.goto(address);
  await page.waitForURL("**/signin**");
  await page.fill("input[name=key]", "grid_0123456789abcdef_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
  await page.click("button");
  await page.getByRole("alert").waitFor();
  await checkedShot("signin-refused");
  await page.fill("input[name=key]", key);
  await page.click("button");
  await page.getByRole("heading", { name: "The grid" }).waitFor();
  await page.getByText("Live:").waitFor();
  await checkedShot("grid-empty");
  await page.getByRole("link", { name: "default" }).click();
  await page.getByRole("heading", { name: "default" }).waitFor();
  await checkedShot("overview-empty");
});

let watched;

test("The overview shows a build that begins, and that it has ended, without a reload", async () => {
  await page.goto(`${address}/tenants/default`);
  await page.getByText("Live:").waitFor();
  await page.evaluate(() => { window.stayed = true; });
  const run = await build("noticed", 15);
  await page.locator("#part-running").getByRole("link", { name: "noticed" }).waitFor();
  await page.locator("#part-running", { hasText: "Nothing runs." }).waitFor();
  await page.locator("#part-builds").getByText("succeeded").waitFor();
  assert.equal((await run.ended).code, 0, (await run.ended).said);
  assert.ok(await page.evaluate(() => window.stayed), "the page was not loaded again");
});

test("A build is followed to its end without a reload", async () => {
  watched = await build("watched", 60);
  await open("watched");
  const log = page.locator("[data-log]");
  await log.getByText("line 3 of the build", { exact: true }).waitFor();
  await state("running");
  await shot("build-running");
  await log.getByText("line 60 of the build", { exact: true }).waitFor();
  await state("succeeded");
  assert.equal((await watched.ended).code, 0, (await watched.ended).said);
  await page.locator("[data-digest]", { hasText: "sha256:" }).waitFor();
  assert.equal(await page.locator("[data-cancel]").count(), 0);
  await page.locator("#part-layers tbody tr").first().waitFor();
  await page.locator("[data-announce]", { hasText: "The build has ended: succeeded" }).waitFor({ state: "attached" });
  await checkedShot("build-succeeded");
});

test("The log has colours and no markup of the build's, its lines can be linked, and it is searched", async () => {
  const log = page.locator("[data-log]");
  assert.ok(await log.getByText("<b>markup</b>").count(), "text from a build is shown as text");
  assert.ok(!(await log.textContent()).includes("\u001b"), "escape sequences are not shown");
  await page.fill("[data-find]", "line 59 of");
  await page.locator("[data-found]", { hasText: "1 of 1 line" }).waitFor();
  await page.fill("[data-find]", "");
  await log.locator("#LBuild-5 a").click();
  await page.reload();
  await log.locator("#LBuild-5.target").waitFor();
  assert.ok(page.url().endsWith("#LBuild-5"));
});

test("The waterfall has both extensions and their steps on one axis, and Dockerfiles say what became of each line", async () => {
  const rows = await page.locator("[data-waterfall] .row .name").allTextContents();
  for (const name of ["extend build", "extend run", "build", "export"]) assert.ok(rows.includes(name), `${name} is in ${rows}`);
  assert.equal(rows.filter(name => name.includes("/etc/extended")).length, 2, rows.join("\n"));
  for (const file of ["build.Dockerfile", "run.Dockerfile"]) {
    const line = page.locator(`.dockerfile[aria-label^="${file}"] tr`, { hasText: "/etc/extended" });
    assert.match(await line.locator(".became").textContent(), /^(ran|cached)/);
  }
  for (const origin of ["base", "extension", "app", "lifecycle"]) assert.ok(await page.locator("#part-layers tbody td:first-child", { hasText: origin }).count(), `there are layers of origin ${origin}`);
  assert.match(await page.locator("#part-detected").textContent(), /test\/app 1\.0\.0/);
});

test("A build that fails says why at once, and the overview has it", async () => {
  const run = await build("broken", 1, true);
  await open("broken");
  await state("failed");
  await page.getByRole("alert").getByText("failed with exit code 7").first().waitFor();
  await page.locator("[data-log] .err", { hasText: "main.c:7" }).waitFor();
  assert.notEqual((await run.ended).code, 0);
  await checkedShot("build-failed");
  await page.goto(`${address}/tenants/default`);
  await page.locator("#part-failures").getByRole("link", { name: "broken" }).waitFor();
  await checkedShot("overview-failed");
});

test("A build is cancelled from its page", async () => {
  const run = await build("cancelled", 10_000);
  await open("cancelled");
  await page.locator("[data-log]").getByText("line 2 of the build", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Cancel the build" }).click();
  await state("cancelled");
  assert.equal((await run.ended).code, 130, (await run.ended).said);
  await checkedShot("build-cancelled");
});

test("Two builds of an app are compared", async () => {
  const run = await build("watched", 5);
  assert.equal((await run.ended).code, 0, (await run.ended).said);
  await open("watched");
  await page.locator("[data-waterfall] .mark").first().waitFor();
  await checkedShot("build-cached");
  await page.goto(`${address}/tenants/default/apps?name=watched`);
  await checkedShot("app");
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByRole("heading", { name: "Two builds of watched" }).waitFor();
  assert.ok(await page.locator("tr.changed").count(), "an app with other files gives another image");
  assert.match(await page.locator(".summary").textContent(), /They made different images/);
  await checkedShot("compare");
});

test("Operators see the queue with reasons, and take a node out and back in", async () => {
  await page.goto(`${address}/pools/default/nodes`);
  await page.getByText("takes builds", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Drain" }).click();
  await page.getByText("draining", { exact: true }).waitFor();
  await page.goto(`${address}/pools/default/queue`);
  await page.getByText("Live:").waitFor();
  const run = await build("patient", 10);
  await page.locator("#part-waiting", { hasText: "is draining" }).waitFor();
  await checkedShot("queue");
  await page.locator("#part-waiting tbody a").nth(1).click();
  await page.locator(".notice", { hasText: "Number 1 in the queue" }).waitFor();
  await checkedShot("build-queued");
  await page.goto(`${address}/pools/default/nodes`);
  await checkedShot("nodes-draining");
  await page.getByRole("button", { name: "Give it builds again" }).click();
  await page.locator(".node tbody").getByRole("link", { name: "patient" }).waitFor();
  await checkedShot("nodes");
  await page.goto(address);
  await page.locator("#part-running").getByRole("link", { name: "patient" }).waitFor();
  await checkedShot("grid");
  assert.equal((await run.ended).code, 0, (await run.ended).said);
  await page.locator("#part-running", { hasText: "Nothing runs." }).waitFor();
});

test("Operators look into Orleans' own dashboard, but not into the state of grains", async () => {
  await page.goto(`${address}/orleans/`);
  await page.getByText("Active silos", { exact: false }).first().waitFor();
  await shot("orleans");
  assert.equal((await page.request.get(`${address}/orleans/GrainState?grainId=x&grainType=y`)).status(), 404);
  assert.equal((await fetch(`${address}/orleans/`)).status, 401);
});

test("Everything is reached by keyboard", async () => {
  await page.goto(`${address}/tenants/default`);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to content");
  await page.keyboard.press("Enter");
  assert.ok(page.url().endsWith("#main"));
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await page.screenshot({ path: `${screenshots}/keys.png` });
  await page.keyboard.press("Escape");
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await page.waitForURL("**/settings");
  await page.getByRole("heading", { name: "Quotas" }).waitFor();
  await checkedShot("settings");
  await open("watched");
  await page.locator("[data-log] .l").first().waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("of the build");
  await page.locator("[data-found]", { hasText: "1 of 5 lines" }).waitFor();
  await page.keyboard.press("Enter");
  await page.locator("[data-found]", { hasText: "2 of 5 lines" }).waitFor();
});

test("Tab goes through a page in its order, and where it is can be seen", async () => {
  for (const path of ["/tenants/default", page.url().slice(address.length)]) {
    await page.goto(address + path);
    await page.locator("time").first().waitFor();
    if (path.includes("/builds/")) await page.locator("[data-waterfall] .row", { hasText: "export" }).waitFor();
    const many = await page.evaluate(() => {
      window.stops = [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")].filter(e => e.tabIndex >= 0 && e.checkVisibility());
      return window.stops.length;
    });
    const visited = [];
    for (let n = 0; n < many; n++) {
      await page.keyboard.press("Tab");
      visited.push(await page.evaluate(() => {
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
        const place = window.stops.indexOf(document.activeElement);
        return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 ? place : `${document.activeElement.outerHTML.slice(0, 80)} is not seen to have the focus`;
      }));
    }
    assert.deepEqual(visited, [...Array(many).keys()], path);
  }
});

test("On a phone and in the dark everything can be read", async () => {
  await open("watched");
  const built = page.url();
  await page.goto(`${address}/tenants/default/apps?name=watched`);
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByRole("heading", { name: "Two builds of watched" }).waitFor();
  const pages = { overview: `${address}/tenants/default`, builds: `${address}/tenants/default/builds`, app: `${address}/tenants/default/apps?name=watched`, build: built, compare: page.url(),
    settings: `${address}/tenants/default/settings`, grid: address, queue: `${address}/pools/default/queue`, nodes: `${address}/pools/default/nodes` };
  for (const [name, options] of [["phone", { viewport: { width: 390, height: 844 }, isMobile: true }], ["dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }]]) {
    const context = await browser.newContext({ ...options, storageState: await page.context().storageState() });
    const other = await context.newPage();
    for (const [title, url] of Object.entries(pages)) {
      await other.goto(url);
      if (title === "build") await other.locator("[data-log] .l").first().waitFor();
      await check(other, `${title} on ${name}`);
      await other.screenshot({ path: `${screenshots}/${title}-${name}.png`, fullPage: true });
    }
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
  assert.deepEqual(complaints, []);
});
