/** Readable names for XState's own ones. Drawings and transcripts use the same. */

/** A readable name of an event: `wire.closed`, `after backoff`, `done protocol`, `always`. */
export function wordsOf(eventType: string): string {
  if (eventType === '') return 'always';
  if (eventType === 'xstate.init') return 'start';
  if (eventType === 'xstate.stop') return 'stop';
  const after = /^xstate\.after\.([^.]+)\./.exec(eventType);
  if (after !== null) return `after ${/^\d+$/.test(after[1]!) ? `${after[1]!} ms` : after[1]!}`;
  if (eventType.startsWith('xstate.done.state.')) return 'done'; // A compound state whose final state is reached; the arrow starts there.
  const actor = /^xstate\.(done\.actor|error\.actor|snapshot)\.(.+)$/.exec(eventType);
  return actor === null ? eventType : `${actor[1]!.replace('.actor', '')} ${actorOf(actor[2]!)}`;
}

/** A length of time for people: `60 s`, `1.5 s`, `500 ms`; words stay as they are. */
export function durationText(delay: number | string): string {
  if (typeof delay === 'string') return delay;
  if (delay < 1000) return `${delay} ms`;
  return delay % 60_000 === 0 && delay > 60_000 ? `${delay / 60_000} min` : `${delay / 1000} s`;
}

/** `after closeGrace` says how long that is. */
export function withDefault(text: string, { delays }: { readonly delays: Readonly<Record<string, number | string>> }): string {
  return text.replace(/\bafter (\w+)/g, (all, name: string) =>
    typeof delays[name] === 'number' ? `${all} (${durationText(delays[name])})` : all,
  );
}

/** An invoked actor without a name of its own is called after its state: XState says `0.chart.outer.inner`. */
function actorOf(id: string): string {
  return /^\d+\./.test(id) ? id.slice(id.lastIndexOf('.') + 1) : id;
}

/** An action by name, with its parameters' values where they are written in the chart: `report(queued)`, `raise(go)`. */
export function actionName(action: unknown): string {
  if (typeof action === 'function') return builtInName(action);
  if (typeof action === 'string') return action;
  const { type = 'inline', params } = action as { type?: string; params?: unknown };
  return typeof params === 'object' && params !== null ? `${type}(${Object.values(params).map(valueText).join(', ')})` : type;
}

/** A guard by name; `and`, `or`, `not` and `stateIn` as a formula. */
export function guardName(guard: unknown): string {
  if (typeof guard !== 'function') return actionName(guard);
  const { guards, stateValue } = guard as unknown as { guards?: readonly unknown[]; stateValue?: unknown }; // Set by XState.
  if (stateValue !== undefined) return `in ${valueText(stateValue)}`;
  if (guards === undefined) return ownName(guard.name);
  if (guard.name === 'not') return `!${bracketed(guards[0])}`;
  return guards.map(bracketed).join(guard.name === 'and' ? ' && ' : ' || ');
}

function bracketed(guard: unknown): string {
  const isFormula = typeof guard === 'function' && ['and', 'or'].includes(guard.name);
  return isFormula ? `(${guardName(guard)})` : guardName(guard);
}

/** XState's own actions are functions that carry their parameters. */
function builtInName(action: object & { readonly name?: string }): string {
  const { type, event, sendId, src } = action as { type?: string; event?: { type?: string }; sendId?: unknown; src?: unknown };
  if (type === undefined) return ownName(action.name ?? '');
  const about = [event?.type, sendId, src].find((each) => typeof each === 'string');
  return `${type.replace(/^xstate\./, '')}${about === undefined ? '' : `(${about})`}`;
}

/** A function written in place is called after the property that holds it, which says nothing. */
function ownName(name: string): string {
  return ['', 'guard', 'actions', 'entry', 'exit', 'type'].includes(name) ? 'inline' : name;
}

function valueText(value: unknown): string {
  if (typeof value === 'function') return 'inline';
  return typeof value === 'object' && value !== null ? (JSON.stringify(value) ?? '') : String(value);
}
