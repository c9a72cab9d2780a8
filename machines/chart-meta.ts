/** Metadata of the states of a chart, for drawings and for tests that cite rules. */
export interface ChartMeta {
  /** The requirement that a state enforces, such as `RES-3`. */
  readonly rule?: string;
  /** The standard's own name for a state. */
  readonly name?: string;
  /** At the root: the default of each named delay, in milliseconds, or in words where it depends on more than a limit. */
  readonly delays?: Readonly<Record<string, number | string>>;
}
