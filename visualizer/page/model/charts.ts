/** A chart as the page needs it. */
export interface ChartOf {
  readonly id: string;
  /** Two charts with one key look the same. */
  readonly key: string;
  readonly states: readonly ChartState[];
  /** In the order of the machine: a recording names them by number. */
  readonly arrows: readonly { readonly from: string; readonly to: readonly string[] }[];
  /** From the whole to its parts; empty where it was not drawn. */
  readonly pictures: readonly { readonly of: string; readonly svg: string }[];
}

export interface ChartState {
  readonly id: string;
  readonly title: string;
  readonly parent: string | undefined;
  readonly tags: readonly string[];
}

/** True for a state itself and for all inside it. */
export function isWithin(id: string, outer: string): boolean {
  return id === outer || (id.startsWith(outer) && id[outer.length] === '.');
}

/** The picture that shows most of where it is: the most active states, and of two such pictures the one with less around them. */
export function bestPicture(chart: ChartOf, active: readonly string[]): ChartOf['pictures'][number] | undefined {
  let best: ChartOf['pictures'][number] | undefined;
  let bestCount = -1;
  for (const picture of chart.pictures) {
    const count = active.filter((id) => picture.svg.includes(`data-state="${id}"`)).length;
    const isCloser = count === bestCount && best !== undefined && picture.svg.length < best.svg.length && count > 0;
    if (count > bestCount || isCloser) [best, bestCount] = [picture, count];
  }
  return best;
}
