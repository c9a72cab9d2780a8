import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRecording } from '../../visualizer/reader/index.js';
import { createRecorder, record, RecordingMemory, stateAt, type RecordingLine } from '../../visualizer/index.js';
import { RecordingFile } from '../../visualizer/files.js';
import { live, replayed, run, world } from './recorded-world.js';

/** A session that expires at 5 s, and others that come, are cut and are closed for so many seconds afterwards. */
function busy(sinkOf: Parameters<typeof record>[1], seconds: number) {
  const { clock, network, a, b } = world();
  const recorder = createRecorder(clock, sinkOf);
  recorder.add(a);
  void b.start();
  void a.start();
  void a.connect('sim://b:1', { reuse: false }).catch(() => {});
  run(clock, 500);
  const heal = network.partition(['a'], ['b']);
  network.cutAll();
  run(clock, 25_000);
  heal();
  for (let n = 0; n < seconds; n++) {
    void a.connect('sim://b:1', { reuse: false }).then(
      (connection) => clock.setTimeout(() => void connection.close(), 1500),
      () => {},
    );
    run(clock, 700);
    if (n % 3 === 0) network.cutAll();
    run(clock, 300);
  }
  return { clock, a, recorder };
}

test('visualizer/recording: memory is bounded; the newest lines and the whole life of what ended badly stay', () => {
  const memory = new RecordingMemory({ bytesMax: 20_000, sessionBytesMax: 400_000 });
  const { clock, a, recorder } = busy(memory, 20);
  expect(memory.dropped).toBeGreaterThan(30);
  const { recording, warning } = readRecording(memory.text());
  expect(warning).toBeUndefined();
  expect(replayed(recording, clock.now())).toEqual(live(a.actor));
  const ended = recording.lines.filter((line) => line.type === 'closing' && line.closing.code === 'window-expired');
  expect(ended.length).toBe(1);
  const [{ session }] = ended as [RecordingLine & { session: string }];
  const first = recording.lines.find((line) => line.type === 'session' && line.session === session)!;
  expect(
    'actor' in first && recording.lines.filter((line) => line.type === 'step' && line.actor === first.actor).length,
  ).toBeGreaterThan(8);
  // Its charts can be seen at a time of which all else is gone.
  const then = [...stateAt(recording, 10_000).values()].find((each) => each.session === session);
  expect(then?.states).toEqual(['connection.engaged.completed']);
  recorder.stop();
});

test('visualizer/recording: memory holds what its bounds say, also where sessions would need more', () => {
  const memory = new RecordingMemory({ bytesMax: 10_000, sessionBytesMax: 12_000 });
  let largest = 0;
  const sink = {
    write: (line: RecordingLine, session: number | undefined): void => {
      memory.write(line, session);
      if (line.type !== 'chart' && line.type !== 'header') largest = Math.max(largest, memory.bytes);
    },
    endedBadly: (session: number) => memory.endedBadly(session),
  };
  const { clock, a } = busy(sink, 20);
  const charts = memory
    .text()
    .match(/^\{"type":"chart".*$/gm)!
    .join('').length;
  expect(largest - charts).toBeLessThanOrEqual(22_000);
  expect(replayed(readRecording(memory.text()).recording, clock.now())).toEqual(live(a.actor));
});

describe('visualizer/files: a recording as a file', () => {
  const dir = mkdtempSync(join(tmpdir(), 'holdfast-recording-'));
  afterAll(() => rmSync(dir, { recursive: true }));

  test('never grows beyond its bound, is whole lines at any moment, and belongs to its owner alone', () => {
    const path = join(dir, 'bounded.rec');
    const file = new RecordingFile(path, { bytesMax: 150_000 });
    let largest = 0;
    const sink = {
      write: (line: RecordingLine, session: number | undefined): void => {
        file.write(line, session);
        largest = Math.max(largest, statSync(path).size);
      },
      endedBadly: (session: number) => file.endedBadly(session),
      end: () => file.end(),
    };
    const { clock, a, recorder } = busy(sink, 40);
    recorder.stop();
    expect(largest).toBeLessThanOrEqual(150_000);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const { recording, warning } = readRecording(readFileSync(path, 'utf8'));
    expect([warning, recording.lines.some((line) => line.type === 'dropped')]).toEqual([undefined, true]);
    expect(replayed(recording, clock.now())).toEqual(live(a.actor));
  });

  test('a disk that is full ends the recording, is reported once, and disturbs nothing else', () => {
    const errors: Error[] = [];
    const file = new RecordingFile('/dev/full', { onError: (error) => errors.push(error) });
    const { recorder } = busy(file, 2);
    recorder.stop();
    expect(errors.map(({ message }) => message)).toEqual([expect.stringMatching(/ENOSPC/)]);
    expect(recorder.failures).toBe(0);
  });

  test('a path that can’t be written throws at once', () => {
    expect(() => new RecordingFile(join(dir, 'nowhere', 'x'))).toThrow(/ENOENT/);
    expect(() => new RecordingFile(dir)).toThrow(/EISDIR/);
  });
});

test.each([{ bytesMax: 5 }, { bytesMax: Infinity }, { sessionBytesMax: -1 }])(
  'visualizer/recording: refuses the bound %j',
  (bound) => {
    expect(() => new RecordingMemory(bound)).toThrow(/RecordingMemory\..*1024/);
  },
);
