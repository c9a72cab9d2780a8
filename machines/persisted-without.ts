import type { AnyStateMachine, Snapshot } from 'xstate';

/**
 * The same chart, whose children with such ids are no part of what is persisted of it, also after `provide`. For children of which there
 * are many, and which say nothing that a restored chart could go on with.
 */
export function persistedWithout<Chart extends AnyStateMachine>(isLeftOut: (id: string) => boolean, chart: Chart): Chart {
  const persisted = chart.getPersistedSnapshot.bind(chart);
  const provide = chart.provide.bind(chart);
  chart.getPersistedSnapshot = (snapshot, options) => {
    const whole: object = persisted(snapshot, options);
    const { children } = whole as { readonly children: Readonly<Record<string, unknown>> };
    const kept = Object.fromEntries(Object.entries(children).filter(([id]) => !isLeftOut(id)));
    return { ...whole, children: kept } as object as Snapshot<unknown>;
  };
  chart.provide = (implementations) => persistedWithout(isLeftOut, provide(implementations));
  return chart;
}
