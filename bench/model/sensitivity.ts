/** How much the constants of AWS matter: each is set to its good and to its bad value, the others stay as they are. */
import { type Constants, constantsAt, valueAt } from '../../src/aws/model/constants.ts';
import { FACTS, type Fact } from '../../src/aws/model/facts.ts';
import { formatTable } from '../table.ts';
import { type ModelOptions, model } from './point.ts';
import { dollars } from './report.ts';

export interface Sensitivity {
  readonly constant: string;
  readonly values: readonly [low: number, likely: number, high: number];
  readonly seconds: readonly [low: number, high: number];
  readonly dollars: readonly [low: number, high: number];
  /** The change of the time and of the price together, as a fraction. */
  readonly effect: number;
}

/** The constants by their effect, largest first. */
export function sensitivities(options: ModelOptions): Sensitivity[] {
  const base = model(options);
  const found: Sensitivity[] = [];
  for (const [service, facts] of Object.entries(FACTS)) {
    for (const [name, fact] of Object.entries<Fact>(facts)) {
      if (fact.low === undefined) continue;
      const at = (level: 'low' | 'high') =>
        model({ ...options, constants: withOne(service, name, valueAt(fact, level)) });
      const [low, high] = [at('low'), at('high')];
      const change = (figure: (of: typeof base) => number) =>
        Math.abs(figure(high) - figure(low)) / figure(base);
      found.push({
        constant: `${service}: ${name}`,
        values: [valueAt(fact, 'low'), fact.value, valueAt(fact, 'high')],
        seconds: [low.evaluation.seconds, high.evaluation.seconds],
        dollars: [low.cost.total, high.cost.total],
        effect: change(({ evaluation }) => evaluation.seconds) + change(({ cost }) => cost.total),
      });
    }
  }
  return found.toSorted((a, b) => b.effect - a.effect);
}

function withOne(service: string, name: string, value: number): Constants {
  const likely: Record<string, object> = { ...constantsAt('likely') };
  // The cast: the names come from FACTS, as those of Constants do.
  return { ...likely, [service]: { ...likely[service], [name]: value } } as unknown as Constants;
}

export function describeSensitivities(title: string, found: readonly Sensitivity[]): string {
  const range = ([low, high]: readonly [number, number], text: (value: number) => string) =>
    `${text(low)} to ${text(high)}`;
  return formatTable(
    [title, 'good', 'likely', 'bad', 'seconds', 'dollars'],
    found.map(({ constant, values, seconds, dollars: prices }) => [
      constant,
      ...values.map((value) => String(Number(value.toPrecision(3)))),
      range(seconds, (value) => value.toFixed(0)),
      range(prices, dollars),
    ]),
  );
}
