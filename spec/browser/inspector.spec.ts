import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

/** The page of `demo --inspect` in a real browser, as it is built and as a user meets it. Pictures go to `.ci/pictures`. */

const main = join(__dirname, '../../dist/adapters/cli/main.js');
const pictures = join(__dirname, '../../.ci/pictures');
const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const isThere = existsSync(executablePath);
const isRequired = process.env['CI'] !== undefined && process.env['CI'] !== '';
if (!isThere && !isRequired) process.stderr.write(`Skipped: there is no Chromium at ${executablePath} (set CHROMIUM).\n`);

/** A demo that runs, or has run and shows its page until it is ended. */
class Demo {
  readonly child: ChildProcess;
  #output = '';
  #watchers: (() => void)[] = [];

  constructor(...more: readonly string[]) {
    this.child = spawn(process.execPath, [main, 'demo', '--inspect', ...more], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdout!.on('data', (chunk: Buffer) => {
      this.#output += chunk.toString();
      for (const look of this.#watchers.splice(0)) look();
    });
  }

  async said(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = pattern.exec(this.#output);
      if (found !== null) return found[0];
      if (this.child.exitCode !== null) throw new Error(`the demo ended with ${this.child.exitCode}: ${this.#output}`);
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }
  address(): Promise<string> {
    return this.said(/http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\//);
  }
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}

(isThere || isRequired ? describe : describe.skip)('inspector/chromium', () => {
  let folder = '';
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let finished: Demo;
  let complaints: string[] = [];

  beforeAll(async () => {
    if (!isThere)
      throw new Error(`this test needs Chromium at ${executablePath}: apt-get install chromium, or set CHROMIUM to its path`);
    mkdirSync(pictures, { recursive: true });
    folder = await mkdtemp(join(tmpdir(), 'holdfast-inspector-'));
    browser = await chromium.launch({ executablePath, headless: true, args: ['--no-sandbox', '--disable-gpu'] });
    finished = new Demo('--size', '32MiB', '--cuts', '20', '--seed', '7');
    await finished.said(/The inspector runs until/);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await finished?.kill();
    if (folder !== '') await rm(folder, { recursive: true, force: true });
  }, 60_000);

  beforeEach(async () => {
    complaints = [];
    context = await browser.newContext({ viewport: { width: 1280, height: 860 }, colorScheme: 'dark', acceptDownloads: true });
    page = await context.newPage();
  });
  afterEach(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });

  /** Opens the page; errors of it, and requests to anywhere else, fail the test. */
  async function open(url: string, first = '.sessions .row'): Promise<void> {
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(url) && !/^(data|blob):/.test(request.url())) complaints.push(`request to ${request.url()}`);
    });
    await page.goto(url);
    await page.locator(first).first().waitFor();
  }
  const status = (): Promise<string | null> => page.locator('.top [role=status]').textContent();
  const currentEvent = (): Promise<string | null> => page.locator('.happened .row.current').textContent();
  const sessionRows = (): Promise<string[]> => page.locator('.sessions .row').allTextContents();
  const litStates = (): Promise<string[]> =>
    page.locator('.chart .leaf[data-state]').evaluateAll((states) => states.map((state) => state.getAttribute('data-state')!));
  const picture = async (name: string): Promise<void> => void (await page.screenshot({ path: join(pictures, `${name}.png`) }));

  /** Steps back from the end until the event at the playhead says so. */
  async function stepBackTo(pattern: RegExp): Promise<string> {
    for (let steps = 0; steps < 3000; steps++) {
      const text = (await currentEvent()) ?? '';
      if (pattern.test(text)) return text;
      await page.keyboard.press('ArrowLeft');
    }
    throw new Error(`no event says ${String(pattern)}`);
  }

  test('inspector/chromium: a run with cuts, while it runs: links are interrupted and come back, and the page follows', async () => {
    const demo = new Demo('--size', '4GiB', '--cuts', '400');
    try {
      await open(await demo.address());
      expect(await status()).toContain('live');
      await page.locator('.tree .sign.good').nth(3).waitFor(); // The session, its protocol, and links.
      await page.locator('.tree .sign.working').first().waitFor();
      await page.locator('.figures').getByText('acknowledged').waitFor();
      await picture('live');
      // A crash of the engine: what was seen stays, to the last event.
      const seen = await sessionRows();
      await demo.kill();
      await page.locator('.top .over').waitFor();
      expect(await status()).toContain('ended');
      expect((await sessionRows()).map((row) => row.slice(0, 8))).toEqual(seen.map((row) => row.slice(0, 8)));
      await page.keyboard.press('ArrowLeft');
      expect(await currentEvent()).toMatch(/\d:\d\d\.\d{3}/);
      complaints = complaints.filter((text) => !text.includes('ERR_')); // The browser reports the lost stream itself.
      // And after a restart the session of the new engine is found.
      const again = new Demo('--size', '1GiB', '--cuts', '10');
      try {
        const restarted = await context.newPage();
        await restarted.goto(await again.address());
        await restarted.locator('input[type=search]').fill('protocol:tuna client');
        await restarted.locator('.sessions .row').first().waitFor();
        expect(await restarted.locator('.sessions .row').count()).toBe(1);
      } finally {
        await again.kill();
      }
    } finally {
      await demo.kill();
    }
  }, 120_000);

  test('inspector/chromium: at any moment: the session in trouble is found, and "why" leads from a lost link to its wire', async () => {
    await open(await finished.address());
    await page.locator('.top').getByText('recording').waitFor();
    const degraded = await stepBackTo(/→ strength\.degraded/);
    expect(degraded).toContain('link.ended');
    await page
      .locator('.tree button', { hasText: /^.tuna open|^.tuna/ })
      .nth(1)
      .click();
    expect(await litStates()).toContain('tuna.alive.strength.degraded');
    await picture('degraded');
    await page.keyboard.press('c'); // To the cause: the link.
    const chain = page.locator('.why li');
    expect(await chain.last().textContent()).toContain('It began with');
    expect(await currentEvent()).toContain('wire.closed');
    expect(await page.locator('.why').textContent()).toContain('news of the wire');
    await picture('why');
    // The chart is that of the link now, at the moment when its wire had closed.
    expect(await page.locator('.trail .here').textContent()).toMatch(/^link \d$/);
    expect((await litStates())[0]).toMatch(/^link\./);
    // All links at once: the search finds the session while it is interrupted, and not at the end.
    const search = page.locator('input[type=search]');
    await page.keyboard.press('l');
    await stepBackTo(/→ strength\.lost/);
    await page.keyboard.press('ArrowRight'); // The connection has got the news as well.
    await search.fill('state:suspended');
    await search.press('Enter');
    expect(await sessionRows()).toEqual([expect.stringContaining('suspended')]);
    await picture('suspended');
    await page.keyboard.press('l');
    expect(await sessionRows()).toEqual([]);
    await search.fill('state:nowhere colour:red');
    expect(await page.locator('.complaint').textContent()).toContain('unknown key "colour"');
  }, 120_000);

  test('inspector/chromium: exported, reloaded and imported, a recording shows the same; what is none is refused and changes nothing', async () => {
    const url = await finished.address();
    await open(url);
    const shown = async (): Promise<unknown> => [
      await sessionRows(),
      await currentEvent(),
      await page.locator('.foot span').first().textContent(),
    ];
    await stepBackTo(/strength\.degraded/);
    await page.keyboard.press('l');
    const before = await shown();
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('e')]);
    const file = join(folder, 'exported.jsonl');
    await download.saveAs(file);
    expect(JSON.parse(readFileSync(file, 'utf8').split('\n')[0]!)).toMatchObject({ type: 'header', version: 1 });
    await page.reload();
    await page.locator('.sessions .row').first().waitFor();
    const input = page.locator('input[type=file]');
    await input.setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello\n') });
    await page.getByText('notes.txt is no recording').waitFor();
    await input.setInputFiles({
      name: 'new.jsonl',
      mimeType: 'text/plain',
      buffer: Buffer.from('{"type":"header","format":"holdfast-recording","version":9}\n'),
    });
    await page.getByText('it has version 9').waitFor();
    expect(await shown()).toEqual(before);
    // Of a file whose end is missing the rest is shown.
    writeFileSync(join(folder, 'cut.jsonl'), readFileSync(file, 'utf8').slice(0, -20));
    await input.setInputFiles(join(folder, 'cut.jsonl'));
    await page.getByText('is not readable; what is before it is shown').waitFor();
    await input.setInputFiles(file);
    await page.getByText('is not readable').waitFor({ state: 'detached' });
    expect(await shown()).toEqual(before);
  }, 120_000);

  test('inspector/chromium: light and dark, by the system and by the button', async () => {
    const background = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await open(await finished.address());
    expect(await background()).toBe('rgb(13, 17, 23)');
    await page.getByLabel('Dark or light').click();
    expect(await background()).toBe('rgb(255, 255, 255)');
    await picture('light');
    await page.emulateMedia({ colorScheme: 'light' });
    await page.reload();
    await page.locator('.sessions .row').first().waitFor();
    expect(await background()).toBe('rgb(255, 255, 255)');
    await page.getByLabel('Dark or light').click();
    expect(await background()).toBe('rgb(13, 17, 23)');
  }, 60_000);

  test('inspector/chromium: by the keyboard alone: search, sessions, steps, cause, sequence, play and back to the end', async () => {
    await open(await finished.address());
    const press = (key: string): Promise<void> => page.keyboard.press(key);
    await press('/');
    await page.keyboard.type('protocol:tuna server');
    await press('Enter');
    expect((await sessionRows()).length).toBe(1);
    expect(await page.locator('.trail').textContent()).toContain('server');
    await press('/');
    await press('Escape');
    await press('ArrowLeft');
    const end = await currentEvent();
    await press('ArrowLeft');
    expect(await currentEvent()).not.toBe(end);
    await press('ArrowRight');
    expect(await currentEvent()).toBe(end);
    await press('c');
    await page.locator('.why').waitFor();
    await press('s');
    await page.locator('.ladder .message.current').waitFor();
    expect(await page.locator('.ladder .column').count()).toBeGreaterThan(1);
    await picture('sequence');
    await press('s');
    await press('a');
    expect(await page.getByLabel('Whose events').inputValue()).toBe('all');
    await press(' ');
    await page.getByRole('button', { name: 'pause' }).waitFor();
    await press('l');
    await page.getByRole('button', { name: 'play' }).waitFor();
    // The timeline and the lists are reached by Tab and answer to arrow keys.
    const slider = page.getByRole('slider');
    await slider.focus();
    await press('Home');
    expect(await slider.getAttribute('aria-valuenow')).toBe('0');
    await press('End');
    expect(Number(await slider.getAttribute('aria-valuenow'))).toBeGreaterThan(100);
    const events = page.getByRole('listbox', { name: 'Event list' });
    await events.focus();
    await press('Home');
    expect(await page.locator('.happened .row.current').getAttribute('aria-posinset')).toBe('1');
  }, 60_000);

  test('inspector/chromium: on a phone: one column at a time, and nothing is wider than the screen', async () => {
    await page.setViewportSize({ width: 390, height: 800 });
    await open(await finished.address(), '.session .chart');
    const tab = (name: string) => page.getByRole('navigation').getByRole('button', { name });
    await tab('Sessions').click();
    await page.locator('.sessions .row').first().click();
    await page.locator('.chart').waitFor();
    await picture('phone');
    await tab('Events').click();
    await page.locator('.happened .row').first().waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  }, 60_000);

  test('inspector/chromium: every control has a name, and nothing is said by colour alone', async () => {
    await open(await finished.address());
    const unnamed = await page.locator('button, input, select, [role=img], canvas').evaluateAll((controls) =>
      controls
        .filter((each) => {
          const label = each.getAttribute('aria-label') ?? each.closest('label')?.textContent ?? each.textContent ?? '';
          return label.trim() === '' && each.getAttribute('placeholder') === null;
        })
        .map(({ outerHTML }) => outerHTML),
    );
    expect(unnamed).toEqual([]);
    expect(
      new Set(await page.locator('.sign').evaluateAll((signs) => signs.map((sign) => `${sign.className} ${sign.textContent}`)))
        .size,
    ).toBe(new Set(await page.locator('.sign').evaluateAll((signs) => signs.map((sign) => sign.className))).size);
  }, 60_000);
});
