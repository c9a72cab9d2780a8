import { z } from 'zod';
import type { Edge, Vertex } from '../graph.js';
import { RECORDING_FORMAT, RECORDING_VERSION, type Plain, type PlainObject, type RecordingLine } from '../recording/format.js';

const plain: z.ZodType<Plain> = z.lazy(() =>
  z.union([z.null(), z.boolean(), z.number(), z.string(), z.array(plain), z.record(z.string(), plain)]),
);
const plainObject: z.ZodType<PlainObject> = z.record(z.string(), plain);
const number = z.int().nonnegative();
const numbers = z.record(z.string(), z.number());
const texts = z.array(z.string());
const event = z.intersection(plainObject, z.object({ type: z.string() }));
const at = { t: z.number() };
const of = { ...at, actor: number };
const by = number.optional();

/** JSON leaves out what is undefined; views of a graph expect every member. */
const vertex = z
  .object({
    id: z.string(),
    key: z.string(),
    parent: z.string().optional(),
    type: z.enum(['atomic', 'compound', 'parallel', 'final', 'history']),
    history: z.enum(['shallow', 'deep']).optional(),
    initial: texts,
    entry: texts,
    exit: texts,
    invoke: texts,
    tags: texts,
    rule: z.string().optional(),
    name: z.string().optional(),
    description: z.string().optional(),
  })
  .transform((given): Vertex => {
    const absent = { parent: undefined, history: undefined, rule: undefined, name: undefined, description: undefined };
    return { ...absent, ...given };
  });

const edge = z
  .object({
    from: z.string(),
    to: texts,
    eventType: z.string(),
    event: z.string(),
    delay: z.union([z.string(), z.number()]).optional(),
    guard: z.string().optional(),
    actions: texts,
    reenter: z.boolean(),
    description: z.string().optional(),
  })
  .transform((given): Edge => ({ delay: undefined, guard: undefined, description: undefined, ...given }));

const graph = z.object({
  id: z.string(),
  vertices: z.array(vertex),
  edges: z.array(edge),
  delays: z.record(z.string(), z.union([z.number(), z.string()])),
});

/** The first line. */
export const headerSchema = z.object({
  type: z.literal('header'),
  format: z.literal(RECORDING_FORMAT),
  version: z.literal(RECORDING_VERSION),
  product: z.string(),
  ...at,
  wallMs: z.number(),
  label: z.string().optional(),
});

const others = [
  z.object({ type: z.literal('chart'), chart: z.string(), graph }),
  z.object({
    type: z.literal('actor'),
    ...of,
    id: z.string(),
    kind: z.string(),
    chart: z.string().optional(),
    parent: number.optional(),
    by,
    name: z.string().optional(),
  }),
  z.object({
    type: z.literal('session'),
    ...of,
    session: z.string(),
    peer: z.string(),
    protocol: z.string(),
    role: z.enum(['dialer', 'acceptor']),
  }),
  z.object({ type: z.literal('state'), ...of, states: texts, context: plainObject, timers: numbers.optional() }),
  z.object({
    type: z.literal('step'),
    ...of,
    step: number,
    event,
    cause: z.object({ step: number.optional(), actor: number.optional(), timer: z.string().optional() }),
    from: texts,
    to: texts,
    edges: z.array(number).optional(),
    context: plainObject.optional(),
    raised: texts.optional(),
    guards: z.array(z.object({ guard: z.string(), state: z.string(), event: z.string() })).optional(),
    ignored: z.literal(true).optional(),
  }),
  z.object({ type: z.literal('ended'), ...of, status: z.enum(['done', 'error', 'stopped']), by }),
  z.object({ type: z.literal('timer'), ...of, timer: z.string(), event: z.string(), at: z.number(), by }),
  z.object({ type: z.literal('timer-cancelled'), ...of, timer: z.string() }),
  z.object({ type: z.literal('figures'), ...of, figures: numbers, links: z.record(z.string(), numbers).optional() }),
  z.object({
    type: z.literal('closing'),
    ...at,
    actor: number.optional(),
    session: z.string(),
    peer: z.string(),
    closing: z.intersection(plainObject, z.object({ code: z.string(), side: z.string(), reason: z.string() })),
  }),
  z.object({ type: z.literal('engine'), ...at, actor: number.optional(), event }),
  z.object({ type: z.literal('dropped'), ...at, n: number }),
] as const;

/** Any line of a recording. */
export const lineSchema = z.discriminatedUnion('type', [headerSchema, ...others]);

/** The types of lines that this version knows. */
export const LINE_TYPES: ReadonlySet<string> = new Set(lineSchema.options.map((option) => option.shape.type.value));

/** The schema and the written types know the same lines; `readRecording` proves that the ones are the others. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const isSame: Same<z.infer<typeof lineSchema>['type'], RecordingLine['type']> = true;
void isSame;
