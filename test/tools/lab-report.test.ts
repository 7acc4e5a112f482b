import assert from 'node:assert/strict';
import { cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { findProgram } from '../../src/host/search-path.ts';
import type { Run } from '../../src/lab/evidence/types.ts';
import { serveLivePage } from '../../src/lab/report/live-page.ts';
import { NO_MATERIAL } from '../../src/lab/report/material.ts';
import { readRun } from '../../src/lab/report/read-run.ts';
import { writeReport } from '../../src/lab/report/report.ts';
import { pageView } from '../../src/lab/report/view.ts';
import { makeTempDir } from '../helpers/tmp.ts';

const FIXTURE = new URL('../fixtures/lab-report/', import.meta.url).pathname;

/** WCAG 2.1, 1.4.3: the least contrast of text that is not large. */
const CONTRAST = 4.5;

const textOf = async (locator: Locator): Promise<string> => (await locator.textContent()) ?? '';

/** Texts that are hard to read; see the helper. */
async function faintTexts(page: Page, least = CONTRAST): Promise<unknown> {
  const code = await readFile(new URL('../helpers/faint-texts.js', import.meta.url), 'utf8');
  return page.evaluate(`(${code.trim().replace(/;$/, '')})(${least})`);
}

describe('the page of a run in a browser', function () {
  this.timeout(60_000);
  let browser: Browser;
  let dir: string;
  let run: Run;
  let address: string;

  before('draw the page, start Chromium', async () => {
    dir = makeTempDir('slipway-report-');
    await cp(FIXTURE, dir, { recursive: true });
    run = await readRun(join(dir, 'run.json'));
    address = pathToFileURL((await writeReport(run, dir)).page).href;
    browser = await chromium.launch({
      executablePath: findProgram('chromium') ?? 'chromium',
      // A container has no user namespaces to spare; the page is our own.
      args: ['--no-sandbox'],
    });
  });

  after('end Chromium', async () => {
    await browser?.close();
    await rm(dir, { recursive: true, force: true });
  });

  /** Lends the page; it may complain about nothing and ask for nothing but itself. */
  async function withPage(
    options: NonNullable<Parameters<Browser['newPage']>[0]>,
    use: (page: Page) => Promise<void>,
    url = address,
  ): Promise<void> {
    const page = await browser.newPage(options);
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      const asked = request.url();
      if (!asked.startsWith('data:') && new URL(asked).host !== new URL(url).host)
        complaints.push(`asks for ${asked}`);
    });
    try {
      await page.goto(url);
      await use(page);
      assert.deepEqual(complaints, []);
    } finally {
      await page.close();
    }
  }

  for (const width of [320, 390, 1280]) {
    it(`fits into ${width} pixels`, async () => {
      await withPage({ viewport: { width, height: 800 } }, async (page) => {
        const wide = Number(await page.evaluate('document.documentElement.scrollWidth'));
        assert.ok(wide <= width, `${wide} pixels wide`);
        assert.equal(await page.locator('.cell').count(), run.cells.length);
        if (width >= 400) return;
        const heights = await page
          .locator('.cell')
          .evaluateAll((cells) => cells.map((cell) => cell.getBoundingClientRect().height));
        assert.ok(
          heights.every((height) => height >= 44),
          `cells to tap are ${Math.min(...heights)} pixels high`,
        );
        const names = await page
          .locator('.cell .column')
          .evaluateAll((all) => all.every((each) => each.clientWidth > 10));
        assert.ok(names, 'cells without the name of their column');
      });
    });
  }

  for (const colorScheme of ['light', 'dark'] as const) {
    it(`has enough contrast in a ${colorScheme} scheme`, async () => {
      await withPage({ colorScheme }, async (page) => {
        await page.evaluate(
          'for (const details of document.querySelectorAll("details")) details.open = true',
        );
        assert.deepEqual(await faintTexts(page), []);
        await page.locator('button.cell').first().click();
        assert.deepEqual(await faintTexts(page), []);
        // Black on white has 21: the measure does find what is below it.
        assert.notDeepEqual(await faintTexts(page, 21), []);
      });
    });
  }

  it('opens what is behind a cell by keyboard alone, and gives the focus back', async () => {
    await withPage({}, async (page) => {
      const cell = page.locator('button.cell').nth(1);
      const target = await cell.getAttribute('popovertarget');
      await cell.focus();
      await page.keyboard.press('Enter');
      const sheet = page.locator(':popover-open');
      assert.match(
        await textOf(sheet),
        /BIOS, CD · disk 1 alone[\s\S]*slipway: failed node-a: verify-failed/,
      );
      assert.match(await textOf(sheet), /--only boot-matrix\/bios-cd\/disk-1-alone/);
      await page.keyboard.press('Escape');
      assert.equal(await sheet.count(), 0);
      assert.equal(await page.locator('button:focus').getAttribute('popovertarget'), target);
    });
  });

  it('shows a failed cell with its screenshot without being asked, and leads there from the top', async () => {
    await withPage({}, async (page) => {
      const failed = page.locator('article.is-failed');
      assert.ok(await failed.isVisible());
      const size =
        'Array.from(document.querySelectorAll("article.is-failed img"), (img) => [img.naturalWidth, img.naturalHeight])';
      assert.deepEqual(await page.evaluate(size), [[1280, 800]]);
      await page.locator('.failures a').click();
      const { y } = (await failed.boundingBox()) ?? {};
      assert.ok(y !== undefined && y >= 0 && y < 400, `at ${y}`);
    });
  });

  it('opens the cell that an address names', async () => {
    const url = `${address}#cell-boot-matrix/uefi-cd/nvram-lost`;
    await withPage(
      {},
      async (page) => assert.match(await textOf(page.locator(':popover-open')), /NVRAM/),
      url,
    );
  });

  it('copies the command that repeats a cell', async () => {
    await withPage({}, async (page) => {
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await page.locator('article.is-failed button.copy').click();
      await page.locator('article.is-failed button.copy', { hasText: 'Copied' }).waitFor();
      const failed = run.cells.find(({ verdict }) => verdict === 'failed');
      assert.equal(await page.evaluate('navigator.clipboard.readText()'), failed?.repeat);
    });
  });

  it('prints everything, on white, with nothing to press', async () => {
    await withPage({ colorScheme: 'dark', javaScriptEnabled: false }, async (page) => {
      await page.emulateMedia({ media: 'print' });
      for (const { repeat } of run.cells)
        assert.ok(await page.getByText(repeat, { exact: true }).first().isVisible(), repeat);
      const consoles = page.locator('details pre');
      for (let i = 0; i < (await consoles.count()); i++) assert.ok(await consoles.nth(i).isVisible());
      assert.equal(await page.locator('button:visible:not(.cell)').count(), 0);
      const ground = await page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
      assert.equal(ground, 'rgb(255, 255, 255)');
    });
  });

  it('runs no script that a machine has printed, nor obeys its terminal codes', async () => {
    const evil =
      '</script><script>document.title = "taken"</script><img src=x onerror="document.title = 1">\u001b[2J\u001b[31m';
    const evilRun: Run = {
      ...run,
      cells: run.cells.map((cell) => ({ ...cell, excerpt: evil, message: evil })),
      nodes: run.nodes.map((node) => ({ ...node, name: evil + node.name })),
    };
    const url = pathToFileURL((await writeReport(evilRun, join(dir))).page).href;
    try {
      await withPage(
        {},
        async (page) => {
          assert.match(await page.title(), /proofs failed/);
          assert.match(
            await textOf(page.locator('article.is-failed pre')),
            /<\/script><script>document\.title/,
          );
          assert.equal(await page.locator('script').count(), 1);
        },
        url,
      );
    } finally {
      await writeReport(run, dir);
    }
  });

  it('follows a run that goes on, and leaves open what is open', async () => {
    const { seconds: _, ...going } = run;
    let shown: Run = { ...going, cells: run.cells.slice(0, 3) };
    const live = await serveLivePage({
      ...{ port: 0, everyMs: 20 },
      look: async () => pageView(shown, NO_MATERIAL, 60),
    });
    try {
      await withPage(
        {},
        async (page) => {
          await page.locator('button.cell').first().click();
          shown = { ...going, cells: run.cells };
          await page.locator(`.cell >> nth=${run.cells.length - 1}`).waitFor();
          assert.match(await textOf(page.locator(':popover-open')), /BIOS, CD · all disks/);
          assert.match(await page.title(), /1 of 25 proofs failed/);
          await live.close();
          await page.locator('#live', { hasText: 'Ended' }).waitFor();
        },
        live.url,
      );
    } finally {
      await live.close();
    }
  });
});
